"""Shell tasks: functions that say which command to run."""

from __future__ import annotations

import difflib
import functools
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, ParamSpec, cast

from jumar.errors import DeclarationError
from jumar.graph.options import NAMES, Options
from jumar.here import PLACE
from jumar.keys.code_token import shape_of
from jumar.keys.file import Dir, File
from jumar.script import imported
from jumar.shell.error import Command
from jumar.shell.options import ShellOptions
from jumar.shell.result import ShellResult
from jumar.task import Task

P = ParamSpec("P")
CommandLine = str | Sequence[str | os.PathLike[str]]


class ShellTask(Task[P, ShellResult]):
    """A function that gives a command line, whose calls run it: made with ``@jumar.shell``.

    ``f.command(x)`` gives the command without running it, ``f.fn(x)`` runs it without keeping anything.

    Args:
        command: The function.
        shell_options: How its commands run and what they write.
        options: How its calls are named, identified and kept.

    Raises:
        DeclarationError: ``command`` cannot be a task, or an option does not fit it.
        FingerprintError: A function among the options, or ``command``, is an object that has no identity.
    """

    runs_here = True

    def __init__(
        self,
        command: Callable[P, CommandLine],
        shell_options: ShellOptions | None = None,
        options: Options | None = None,
    ) -> None:
        checked = Task(command, options)  # refuses what cannot be a task
        if inspect.iscoroutinefunction(command):
            raise DeclarationError(
                f"{checked.name} is asynchronous: it only says which command to run, and has nothing to wait for. Make it "
                f"an ordinary function."
            )
        self.command = command
        self._shell_options = shell_options or ShellOptions()
        self._given_options = given = options or Options()
        signature = inspect.signature(command)
        self._shell_options.check_patterns(tuple(signature.parameters), checked.name)
        # What a library's function holds and has no identity is left out of keys in silence. Here nothing may be.
        shape_of((command, self._shell_options))
        uses = given.uses
        if given.code == "version":  # else the name would be that of what runs the commands, the same for all
            uses = (*uses, self._shell_options, checked.name)
        derived = given.with_changes({"name": checked.name, "uses": uses})
        super().__init__(_runner(command, self._shell_options), derived)

    @property
    def is_pure(self) -> bool:
        """Never: a command may leave files behind, which others may look for."""
        return False

    def options(self, **changes: Any) -> ShellTask[P]:  # type: ignore[override]  # other options, and no catch=
        """The same task with other options, of those that `shell` takes.

        Raises:
            DeclarationError: There is no such option, or it cannot have this value.
        """
        return changed(self.command, self._shell_options, self._given_options, changes)

    def filled(self, values: Mapping[str, Any]) -> ShellTask[P]:
        """As for any task; the time limit is the command's, which can be ended."""
        timed, others = self._timed(values), _without_time_limit(values)
        copy = cast("ShellTask[P]", super().filled(others))
        copy.__dict__.update(_shell_options=timed, _given_options=self._given_options.filled(others))
        copy.fn = _runner(copy.command, timed)
        return copy

    def filled_by_session(self, values: Mapping[str, Any]) -> ShellTask[P]:
        """Likewise; it is not pickled."""
        copy = cast("ShellTask[P]", super().filled_by_session(_without_time_limit(values)))
        copy.fn = _runner(copy.command, self._timed(values))
        return copy

    def _timed(self, values: Mapping[str, Any]) -> ShellOptions:
        """The command's options, with a time limit where none was said."""
        is_said = "timeout_s" in self._given_options.said or self._shell_options.timeout_s is not None
        if is_said or "timeout_s" not in values:
            return self._shell_options
        return self._shell_options.with_changes({"timeout_s": values["timeout_s"]})

    def __repr__(self) -> str:
        return f"<jumar.shell task {self.name}>"

    def __reduce__(self) -> Any:
        """As for any task: by name where it can be imported under it."""
        known = imported(self.fn)
        if known is self:
            return self.fn.__qualname__
        if isinstance(known, ShellTask) and known.command is self.command:
            return _with_options, (known, self._shell_options, self._given_options)
        return ShellTask, (self.command, self._shell_options, self._given_options)


def _with_options(known: ShellTask[P], shell_options: ShellOptions, options: Options) -> ShellTask[P]:
    """A task that can be imported, with other options: how such a one is unpickled."""
    return ShellTask(known.command, shell_options, options)


def _runner(command: Callable[..., CommandLine], options: ShellOptions) -> Callable[..., ShellResult]:
    """The function that a call runs: its closure, and nothing else of it, is in the key of the call.

    So a key has the command's function with all that it reaches, and the options, also where the key is that of another
    task whose code reaches this one.
    """

    def run(*args: Any, **kwargs: Any) -> ShellResult:
        return _run(command, options, args, kwargs)

    # A library's function without a name of its own is identified by where it is written, which moves from version to
    # version. This is its name for ever, as are those of this module and of the two that it closes over: the keys have
    # them.
    run.__code__ = run.__code__.replace(co_qualname="shell")
    functools.update_wrapper(run, command)
    return run


def _run(
    command: Callable[..., CommandLine], options: ShellOptions, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> ShellResult:
    from jumar.shell.execution import declared_files, execute  # noqa: PLC0415  (`import jumar` stays quick)

    call = PLACE.get().call
    name = call.task.name if call is not None else getattr(command, "__qualname__", repr(command))
    bound = inspect.signature(command).bind(*args, **kwargs)
    bound.apply_defaults()
    files = declared_files(name, options, args, kwargs, bound.arguments)
    line = command(*_absolute(args), **_absolute(kwargs))
    return execute(name, _checked(name, line), options, files)


def _absolute(value: Any) -> Any:
    """The value with the paths of files in it made absolute: the command runs in another folder."""
    if isinstance(value, File | Dir):
        return type(value)(os.path.abspath(value))  # noqa: PTH100  (keeps links, as the user named them)
    if type(value) in (list, tuple):
        return type(value)([_absolute(each) for each in value])
    if type(value) is dict:
        return {name: _absolute(each) for name, each in value.items()}
    return value


def _checked(task: str, line: object) -> Command:
    """The command as it is run and recorded.

    Raises:
        DeclarationError: It is none.
    """
    if isinstance(line, str) and line.strip() and "\0" not in line:
        return line
    if isinstance(line, list | tuple) and line and all(isinstance(each, str | os.PathLike) for each in line):
        parts = tuple([os.fspath(each) for each in line])
        if parts[0] and all(isinstance(each, str) and "\0" not in each for each in parts):
            return parts
    raise DeclarationError(
        f"shell task {task!r}: the function gave {line!r}, which is no command. It returns a command line (a str, for "
        "a shell to read) or a program and its arguments (a list of str and paths; numbers as str(n))."
    )


def changed(
    command: Callable[P, CommandLine], shell_options: ShellOptions, options: Options, changes: Mapping[str, Any]
) -> ShellTask[P]:
    """A task with some options replaced, each in its place."""
    unknown = next((name for name in changes if name not in _NAMES), None)
    if unknown is not None:
        near = difflib.get_close_matches(unknown, _NAMES, n=1)
        hint = f"Did you mean {near[0]}=?" if near else f"There are: {', '.join(_NAMES)}."
        raise DeclarationError(f"a shell task has no option {unknown}=. {hint}")
    own = {name: value for name, value in changes.items() if name in _SHELL_NAMES}
    others = {name: value for name, value in changes.items() if name not in _SHELL_NAMES}
    kept = options.with_changes(others)
    return ShellTask(command, shell_options.with_changes(own), replace(kept, said=kept.said | own.keys()))


def _without_time_limit(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "timeout_s"}


_SHELL_NAMES = frozenset(each.name for each in fields(ShellOptions))
# env= is the environment here: the versions of Python's libraries mean nothing to a command.
_NAMES = (*_SHELL_NAMES, *(name for name in NAMES if name not in _SHELL_NAMES))
