"""What a worker tells of a call that it has run."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

from jumar.chunks import LENT_MIN_BYTES
from jumar.chunks.segment import Segment, SegmentWriter
from jumar.codecs.catalogue import CATALOGUE
from jumar.codecs.codec import Frame
from jumar.codecs.registry import Codecs
from jumar.errors import ResultError
from jumar.graph.arguments import holds
from jumar.graph.call import Handle
from jumar.processes.kinds import DONE, ENCODED, FAILED
from jumar.processes.outfit import Form, Outfit
from jumar.processes.parcel import Reduce, is_plain, packed
from jumar.processes.trouble import sent
from jumar.store.elsewhere import BlobWriter
from jumar.store.records import Payload
from jumar.worker import Ran

Message = tuple[bytes, Sequence[Frame]]


class Reporter:
    """Makes messages of what came of calls; writes large results where they stay.

    Args:
        reduce: How what belongs to the driver is written.
    """

    def __init__(self, reduce: Reduce) -> None:
        self._reduce = reduce
        self._codecs = Codecs()
        self._segments: SegmentWriter | None = None
        self._blobs: BlobWriter | None = None
        self._needed: frozenset[str] = frozenset()

    def furnish(self, outfit: Outfit | None, segments: SegmentWriter | None) -> None:
        """Learn where large results go.

        Args:
            outfit: Where.
            segments: The writer of the segments.
        """
        self._segments = segments
        if outfit is not None and outfit.place is not None:
            self._blobs = BlobWriter(outfit.place)

    def need(self, codecs: frozenset[str]) -> None:
        """Learn which codecs the driver's program has registered: where one is missing, values are encoded there."""
        self._needed = codecs

    def of(self, ran: Ran, form: Form) -> Message:
        """The message: the value, what it was encoded as, or the error."""
        error = ran.error
        if error is None:
            is_small = _is_small(ran.value)
            message = None if is_small or not form else self._encoded(ran, form)
            if message is not None:
                return message
            try:
                return DONE, packed((ran.value, ran.seconds), None if is_small else self._reduce)
            except Exception as trouble:  # noqa: BLE001  (pickling runs user code)
                error = ResultError(
                    f"what the task returned ({type(ran.value).__qualname__}) cannot be sent from its worker process: "
                    f"{type(trouble).__name__}: {trouble}. Return something that pickle or cloudpickle can write."
                )
        return FAILED, packed((sent(error, self._reduce), ran.seconds), self._reduce)

    def _encoded(self, ran: Ran, form: Form) -> Message | None:
        """The message of a value that was encoded here; None where the driver must have the value itself."""
        if holds(ran.value, Handle) or not CATALOGUE.registered >= self._needed:
            return None
        try:
            if form is Form.KEPT and self._blobs is not None:
                return _message(self._blobs.encode(ran.value), None, ran.seconds)
            return self._in_segment(ran)
        except Exception:  # noqa: BLE001  (it is pickled once more, as a parcel, and what goes wrong then is told)
            return None

    def _in_segment(self, ran: Ran) -> Message | None:
        if self._segments is None:
            return None
        name, frames = self._codecs.encode(ran.value, by_name=True)
        size_bytes = sum(map(len, frames))
        if size_bytes < LENT_MIN_BYTES:
            return None
        segment = self._segments.write_frames(name, frames)
        return _message(Payload(name, size_bytes, None, None), segment, ran.seconds)

    def close(self) -> None:
        """Let go of files."""
        if self._blobs is not None:
            self._blobs.close()


def _message(payload: Payload, segment: Segment | None, seconds: float) -> Message:
    return ENCODED, (pickle.dumps((tuple(payload), segment, seconds), 5),)


def _is_small(value: Any) -> bool:
    """Whether a value is plain and short, so that nothing is gained by looking at it longer."""
    return is_plain((value,)) and (type(value) not in (str, bytes) or len(value) < LENT_MIN_BYTES)
