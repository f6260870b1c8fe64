"""The progress line on a terminal."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from jumar.clock import Clock, SystemClock
from jumar.events import Counts
from jumar.progress.rate import Rate
from jumar.progress.words import share_done, summary, text

_LOOKS_PER_SECOND = 8
_BAR_COLUMNS = 24

_terminal = threading.Lock()
"""Held by the line that is on the terminal: of two sessions with progress, the second only gives its summary."""


class ProgressLine:
    r"""A context manager that shows one live line while it lasts, and leaves a summary.

    The counts are looked at a few times a second from a thread of its own, so a line costs the calls nothing.
    Where the console is no terminal, only the summary is written.

    Args:
        counts: Gives the counts of now; called from another thread.
        console: Where to draw; by default the terminal at standard error, which leaves standard output to the program.
        clock: For rate and duration.

    Guarantees:
        What the program prints to a terminal meanwhile goes above the line. Standard output that goes elsewhere, to a
        file or a pipe, is left alone.

    Example:
        >>> import io
        >>> console = Console(file=io.StringIO())
        >>> with ProgressLine(lambda: Counts(3, 1, 0, 0, 0), console):
        ...     pass
        >>> console.file.getvalue()
        'jumar: 3 computed · 1 restored in 0:00\n'
    """

    def __init__(
        self, counts: Callable[[], Counts], console: Console | None = None, *, clock: Clock | None = None
    ) -> None:
        self._counts = counts
        # Not as in a notebook: there rich needs widgets, and warns where they are missing.
        self._console = console or Console(stderr=True, force_jupyter=False)
        self._clock = clock or SystemClock()
        self._started_s = self._clock.elapsed_s()
        self._rate = Rate()
        self._drawn = ExitStack()

    def __enter__(self) -> Self:
        """Start the clock, and draw if there is a terminal that has no such line yet."""
        self._started_s = self._clock.elapsed_s()
        self._rate = Rate()
        if self._console.is_terminal and _terminal.acquire(blocking=False):
            self._drawn.callback(_terminal.release)
            self._drawn.enter_context(
                Live(
                    get_renderable=self._now,
                    console=self._console,
                    refresh_per_second=_LOOKS_PER_SECOND,
                    transient=True,
                    redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
                )
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the line away and write the summary."""
        self._drawn.close()
        last_words = summary(self._counts(), self._clock.elapsed_s() - self._started_s)
        if last_words:
            self._console.print(last_words, soft_wrap=True)

    def _now(self) -> Table:
        """The bar and the words as of now, in one line however narrow the terminal is."""
        counts, at_s = self._counts(), self._clock.elapsed_s()
        # Restored calls are done as soon as they are asked for: they say nothing about the time that the others need.
        rate = self._rate.update(counts.computed + counts.failed, at_s=at_s)
        line = Table.grid(padding=(0, 1))
        line.add_column(no_wrap=True)
        line.add_column(no_wrap=True, overflow="ellipsis")
        bar = ProgressBar(total=1.0, completed=share_done(counts), width=_BAR_COLUMNS, complete_style="green")
        line.add_row(bar, text(counts, at_s - self._started_s, rate))
        return line
