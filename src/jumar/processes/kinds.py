"""The kinds of messages between driver and worker: one byte each."""

from __future__ import annotations

KNOW, RUN, RUN_ALL, ANSWER, END = b"K", b"R", b"B", b"A", b"E"
"""What a driver sends: what to know, a call to run, several, the answer to a question, and that it is over."""
STARTED, DONE, ENCODED, FAILED, QUESTION = b"S", b"D", b"N", b"F", b"Q"
"""What a worker sends, beside its output: that it is there, what came of a call (its value, what that was encoded as, or
its error), and what its task asks of jumar."""
ENDS = frozenset((DONE, ENCODED, FAILED))
RETURNED = b"X"
"""Of several calls: from which one on they have not begun and are given back."""
