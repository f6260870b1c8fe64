"""The inline executor: everything runs in the thread that submits it. For tests, debugging and single steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class InlineExecutor:
    """Runs each piece of work at once, in the caller's thread.

    Example:
        >>> InlineExecutor().submit(print, "now")
        now
    """

    name = "inline"
    workers = 1

    def __init__(self) -> None:
        self._closed = False

    def submit(self, work: Callable[[T], None], item: T) -> None:
        """Carry out ``work(item)`` and return.

        Raises:
            RuntimeError: The executor was closed.
        """
        if self._closed:
            raise RuntimeError("the inline executor was closed and takes no more work")
        work(item)

    def close(self, *, wait: bool) -> None:  # noqa: ARG002  (nothing is ever under way, so there is nothing to wait for)
        """Take no more work."""
        self._closed = True
