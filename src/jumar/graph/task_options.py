"""What may be said of one task, as type checkers see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from jumar.graph.call_info import CallInfo
from jumar.graph.layer import SharedOptions
from jumar.graph.options import Follow, Reuse

T = TypeVar("T")

Answer: TypeAlias = tuple[T, None] | tuple[None, Exception]
"""What a call gives that catches errors."""


class TaskOptions(SharedOptions, total=False):
    """Every option but ``catch``, which changes what calls give; see `Options`."""

    name: str | None
    version: str | None
    restore: Callable[[CallInfo], Any] | None
    exists: Callable[[CallInfo], bool] | None
    reuse: Reuse
    ignore: Sequence[str]
    key: Callable[..., Any] | None
    code: Follow
    uses: Sequence[Any]
    env: Sequence[str]
    meta: bool
    step: bool
