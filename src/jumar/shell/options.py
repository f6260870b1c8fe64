"""The options of a shell task: what may be said about how its command runs, ends, and what it writes."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from jumar.errors import DeclarationError
from jumar.shell.pattern import check_pattern

Outputs = Mapping[str, str | os.PathLike[str]]
_UNKEYED = frozenset({"timeout_s", "grace_s"})
"""Options that say how long to wait and not what to compute."""


@dataclass(frozen=True, slots=True)
class ShellOptions:
    r"""How a command runs, when it counts as succeeded, and what it writes.

    All but ``timeout_s`` and ``grace_s`` join the key of each call, as far as they are not the default.

    Args:
        outputs: The files that the command writes, by a name for each: patterns of their paths inside ``folder``,
            filled in with the arguments, or a function that is called with the arguments and gives the paths.
        stdout: Pattern of a file that stdout is sent to; None puts what was printed into the result.
        stderr: Likewise for stderr.
        folder: Pattern of the folder in which the outputs have their place; by default the working directory.
        cwd: Where the command runs; None for a new folder beside the outputs, from which they get their places by
            renames when it has succeeded. A path runs it there, where it writes its outputs itself.
        ok_codes: The exit codes that count as success, or a function that says so of one.
        env: Variables that are added to the environment.
        shell: What runs a command line: the path of a shell, or a list with options, after which the line is put.
        encoding: Of what is captured; bytes that are not in it become ``\xff`` and the like. None gives bytes.
        timeout_s: After so many seconds the command is ended and the call fails; None for any time.
        grace_s: How long a command that is being ended has after SIGTERM before SIGKILL comes.
    """

    outputs: Mapping[str, str] | Callable[..., Outputs] = field(default_factory=dict)
    stdout: str | None = None
    stderr: str | None = None
    folder: str | None = None
    cwd: str | None = None
    ok_codes: tuple[int, ...] | Callable[[int], bool] = (0,)
    env: Mapping[str, str] = field(default_factory=dict)
    shell: tuple[str, ...] = ("/bin/sh", "-c")
    encoding: str | None = "utf-8"
    timeout_s: float | None = None
    grace_s: float = 5.0

    def __post_init__(self) -> None:
        """Refuse values that could only fail later."""
        for name, check, takes in _RULES:
            value = getattr(self, name)
            if not check(value):
                raise DeclarationError(f"option {name}= of a shell task takes {takes}, not {value!r}.")
        if self.cwd is not None and self.folder is not None:
            raise DeclarationError(
                "options cwd= and folder= of a shell task exclude each other: where the command runs in a folder of "
                "your own, it writes its outputs there."
            )

    def with_changes(self, changes: Mapping[str, Any]) -> ShellOptions:
        """These options with some replaced, given in any of the forms that `shell` takes."""
        return replace(self, **{name: _plain(name, value) for name, value in changes.items()})

    def check_patterns(self, parameters: Sequence[str], task: str) -> None:
        """Refuse patterns that name something else than parameters.

        Raises:
            DeclarationError: One does; the text has the names that there are.
        """
        for where, pattern in self.patterns():
            check_pattern(pattern, parameters, f"shell task {task!r}, {where}")
        if self.folder is not None:
            check_pattern(self.folder, parameters, f"shell task {task!r}, folder=", inside=False)

    def patterns(self) -> list[tuple[str, str]]:
        """Each declared file, as it is shown in errors, with its pattern."""
        found = [] if callable(self.outputs) else [(f"output {name!r}", each) for name, each in self.outputs.items()]
        streams = (("stdout=", self.stdout), ("stderr=", self.stderr))
        return [*found, *((where, pattern) for where, pattern in streams if pattern is not None)]

    def succeeded(self, exit_code: int) -> bool:
        """Whether a command that ended with this code did what it was to do."""
        return bool(self.ok_codes(exit_code)) if callable(self.ok_codes) else exit_code in self.ok_codes

    def __jumar_key__(self) -> dict[str, Any]:
        """The options that are not the default: new ones may come without changing the keys of those who use none."""
        named = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in _UNKEYED}
        default = ShellOptions()
        return {name: value for name, value in named.items() if value != getattr(default, name)}


def _plain(name: str, value: Any) -> Any:
    """One form for the several in which an option may be written."""
    if name == "ok_codes" and isinstance(value, int) and not isinstance(value, bool):
        return (value,)
    if name == "shell" and isinstance(value, str | os.PathLike):
        return (os.fspath(value), "-c")
    if name in ("ok_codes", "shell") and isinstance(value, list | range | set | frozenset):
        return tuple(sorted(value)) if isinstance(value, set | frozenset) else tuple(value)
    if name in ("cwd", "folder", "stdout", "stderr") and isinstance(value, os.PathLike):
        return os.fspath(value)
    if name == "outputs" and isinstance(value, Mapping):
        return {key: os.fspath(each) if isinstance(each, os.PathLike) else each for key, each in value.items()}
    return dict(value) if name == "env" and isinstance(value, Mapping) else value


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value) and "\0" not in value


def _are_outputs(value: object) -> bool:
    return callable(value) or (
        isinstance(value, Mapping) and all(_is_text(name) and _is_text(pattern) for name, pattern in value.items())
    )


def _are_codes(value: object) -> bool:
    return callable(value) or (isinstance(value, tuple) and bool(value) and all(type(code) is int for code in value))


def _is_environment(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        _is_text(name) and "=" not in name and isinstance(text, str) and "\0" not in text
        for name, text in value.items()
    )


def _is_encoding(value: object) -> bool:
    if value is None:
        return True
    try:
        return isinstance(value, str) and b"a".decode(value) != ""  # of nothing at all, any encoding would do
    except UnicodeDecodeError:  # of two bytes a letter, say
        return True
    except LookupError:
        return False


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


_RULES: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    (
        "outputs",
        _are_outputs,
        "a dict of names and patterns such as {'bam': '{sample}.bam'}, or a function that gives one",
    ),
    (
        "stdout",
        lambda value: value is None or _is_text(value),
        "the pattern of a file name such as 'log-{i}.txt', or None",
    ),
    (
        "stderr",
        lambda value: value is None or _is_text(value),
        "the pattern of a file name such as 'log-{i}.txt', or None",
    ),
    ("folder", lambda value: value is None or _is_text(value), "the pattern of a folder's path, or None"),
    ("cwd", lambda value: value is None or _is_text(value), "the path of a folder, or None for a new one"),
    ("ok_codes", _are_codes, "a list of whole numbers, or a function of one"),
    ("env", _is_environment, "a dict of names and texts (library versions join the key by @jumar.task(env=...) only)"),
    ("shell", lambda value: isinstance(value, tuple) and bool(value) and all(map(_is_text, value)), "a path or a list"),
    ("encoding", _is_encoding, "the name of an encoding that Python knows, or None for bytes"),
    (
        "timeout_s",
        lambda value: value is None or (_is_time(value) and value > 0),
        "a number of seconds above 0, or None",
    ),
    ("grace_s", _is_time, "a number of seconds that is not negative"),
)
