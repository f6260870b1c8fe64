"""Where the workers of one executor leave large values, and what the driver makes of what they have left."""

from __future__ import annotations

import itertools
import logging
import pickle

from jumar.chunks.scratch import Holding, SegmentScratch
from jumar.encoded import Encoded
from jumar.processes.channel import Lost
from jumar.processes.outfit import Outfit
from jumar.processes.process import WorkerProcess
from jumar.store.elsewhere import path_of, place_of, take_over
from jumar.store.records import Payload
from jumar.store.store import Store
from jumar.worker import Ran

_LOG = logging.getLogger("jumar")


class Furniture:
    """Gives each worker a place to write, and takes over what is written there.

    Args:
        store: The session's.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.place = place_of(store)
        """Where workers may write the store's blobs."""
        has_disk = store.path is not None and store.path.is_dir() and not store.read_only
        self.scratch = SegmentScratch(store.path / "scratch" if store.path is not None and has_disk else None)
        self._numbers = itertools.count()

    def start(self) -> WorkerProcess:
        """A new worker.

        Raises:
            OSError: There is no memory, or no number, for another process.
        """
        number = next(self._numbers)
        try:
            outfit = Outfit(self.scratch.grounds, f"worker{number}", self.place)
            writer = self.scratch.writer(f"to{number}")
        except OSError as error:
            _LOG.warning("large values go through sockets, as there is no room for them in files: %s", error)
            return WorkerProcess()
        process = WorkerProcess(outfit)
        process.channel.writer = writer
        return process

    def received(self, process: WorkerProcess, body: bytes | memoryview) -> Ran:
        """What came of a call whose value a worker has encoded.

        Raises:
            Lost: Its blob was deleted before it could be taken over.
        """
        fields, segment, seconds = pickle.loads(body)
        payload = Payload(*fields)
        holding, path = None, ""
        if segment is not None:
            holding = Holding(self.scratch, segment)
        elif payload.blob is not None:
            if not take_over(self._store, payload):
                process.kill()
                raise Lost("the blob of its result was deleted by a sweep of another program")
            path = path_of(self._store, payload)
        return Ran(Encoded(payload, holding, path), None, seconds)

    def clear(self, process: WorkerProcess) -> None:
        """Remove what was written by a lost worker and for it, and has not arrived."""
        if process.outfit is not None:
            self.scratch.clear(process.outfit.prefix)
            self.scratch.clear(process.outfit.prefix.replace("worker", "to"))

    def close(self) -> None:
        """Remove what is left; values that somebody may still ask for stay."""
        self.scratch.close()
