"""Files of the safetensors format: a header in JSON that names pieces of the bytes behind it.

The format is small and fixed: the length of the header (u64, little-endian), the header, the numbers without a gap.
The package ``safetensors`` reads what is written here. It is not used for it: it copies the numbers in both directions.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from jumar.codecs.codec import Frame

_METADATA = "__metadata__"
_LENGTH_BYTES = 8
_ALIGNMENT_BYTES = 64
_HEADER_MAX_BYTES = 100_000_000
"""The longest header that the package reads."""

ITEM_BYTES = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 8),
    **dict.fromkeys(("F32", "I32", "U32"), 4),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 2),
    **dict.fromkeys(("I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2"), 1),
}
"""What one number takes, by the name of its type in the header."""


class Piece(NamedTuple):
    """One array of numbers, in C order."""

    dtype: str
    """A key of `ITEM_BYTES`."""
    shape: tuple[int, ...]
    numbers: memoryview
    """Of format ``B``."""


def write(pieces: Mapping[str, Piece], metadata: Mapping[str, str]) -> Sequence[Frame] | None:
    """The frames of a file; None for names that a header cannot hold.

    The header names the pieces in the order given. Their numbers lie in the file by falling size of one number, so that
    each starts at a multiple of that size; those of the first start at a multiple of 64 bytes.

    Args:
        pieces: The arrays by name.
        metadata: What else the header is to say.
    """
    if _METADATA in pieces:
        return None
    in_file = sorted(pieces, key=lambda name: -ITEM_BYTES[pieces[name].dtype])
    starts, at = {}, 0
    for name in in_file:
        starts[name] = at
        at += pieces[name].numbers.nbytes
    header: dict[str, Any] = {_METADATA: dict(metadata)}
    for name, piece in pieces.items():
        end = starts[name] + piece.numbers.nbytes
        header[name] = {"dtype": piece.dtype, "shape": piece.shape, "data_offsets": (starts[name], end)}
    try:
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return None
    text += b" " * (-(_LENGTH_BYTES + len(text)) % _ALIGNMENT_BYTES)
    if len(text) > _HEADER_MAX_BYTES:
        return None
    head = len(text).to_bytes(_LENGTH_BYTES, "little") + text
    return [head, *(pieces[name].numbers for name in in_file)]


def read(data: memoryview) -> tuple[dict[str, Piece], dict[str, str]]:
    """The pieces by name, in the order of the header, and what else the header says.

    Returns:
        The numbers as views of ``data``.

    Raises:
        ValueError: It is no such file, is cut off, or its header contradicts itself.
    """
    start = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "little")
    if not _LENGTH_BYTES <= start <= len(data):
        raise ValueError(f"the header is cut off: it ends at {start:,}, the data at {len(data):,}")
    header = json.loads(bytes(data[_LENGTH_BYTES:start]))
    metadata = header.pop(_METADATA, {})
    body, pieces = data[start:], {}
    for name, said in header.items():
        begin, end = said["data_offsets"]
        shape, dtype = tuple(said["shape"]), said["dtype"]
        size_bytes = math.prod(shape) * ITEM_BYTES.get(dtype, 0)
        if not 0 <= begin <= end <= len(body) or end - begin != size_bytes or dtype not in ITEM_BYTES:
            raise ValueError(
                f"the tensor {name!r} is cut off or altered: {dtype} of shape {shape} at bytes {begin:,} to {end:,} "
                f"of {len(body):,}"
            )
        pieces[name] = Piece(dtype, shape, body[begin:end])
    stated_bytes = sum(piece.numbers.nbytes for piece in pieces.values())
    if stated_bytes != len(body):
        raise ValueError(f"the file is cut off or altered: {len(body):,} of {stated_bytes:,} bytes")
    return pieces, metadata
