"""Contract suites: what every index, keeper of blobs, codec and executor must do, as classes of tests to derive from.

A new store or executor is proved by one class, which says how to make it::

    from jumar.testing.contracts import IndexContract

    class TestMyIndex(IndexContract):
        def make(self, folder):
            return MyIndex(folder)

The suites need pytest to be run (they take its ``tmp_path``), not to be imported.
"""

from jumar.testing.contracts_aside import AsideContract
from jumar.testing.contracts_blobs import BlobsContract, LastingBlobsContract
from jumar.testing.contracts_codec import CodecContract
from jumar.testing.contracts_executor import ExecutorContract
from jumar.testing.contracts_index import IndexContract, LastingIndexContract

__all__ = [
    "AsideContract",
    "BlobsContract",
    "CodecContract",
    "ExecutorContract",
    "IndexContract",
    "LastingBlobsContract",
    "LastingIndexContract",
]
