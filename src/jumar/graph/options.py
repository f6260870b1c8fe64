"""The options of a task: what may be said about how its calls are kept and named."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, fields, replace
from typing import Any

from jumar.errors import DeclarationError


@dataclass(frozen=True, slots=True)
class Options:
    """How a task's calls are named, identified and kept.

    Args:
        name: The name that people see; by default the function's qualified name.
        version: Joins the key: another version is another call. For changes that the code does not show, such as new
            weights behind the same path.
        checkpoint: Whether results are kept. None takes the setting of the call that makes this one, else True.
    """

    name: str | None = None
    version: str | None = None
    checkpoint: bool | None = None

    def __post_init__(self) -> None:
        """Refuse values that could only fail later."""
        if self.name is not None and (not isinstance(self.name, str) or not self.name.strip()):
            raise DeclarationError(f"option name= takes a non-empty string, not {self.name!r}")
        if self.version is not None and not isinstance(self.version, str):
            raise DeclarationError(
                f"option version= takes a string, not {self.version!r} ({type(self.version).__name__}): "
                f"write version={str(self.version)!r}"
            )
        if self.checkpoint not in (None, True, False):
            raise DeclarationError(f"option checkpoint= takes True, False or None, not {self.checkpoint!r}")

    def with_changes(self, changes: dict[str, Any]) -> Options:
        """These options with some replaced; an unknown name is an error that suggests the nearest known one."""
        for name in changes:
            if name not in _NAMES:
                near = difflib.get_close_matches(name, _NAMES, n=1)
                hint = f" Did you mean {near[0]}=?" if near else f" There are: {', '.join(_NAMES)}."
                raise DeclarationError(f"a task has no option {name}=.{hint}")
        return replace(self, **changes)


_NAMES = tuple(field.name for field in fields(Options))
