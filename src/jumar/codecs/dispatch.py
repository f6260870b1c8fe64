"""Picklers that leave to others how certain types are written, for one stream only."""

from __future__ import annotations

import copyreg
import io
import pickle
from collections import ChainMap
from collections.abc import Callable, MutableMapping
from typing import Any

Reducers = MutableMapping[type, Callable[[Any], Any]]
"""By exact type, what to do in place of ``__reduce_ex__``: the ``dispatch_table`` of a pickler."""


def dumps_with(pickler: Any, *tables: Reducers) -> Callable[..., bytes]:
    """What writes as ``pickle.dumps`` does, with such a pickler, and asks these tables first.

    ``copyreg`` would do the same for all pickles of the program.

    Args:
        pickler: The class of picklers: pickle's, or cloudpickle's.
        tables: The first one that has a type counts.

    Example:
        >>> shorter = dumps_with(pickle.Pickler, {complex: lambda number: (complex, (int(number.real),))})
        >>> pickle.loads(shorter([2.5 + 1j], 5))
        [(2+0j)]
    """
    own: Any = copyreg.dispatch_table if pickler is pickle.Pickler else pickler.dispatch_table
    dispatching = type("DispatchingPickler", (pickler,), {"dispatch_table": ChainMap(*tables, own)})

    def dumps(value: Any, protocol: int, buffer_callback: Callable[[pickle.PickleBuffer], Any] | None = None) -> bytes:
        stream = io.BytesIO()
        dispatching(stream, protocol, buffer_callback=buffer_callback).dump(value)
        return stream.getvalue()

    return dumps
