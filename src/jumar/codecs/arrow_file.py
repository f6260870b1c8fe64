"""Tables as Arrow IPC files (also known as Feather 2), written from and read into place without a copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from jumar.codecs.codec import Frame

_MARK = b"jumar"
"""Key in the schema's metadata under which the file says what the table stands for."""

_ALIGNMENT_BYTES = 8
"""What the Arrow format asks of every buffer; a file that starts at such an address has all of them there."""


class _Frames:
    """Takes what is written to it as frames. A buffer comes as itself, not as a copy of its bytes."""

    closed = False

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self._size_bytes = 0

    def write(self, data: Any) -> int:
        """Keep the bytes or the buffer; the frame keeps its owner alive."""
        frame = data if isinstance(data, bytes) else memoryview(data).cast("B")
        self.frames.append(frame)
        self._size_bytes += len(frame)
        return len(frame)

    def tell(self) -> int:
        """How much was written, in bytes."""
        return self._size_bytes

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """No more is written."""
        self.closed = True


def write(table: pa.Table, mark: bytes) -> Sequence[Frame] | None:
    """The frames of a file with one batch for each chunk of the table; None where the file could not give it back.

    Those are tables whose columns are cut into chunks at different rows, or that hold empty chunks; types of
    extensions, which are read as something else where they are not registered; and columns whose chunks have different
    dictionaries.

    Args:
        table: The table.
        mark: What it stands for, to be found again by `read`.
    """
    metadata = table.schema.metadata
    if metadata is not None and (not metadata or _MARK in metadata):
        return None
    if not _is_cut_evenly(table) or any(map(_is_foreign, table.schema.types)):
        return None
    sink = _Frames()
    schema = table.schema.with_metadata({**(metadata or {}), _MARK: mark})
    try:
        with pa.ipc.new_file(pa.PythonFile(sink, mode="w"), schema) as writer:
            writer.write_table(table)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # Nobody but the writer knows all that a file cannot hold, such as a second dictionary for one column.
        return None
    return sink.frames


def read(data: memoryview) -> tuple[pa.Table, bytes]:
    """The table and what it stands for; its buffers are views of ``data`` unless that starts where Arrow allows none.

    Raises:
        pyarrow.ArrowInvalid: It is no Arrow file, or is cut off.
        ValueError: It was written by something else.
    """
    buffer = pa.py_buffer(data)
    if buffer.address % _ALIGNMENT_BYTES:
        buffer = pa.py_buffer(bytes(data))
    table = pa.ipc.open_file(buffer).read_all()
    metadata = dict(table.schema.metadata or {})
    mark = metadata.pop(_MARK, None)
    if mark is None:
        raise ValueError("the Arrow file does not say what kind of result it holds: jumar did not write it")
    return table.replace_schema_metadata(metadata or None), mark


def _is_cut_evenly(table: pa.Table) -> bool:
    if table.num_columns == 0:
        return bool(table.num_rows == 0)
    lengths = {tuple(len(chunk) for chunk in column.chunks) for column in table.columns}
    return len(lengths) == 1 and 0 not in next(iter(lengths))


def _is_foreign(kind: pa.DataType) -> bool:
    if isinstance(kind, pa.BaseExtensionType):
        return True
    inner = [kind.field(index).type for index in range(kind.num_fields)]
    if pa.types.is_dictionary(kind):
        inner.append(kind.value_type)
    return any(map(_is_foreign, inner))
