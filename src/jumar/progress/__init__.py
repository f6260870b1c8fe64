"""The progress line: what became of the calls so far, how fast they go, and how long the rest will take."""

from jumar.progress.line import ProgressLine
from jumar.progress.rate import Rate
from jumar.progress.words import summary, text

__all__ = ["ProgressLine", "Rate", "summary", "text"]
