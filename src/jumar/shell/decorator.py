"""``@jumar.shell``: makes a function that says which command to run a task. What runs commands is imported when it is used."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, overload

from jumar.errors import DeclarationError
from jumar.graph.call_info import CallInfo
from jumar.graph.keep import Keep
from jumar.graph.options import Follow, Options, Reuse

if TYPE_CHECKING:
    from jumar.shell.options import Outputs
    from jumar.shell.task import CommandLine, ShellTask

P = ParamSpec("P")


@overload
def shell(command: Callable[P, CommandLine], /) -> ShellTask[P]: ...
@overload
def shell(
    *,
    outputs: Outputs | Callable[..., Outputs] = ...,
    stdout: str | os.PathLike[str] | None = None,
    stderr: str | os.PathLike[str] | None = None,
    folder: str | os.PathLike[str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    ok_codes: int | Sequence[int] | Callable[[int], bool] = (0,),
    env: Mapping[str, str] = ...,
    shell: str | os.PathLike[str] | Sequence[str] = ("/bin/sh", "-c"),
    encoding: str | None = "utf-8",
    timeout_s: float | None = None,
    grace_s: float = 5.0,
    name: str | None = None,
    version: str | None = None,
    checkpoint: bool | Keep | Callable[[CallInfo, Any], Any] | None = None,
    restore: Callable[[CallInfo], Any] | None = None,
    exists: Callable[[CallInfo], bool] | None = None,
    executor: str | None = None,
    reuse: Reuse = "always",
    refresh: bool = False,
    ttl_s: float | None = None,
    ignore: Sequence[str] = (),
    key: Callable[..., Any] | None = None,
    code: Follow = "deep",
    uses: Sequence[Any] = (),
) -> Callable[[Callable[P, CommandLine]], ShellTask[P]]: ...
def shell(command: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    r"""Makes a function that gives a command a `Task` whose calls run it, and give a `ShellResult`.

    The function gives a command line (a ``str``, read by ``/bin/sh``) or a program with its arguments (a list of ``str``
    and paths, run without a shell). A ``jumar.File`` or ``jumar.Dir`` among its arguments is identified by its content,
    and has an absolute path when the function is called.

    Args:
        command: The function, where the decorator is used without options.
        options: ``outputs``: the files that the command writes, such as ``{"bam": "{sample}.bam"}``. ``stdout``,
            ``stderr``: patterns of files to send them to. ``folder``: where the outputs go. ``cwd``: where the command
            runs. ``ok_codes``: which exit codes are success. ``env``: variables for the command. ``shell``: what reads a
            command line. ``encoding``: of what is captured. ``timeout_s``, ``grace_s``. All are described at
            `ShellOptions`. Further those of `jumar.task`, except its ``env``.

    Raises:
        DeclarationError: It cannot be a task; an option does not exist or cannot have this value; a pattern names no
            parameter.

    Guarantees:
        An output has its place only once its command has succeeded and all declared outputs are there; it gets there by
        a rename, so that at any moment, kill -9 included, the place holds the old file or the whole new one. Kept
        outputs are put back, in the same way, when a kept result is handed to anybody and they are missing or changed.
        A command ends with all that it has started in its process group: when its first process ends, when its time is
        over, when the call is interrupted, and when this program dies.

    Example:
        >>> import jumar
        >>> @jumar.shell
        ... def count(text: str) -> list[str]:
        ...     return ["expr", "length", text]
        >>> count("jumar").stdout
        '5\n'
    """
    if command is not None and not callable(command):
        raise DeclarationError(
            f"{command!r} cannot be called; @jumar.shell goes above a function that gives the command line"
        )
    from jumar.shell.options import ShellOptions  # noqa: PLC0415  (most programs run no commands)
    from jumar.shell.task import ShellTask, changed  # noqa: PLC0415

    if command is not None:
        return ShellTask(command)
    return lambda function: changed(function, ShellOptions(), Options(), options)
