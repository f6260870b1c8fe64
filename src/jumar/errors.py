"""The exceptions and warnings jumar raises: one base, a class for each thing a caller may want to catch."""

from __future__ import annotations


class JumarError(Exception):
    """Base of every error raised by jumar itself; an error of a user's task is raised as it is."""


class DeclarationError(JumarError, TypeError):
    """A task was declared in a way that cannot work: not a function, an option that does not exist, a wrong value."""


class ArgumentError(JumarError, TypeError):
    """A call's arguments do not fit the task's signature."""


class FingerprintError(JumarError, TypeError):
    """A value has no stable identity, so no key can be made from it.

    Args:
        problem: What is wrong with the value, naming its type.
        path: Where the value stands inside the argument, such as ``["model"].weights[3]``; empty for the value itself.
        argument: The argument's name, filled in where the call is known.
        task: The task's name, filled in where the call is known.
    """

    advice = (
        "A key made from it could find a wrong result, or never find one. "
        "Ways out: give the type an identity with @jumar.fingerprint(Type) or a __jumar_key__ method, "
        "or pass something identifiable (a path, an id, plain data) instead."
    )
    """What the text says to do."""

    def __init__(self, problem: str, *, path: str = "", argument: str = "", task: str = "") -> None:
        super().__init__(problem, path, argument, task)
        self.problem = problem
        self.path = path
        self.argument = argument
        self.task = task

    def inside(self, step: str) -> FingerprintError:
        """The same error seen from one container further out; ``step`` is the way in, such as ``[3]`` or ``.name``."""
        return type(self)(self.problem, path=step + self.path, argument=self.argument, task=self.task)

    def of(self, task: str, argument: str) -> FingerprintError:
        """The same error with the call it belongs to."""
        return type(self)(self.problem, path=self.path, argument=argument, task=task)

    def __str__(self) -> str:
        place = f"{self.argument or 'value'}{self.path}"
        where = f"task {self.task!r}, argument {place}" if self.task else place
        return f"{where}: {self.problem}. {self.advice}"


class UnreadableFileError(FingerprintError):
    """A file or directory whose content is an argument is not there, or cannot be read."""

    advice = "It has to be there, and readable, when the call is made."


class ResultError(JumarError, TypeError):
    """A task returned something that cannot be a result, such as a generator or a coroutine that was never awaited."""


class SettingsError(JumarError, ValueError):
    """A setting has a value that cannot be used; the text names where the value came from."""


class StoreError(JumarError):
    """The store cannot be used: its path, its format, its file system."""


class StoreFormatError(StoreError):
    """The store was written by a newer jumar, or is not a jumar store."""


class DamagedError(StoreError):
    """A stored result is missing, torn or altered. The engine turns it into a reported miss."""


class StoreWarning(UserWarning):
    """Something about storage went wrong and the computation went on without it."""


class WorkerLostError(JumarError):
    """A call's worker process was lost (killed, crashed, out of memory), and again each time it was tried."""


class RemoteError(JumarError):
    """A task raised an error in a worker process that cannot be sent to the driver; the text has its type and text."""


class DeadlockError(JumarError, RuntimeError):
    """A call would wait for something that waits for it."""


class RunError(JumarError):
    """A run with an id cannot be started, resumed or found; the text says why and what to do."""


class RunHeldError(RunError):
    """Another process, or another session, drives the run."""


class RunLimitError(RunError):
    """A run is not started, as others are driven and wait for their turn, as many as is allowed."""


class RunFailedError(RunError):
    """A run has no result: it failed, was interrupted or cancelled, and this program did not drive it."""


class ActorError(JumarError):
    """A durable actor cannot be found, made or changed; the text says why and what to do."""
