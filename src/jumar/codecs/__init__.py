"""How values become bytes and back: one module a codec, a catalogue of all of them, and the registry of a store.

``jumar.codecs.register(codec, *types)`` adds one.
"""

from jumar.codecs.catalogue import CATALOGUE
from jumar.codecs.codec import Codec, Frame

register = CATALOGUE.register

__all__ = ["Codec", "Frame", "register"]
