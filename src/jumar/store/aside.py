"""How a blob goes that nobody names: first aside, then, when it is certain that nobody needs it, away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from jumar.store.blobs import Blobs


@runtime_checkable
class Aside(Protocol):
    """What a keeper of blobs does for sweeps, besides ``Blobs``. Every method may be called from any thread and process.

    The order makes it safe without a lock and without a clock (see docs/design/0011-retention.md). Who writes or finds a
    blob first claims it and then looks whether it is there. Who sweeps first sets it aside, then asks what is claimed, then
    asks which blobs are named by rows, and puts back what is either.
    """

    def claim(self, digest: bytes) -> None:
        """From now on, until ``let_go`` or the end of this object, no sweep deletes this blob, if it is there.

        Raises:
            OSError: That could not be made known to other processes.
        """

    def let_go(self) -> None:
        """Claim nothing any more."""

    def claimed(self) -> set[bytes]:
        """What is claimed by anybody who lives."""

    def set_aside(self, digest: bytes) -> None:
        """Take a blob away from its place, so that who writes it anew writes it; one that is not there is passed over.

        Until it is discarded, who looks for it finds it and puts it back.
        """

    def aside(self) -> Iterator[bytes]:
        """What is set aside, also by a sweep that died."""

    def put_back(self, digest: bytes) -> None:
        """Give a blob its place again; one that is not aside is passed over."""

    def discard(self, digest: bytes) -> int:
        """Delete a blob that is aside; its length, 0 where it is not there. Readers that have it open keep it."""


class SweepableBlobs(Blobs, Aside, Protocol):
    """Blobs that can be swept."""
