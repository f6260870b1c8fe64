"""One run of a shell task: from the arguments of a call to its result, with each file either whole or not there."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from jumar.errors import DeclarationError
from jumar.graph.call import RUNNING
from jumar.here import PLACE
from jumar.shell.error import Command, ShellError, ShellTimeoutError
from jumar.shell.kept_file import KeptFile, move_into_place
from jumar.shell.options import ShellOptions
from jumar.shell.pattern import fill_in, relative_path
from jumar.shell.process import Ended, run
from jumar.shell.result import ShellResult
from jumar.shell.workplace import workplace

_TAIL_LINES = 20
_TAIL_BYTES = 4096


class Declared(NamedTuple):
    """The files of one call."""

    folder: str
    """Where they have their places; empty for the working directory."""
    outputs: dict[str, str]
    """Paths inside the folder by name."""
    streams: tuple[str | None, str | None]
    """Likewise for stdout and stderr; None where it is captured."""

    def place(self, path: str) -> str:
        """The place of one of them."""
        return os.path.join(self.folder, path)  # noqa: PTH118  (as the user wrote it: a Path drops a leading ./)

    @property
    def any(self) -> bool:
        """Whether there are any."""
        return bool(self.outputs) or self.streams != (None, None)


def declared_files(
    task: str, options: ShellOptions, args: tuple[Any, ...], kwargs: Mapping[str, Any], by_name: Mapping[str, Any]
) -> Declared:
    """The files that one call of a task writes.

    Args:
        task: The task's name, for errors.
        options: The task's.
        args: The call's positional arguments, for a function that gives the outputs.
        kwargs: Its keyword arguments, likewise.
        by_name: All of them, for patterns.

    Raises:
        DeclarationError: A pattern cannot be filled in, a path leads out of the folder, or two are the same.
    """
    patterns = options.outputs
    if callable(patterns):
        outputs = _given_outputs(task, patterns(*args, **kwargs))
    else:
        outputs = {name: _filled(task, f"output {name!r}", each, by_name) for name, each in patterns.items()}
    streams = [
        None if pattern is None else _filled(task, f"{name}=", pattern, by_name)
        for name, pattern in (("stdout", options.stdout), ("stderr", options.stderr))
    ]
    paths = [*outputs.values(), *(path for path in streams if path is not None)]
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        raise DeclarationError(
            f"shell task {task!r}: {twice!r} is declared for two files; give each a name of its own."
        )
    folder = options.cwd or ""
    if options.folder is not None:
        folder = fill_in(options.folder, by_name, f"shell task {task!r}, folder=")
    return Declared(folder, outputs, (streams[0], streams[1]))


def execute(task: str, command: Command, options: ShellOptions, files: Declared) -> ShellResult:
    """Run a command and give its files their places.

    Args:
        task: The task's name, for errors.
        command: What to run.
        options: How.
        files: What it writes.

    Raises:
        ShellError: It did not end well, or did not write what was declared.
        OSError: It could not be started, the folder of ``cwd=`` is not there, or a file could not get its place.

    Guarantees:
        A place holds its old file or the whole new one at any moment, and the new one only after the command has
        succeeded and written all that was declared (with ``cwd=``: the command writes there itself, after the old
        files were removed). Files for stdout and stderr get their places also when it has failed.
    """
    arguments = [*options.shell, command] if isinstance(command, str) else list(command)
    with ExitStack() as stack:
        room = stack.enter_context(_Room.prepared(options, files))
        stdout, stderr = [stack.enter_context(room.stream(path)) for path in files.streams]
        ended = run(
            arguments,
            folder=room.folder,
            env={**os.environ, **options.env},
            stdout=stdout,
            stderr=stderr,
            timeout_s=options.timeout_s,
            grace_s=options.grace_s,
            is_wanted=_wanted_by(PLACE.get().call),
        )
        problem = _problem(ended, options) or room.what_is_missing()
        if problem:
            logs = room.publish_logs()
            kind = ShellTimeoutError if ended.cause == "timeout" else ShellError
            raise kind(task, problem, command, ended.exit_code, _tail(stderr), logs)
        printed = [room.printed(index, file, options.encoding) for index, file in enumerate((stdout, stderr))]
        return ShellResult(command, ended.exit_code, (printed[0], printed[1]), room.publish(), ended.seconds)


class _Room:
    """Where a command runs, and what becomes of the files that it writes there."""

    def __init__(self, folder: Path, logs: Path, files: Declared) -> None:
        self.folder = folder
        self._logs = logs
        self._files = files

    @classmethod
    @contextmanager
    def prepared(cls, options: ShellOptions, files: Declared) -> Iterator[_Room]:
        """A room for one command, which is gone afterwards unless it is the user's own folder."""
        if options.cwd is not None and not Path(options.cwd).is_dir():
            raise FileNotFoundError(errno.ENOENT, "the folder that cwd= names does not exist", options.cwd)
        # A command without files needs no folder of the user's to write to.
        with workplace(Path(files.folder) if files.any else Path(tempfile.gettempdir())) as made:
            logs = made / "streams"
            logs.mkdir()
            folder = made / "files" if options.cwd is None else Path(options.cwd)
            if options.cwd is None:
                folder.mkdir()
            for path in files.outputs.values():
                (folder / path).unlink(missing_ok=True)  # an old one must not count as written, or be added to
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
            yield cls(folder, logs, files)

    @contextmanager
    def stream(self, path: str | None) -> Iterator[IO[bytes]]:
        """An open file for what the command prints; one without a name where it is captured."""
        if path is None:
            with tempfile.TemporaryFile() as file:
                yield file
            return
        with self._log(path).open("w+b") as file:
            yield file

    def _log(self, path: str) -> Path:
        # Not under its own name: this folder is flat, and the name may have folders in it.
        return self._logs / str(self._files.streams.index(path))

    def what_is_missing(self) -> str:
        """What is wrong with the declared outputs; empty if nothing is."""
        missing = [path for path in self._files.outputs.values() if not os.path.lexists(self.folder / path)]
        if missing:
            return f"the command succeeded but did not write {', '.join(map(repr, missing))}, which outputs= declares"
        for path in self._files.outputs.values():
            if not (self.folder / path).is_file():
                return f"output {path!r} is no file. Declare files only, such as an archive of a folder"
        return ""

    def publish(self) -> tuple[KeptFile, ...]:
        """Give each output its place."""
        made = [(name, path, _own_file(self.folder / path)) for name, path in self._files.outputs.items()]
        return tuple([KeptFile.published(name, file, self._files.place(path)) for name, path, file in made])

    def publish_logs(self) -> list[str]:
        """Give the files for stdout and stderr their places although the command has failed; where they are."""
        paths = [path for path in self._files.streams if path is not None]
        for path in paths:
            move_into_place(self._log(path), Path(self._files.place(path)))
        return [self._files.place(path) for path in paths]

    def printed(self, index: int, file: IO[bytes], encoding: str | None) -> str | bytes | KeptFile:
        """What a stream of the result holds."""
        path = self._files.streams[index]
        if path is not None:
            return KeptFile.published(("stdout", "stderr")[index], self._log(path), self._files.place(path))
        file.seek(0)
        data = file.read()
        return data if encoding is None else data.decode(encoding, "backslashreplace")


def _given_outputs(task: str, given: Any) -> dict[str, str]:
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise DeclarationError(
            f"shell task {task!r}: the function outputs= gives a dict of names and paths, not {given!r}"
        )
    where = f"shell task {task!r}, output"
    return {name: relative_path(os.fspath(path), f"{where} {name!r}") for name, path in given.items()}


def _filled(task: str, what: str, pattern: str, by_name: Mapping[str, Any]) -> str:
    where = f"shell task {task!r}, {what}"
    return relative_path(fill_in(pattern, by_name, where), where)


def _own_file(path: Path) -> Path:
    """The file itself; where the command made a link, a copy of what it leads to, since links do not survive a move."""
    if path.is_symlink():
        copy = path.with_name(f"{path.name}.linked")
        shutil.copy2(path, copy)
        copy.replace(path)
    return path


def _wanted_by(call: Any) -> Callable[[], bool]:
    """Whether the call that runs in this thread still counts: a session that is closed at once abandons its calls."""
    return lambda: call is None or call.state is RUNNING


def _problem(ended: Ended, options: ShellOptions) -> str:
    if ended.cause == "timeout":
        return (
            f"the command did not end within {options.timeout_s:g} s (timeout_s=) and was ended with all it had started"
        )
    if ended.cause == "unwanted":
        return "the command was ended with all it had started, because the session was closed"
    if options.succeeded(ended.exit_code):
        return ""
    if ended.exit_code < 0:
        return f"the command was ended by signal {-ended.exit_code}"
    hint = " (the program was not found)" if ended.exit_code == 127 else ""
    return f"the command ended with exit code {ended.exit_code}{hint}"


def _tail(stream: IO[bytes]) -> str:
    """The last lines of a stream, for an error."""
    size_bytes = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size_bytes - _TAIL_BYTES))
    lines: Sequence[str] = stream.read().decode("utf-8", "backslashreplace").splitlines()
    return "\n".join(lines[-_TAIL_LINES:])
