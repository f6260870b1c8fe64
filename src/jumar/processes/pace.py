"""How long the calls of each task take, so that short ones can be sent together."""

from __future__ import annotations

QUICK_S = 0.001
"""A call that takes longer gains nothing by being sent together with others."""
TOGETHER_S = 0.002
"""How long a message's calls may take: so long a call of a higher priority waits at worst, if nothing has changed."""
MOST = 64
_FADING = 0.7


class Pace:
    """Remembers the longest call of late of each task; a task that nobody has run yet is not quick."""

    def __init__(self) -> None:
        self._seconds: dict[bytes, float] = {}

    def note(self, code: bytes, seconds: float) -> None:
        """A call took so long.

        Args:
            code: The task's code.
            seconds: How long.
        """
        longest = self._seconds.get(code, 0.0) * _FADING
        self._seconds[code] = max(longest, seconds)

    def together(self, code: bytes) -> int:
        """How many calls of a task may go in one message.

        Example:
            >>> pace = Pace()
            >>> pace.note(b"quick", 0.0001)
            >>> pace.note(b"slow", 1.0)
            >>> pace.together(b"quick"), pace.together(b"slow"), pace.together(b"never seen")
            (20, 1, 1)
        """
        seconds = self._seconds.get(code, QUICK_S)
        if seconds >= QUICK_S:
            return 1
        return min(MOST, int(TOGETHER_S / seconds)) if seconds * MOST > TOGETHER_S else MOST
