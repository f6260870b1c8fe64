"""The stack of a thread in which calls run inside one another: how much of it they may take, and when too little is left."""

from __future__ import annotations

import sys

DEEPEST_INLINE_FRAMES = 400
"""How deep a stack may be on top of which another call is begun, in frames; with a low recursion limit two fifths of it.

A level takes some nine frames and whatever the task itself takes. What is above is left to the task at the top: counted
in levels instead, tasks that recurse on their own would find less and less room. A higher limit gives no more, as each
level also takes some of the thread's C stack, which has a size of its own."""

_ROOM = 150
"""Frames kept for what the engine and the store do for one call."""


def is_deep() -> bool:
    """Whether another call is better begun in another thread than on top of this one's stack."""
    return _has(min(DEEPEST_INLINE_FRAMES, sys.getrecursionlimit() * 2 // 5))


def refuse_overflow(task: str, depth: int) -> None:
    """Refuse a call for which there is no other thread where little is left of the stack.

    Python's own error would come from somewhere inside of the engine, which would then not know what had happened.

    Args:
        task: The name of the task.
        depth: How many calls run inside one another in this thread.

    Raises:
        RecursionError: Little is left.
    """
    limit = sys.getrecursionlimit()
    if _has(limit - min(_ROOM, limit // 4)):
        raise RecursionError(
            f"task {task!r} is called {depth} calls deep on the inline executor, where each of them stays on the stack; "
            f"Python's limit of {limit} frames leaves no room for another one. Run it on threads, let the tasks return "
            f"calls instead of waiting for them, or raise the limit with sys.setrecursionlimit()."
        )


def _has(frames: int) -> bool:
    try:
        sys._getframe(frames)  # noqa: SLF001  (the only way to ask without a walk of one's own)
    except ValueError:
        return False
    return True
