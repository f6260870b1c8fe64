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

    def submit(self, work: Callable[[T], None], item: T) -> None:
        """Carry out ``work(item)`` and return."""
        work(item)

    def close(self, *, wait: bool) -> None:
        """Nothing is ever under way, so there is nothing to wait for."""
