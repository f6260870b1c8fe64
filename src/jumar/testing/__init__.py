"""What proves a store or an executor: suites of tests to derive from, and parts that fail when they are told to.

- `contracts`: ``IndexContract``, ``BlobsContract``, ``CodecContract``, ``ExecutorContract`` and more, one class a part.
- `faults` and `faulty_parts`: any operation of an index or of blobs fails, once or from then on, before it is done or
  after (its answer is lost); is held up; is torn; or kills the process.
- `disk_recorder`, `sqlite_recorder` and `power_cut`: what a program did on the disk, and what a power loss may leave.
- `conformance`: what must give another key, and what must not.

Example:
    >>> from jumar.store.memory_index import MemoryIndex
    >>> from jumar.testing.faults import Faults, disk_full
    >>> from jumar.testing.faulty_parts import FaultyIndex
    >>> index = FaultyIndex(MemoryIndex(), Faults(at=2, error=disk_full, only=["index.add"]))
    >>> index.add([])
    >>> index.add([])
    Traceback (most recent call last):
    OSError: [Errno 28] No space left on device
"""
