"""What a worker is told of where large values go, once it has started."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from jumar.chunks.segment import Grounds
from jumar.graph.call import Call
from jumar.store.elsewhere import BlobPlace


class Form(IntEnum):
    """In which form the driver wants the value of a call."""

    VALUE = 0
    """As it is: the driver has to look at it."""
    LOOSE = 1
    """In a segment, if it is large: the driver may never need it."""
    KEPT = 2
    """Encoded for the store, and in its blob if it is not small."""


class Outfit(NamedTuple):
    """Where a worker writes."""

    grounds: Grounds
    prefix: str
    """Of its segments."""
    place: BlobPlace | None
    """The store's; None where only the driver may write into it."""


def form_of(call: Call, place: BlobPlace | None) -> Form:
    """In which form the value of a call is wanted.

    Args:
        call: The call, which is about to run.
        place: Where its blob may be written.
    """
    task = call.task
    if call.catches:  # its value is a part of its answer
        return Form.VALUE
    if not call.keep or call.recorded_key is None:
        return Form.LOOSE
    if task.saves is not None or task.decides is not None or call.suspect is not None:
        return Form.VALUE
    # Whether a rule admits it is known when its size is.
    return Form.LOOSE if place is None or task.keeps is not None else Form.KEPT
