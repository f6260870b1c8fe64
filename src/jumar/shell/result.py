"""What a shell task gives: how its command ended, what it printed, and the files that it wrote."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from jumar.keys.file import File
from jumar.result import register_readiness
from jumar.shell.error import Command
from jumar.shell.kept_file import KeptFile

Stream = str | bytes | KeptFile


@dataclass(frozen=True, repr=False)
class ShellResult:
    """How a command ended, what it printed, and the files that it wrote.

    Made by calls of `shell` tasks. It is stored by its class's name and its fields: both stay what they are.

    Args:
        command: The command as it ran: a line for a shell, or the arguments of a program.
        exit_code: What it ended with; minus the number of the signal where one ended it.
        printed: What it wrote to stdout and stderr; see `stdout` and `stderr`.
        files: Its declared outputs, with their contents; see `outputs`.
        seconds: How long it ran. Not part of what the result is: two that differ in nothing else are equal.

    *Guarantees*: whoever is handed a result finds its files: one that is missing or has another content is put back
    first, whole and in one step. Inside another value (a list of results that a task returned) this happens when
    `outputs`, `stdout` or `stderr` is first asked for. After that nobody touches them: a result that is changed on disk
    later stays changed until the call is made again. As an argument a result is identified by its command, its exit
    code, what it printed, and the contents of its files as they are then.
    """

    command: Command
    exit_code: int
    printed: tuple[Stream, Stream]
    files: tuple[KeptFile, ...]
    seconds: float = field(compare=False)

    @property
    def stdout(self) -> str | bytes | File:
        """What it printed: text, bytes with ``encoding=None``, or the file that it was sent to."""
        return self._stream(0)

    @property
    def stderr(self) -> str | bytes | File:
        """What it wrote to stderr, likewise."""
        return self._stream(1)

    @property
    def outputs(self) -> dict[str, File]:
        """The declared output files by name, with absolute paths."""
        self._once_in_place()
        return {file.name: _found_at(file) for file in self.files}

    def put_back(self) -> list[str]:
        """Put back each file that is missing or has another content.

        Returns:
            The paths that were written.

        Raises:
            DamagedError: The content at hand is not what the command wrote.
            StoreError: There is no content at hand, as the result is fresh from its run; or it cannot be written.
        """
        return [file.path for file in self._all_files() if file.put_back()]

    def make_ready(self) -> bool:
        """Put the files back before the result is handed to somebody; False if that takes a result from the store."""
        if all(file.can_be_put_back() or file.is_there() for file in self._all_files()):
            self._once_in_place()
            return True
        return False

    def _all_files(self) -> Iterator[KeptFile]:
        yield from self.files
        for stream in self.printed:
            if isinstance(stream, KeptFile):
                yield stream

    def _stream(self, index: int) -> str | bytes | File:
        stream = self.printed[index]
        if isinstance(stream, KeptFile):
            self._once_in_place()
            return _found_at(stream)
        return stream

    def _once_in_place(self) -> None:
        if not self._is_in_place:
            for file in self._all_files():
                if file.can_be_put_back():  # else it is fresh, and what became of its files since is the user's doing
                    file.put_back()
            vars(self)["_in_place"] = True

    @property
    def _is_in_place(self) -> bool:
        return bool(vars(self).get("_in_place"))

    def __jumar_key__(self) -> Any:
        """What identifies it as an argument: everything but the time.

        A file counts by what it holds now once it was handed out or just written, since that is what its reader will
        see; before that by what it will be put back to. Nothing is put back for the sake of a key.
        """
        streams = [self._digest_of(each) if isinstance(each, KeptFile) else each for each in self.printed]
        return self.command, self.exit_code, streams, {file.name: self._digest_of(file) for file in self.files}

    def _digest_of(self, file: KeptFile) -> tuple[str, bytes]:
        settled = self._is_in_place or not file.can_be_put_back()
        return "file", File(file.path).digest() if settled else file.digest

    def __reduce__(self) -> Any:
        return ShellResult, (self.command, self.exit_code, self.printed, self.files, self.seconds)

    def __copy__(self) -> ShellResult:
        """Another one for the same files, which are not looked after twice."""
        copy = ShellResult(self.command, self.exit_code, self.printed, self.files, self.seconds)
        vars(copy).update(vars(self))
        return copy

    def __repr__(self) -> str:
        names = ", ".join(f"{file.name}={file.path!r}" for file in self.files)
        return f"<jumar.ShellResult exit code {self.exit_code} outputs: {names or 'none'}>"


def _found_at(file: KeptFile) -> File:
    """Where a file is; absolute, since whoever uses it may be a command in another folder."""
    return File(os.path.abspath(file.path))  # noqa: PTH100  (keeps links, as the user named them)


register_readiness(ShellResult, ShellResult.make_ready)
