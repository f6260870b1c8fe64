"""Pickles in which also those arrays keep their numbers beside the stream that NumPy would copy into it.

NumPy gives pickle the memory of contiguous arrays of numbers and text. Dates, records and arrays with gaps it copies.
What is written here is read by NumPy alone: the array is made by ``numpy.ndarray`` itself.
"""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np

from jumar.codecs.dispatch import Reducers
from jumar.codecs.framing import IN_BAND_MAX_BYTES

_GIVEN_BY_NUMPY = frozenset("biufcSU?")
_COPIED = b"multiarray\x94\x8c\x0c_reconstruct"
"""What a stream calls before the first array whose numbers it holds. So long that it is searched for quickly."""
_OBJECTS, _SOON = b"\x8c\x02O8", 400
"""How a stream names the dtype of objects, and how many bytes after the call at most."""


def has_copies(stream: bytes) -> bool:
    """Whether NumPy may have copied numbers into the stream of a pickle.

    It writes arrays of objects in the same way, and these stay there: where the first one is of that kind, the others
    are not looked for. Searching on would take longer than it saves.
    """
    at = stream.find(_COPIED)
    return at >= 0 and stream.find(_OBJECTS, at, at + _SOON) < 0


def _reduce(array: Any) -> Any:
    flags, dtype = array.flags, array.dtype
    is_whole = flags.c_contiguous or flags.f_contiguous
    if array.nbytes <= IN_BAND_MAX_BYTES or dtype.hasobject or (is_whole and dtype.kind in _GIVEN_BY_NUMPY):
        return array.__reduce_ex__(pickle.HIGHEST_PROTOCOL)
    if not is_whole:
        array = array.copy(order="C")
        array.flags.writeable = flags.writeable
    order = "C" if array.flags.c_contiguous else "F"
    numbers = (array if order == "C" else array.T).reshape(-1).view(np.uint8)
    return np.ndarray, (array.shape, dtype, pickle.PickleBuffer(numbers), 0, None, order)


REDUCERS: Reducers = {np.ndarray: _reduce}
"""How arrays are written."""
