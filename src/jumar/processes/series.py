"""The calls of one message in the worker that runs them, one after the other, until they are wanted back."""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Sequence

from jumar.codecs.codec import Frame
from jumar.codecs.framing import IN_BAND_MAX_BYTES
from jumar.processes.channel import Channel
from jumar.processes.kinds import RETURNED


class Series:
    """Runs the calls of a message.

    What came of each is told before the next one begins, so that a worker that is lost takes nothing along but the call
    that it runs. Telling several at a time was measured: it saves a quarter of the time of calls that do nothing, and does
    again what was done.

    Args:
        channel: The connection to the driver.
        run: Runs a call and gives the message of what came of it.
    """

    def __init__(self, channel: Channel, run: Callable[[bytes | memoryview], tuple[bytes, Sequence[Frame]]]) -> None:
        self._channel = channel
        self._run = run
        self._number = -1
        self._pending: deque[tuple[int, int, bytes | memoryview]] = deque()

    def run(self, bodies: Sequence[bytes]) -> None:
        """Run calls, and tell what came of each, in their order."""
        self._number += 1
        self._pending.extend([(self._number, index, _as_received(body)) for index, body in enumerate(bodies)])
        while (following := self._next()) is not None:
            self._channel.send(*self._run(following[2]))

    def drop(self) -> None:
        """Forget what has not begun: the driver gives it to others, as the call that runs may be about to wait for it."""
        self._pending.clear()

    def hand_back(self) -> None:
        """Tell the driver which calls have not begun, and forget them. Called by another thread than that which runs them."""
        first = following = self._next()
        while following is not None:
            following = self._next()
        if first is not None:
            self._channel.send(RETURNED, (pickle.dumps(first[:2], 5),))

    def _next(self) -> tuple[int, int, bytes | memoryview] | None:
        """Take the next call out: the number of its message, its place there, its body. Of two threads only one has it."""
        try:
            return self._pending.popleft()
        except IndexError:
            return None


def _as_received(body: bytes) -> bytes | memoryview:
    """A body as `Channel.receive` gives it: one that may hold buffers in memory of its own, which is writable."""
    return body if len(body) <= IN_BAND_MAX_BYTES else memoryview(bytearray(body))
