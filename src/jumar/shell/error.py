"""What is raised where a command did not do what its task declares."""

from __future__ import annotations

from collections.abc import Sequence

from jumar.errors import JumarError

Command = str | tuple[str, ...]
"""A command line for a shell, or the arguments of a program."""

_SHOWN_CHARACTERS = 500
_INDENT = "\n    "


class ShellError(JumarError):
    """The command of a `shell` task failed, or did not write what it was to write.

    Args:
        task: The task's name.
        problem: What happened, in a few words.
        command: The command.
        exit_code: What it ended with; minus the number of the signal where one ended it.
        stderr: The last lines that it wrote there.
        files: Where what it wrote to files can be read.
    """

    def __init__(
        self,
        task: str,
        problem: str,
        command: Command,
        exit_code: int,
        stderr: str,
        files: Sequence[str] = (),
    ) -> None:
        super().__init__(task, problem, command, exit_code, stderr, tuple(files))
        self.task = task
        self.problem = problem
        self.command = command
        self.exit_code = exit_code
        self.stderr = stderr
        self.files = tuple(files)

    def __str__(self) -> str:
        lines = [f"shell task {self.task!r}: {self.problem}.", f"command: {shown(self.command)}"]
        if self.stderr.strip():
            lines.append(f"the end of its stderr:{_INDENT}{_INDENT.join(self.stderr.splitlines())}")
        if self.files:
            lines.append(f"see also: {', '.join(self.files)}")
        return "\n".join(lines)


class ShellTimeoutError(ShellError, TimeoutError):
    """The command of a `shell` task took longer than ``timeout_s`` and was ended."""


def shown(command: Command) -> str:
    """A command for people, at most a few lines of it; a list as one would type it."""
    import shlex  # noqa: PLC0415  (only errors need it)

    text = command if isinstance(command, str) else shlex.join(command)
    left = len(text) - _SHOWN_CHARACTERS
    return text if left <= 0 else f"{text[:_SHOWN_CHARACTERS]}... ({left:,} more characters)"
