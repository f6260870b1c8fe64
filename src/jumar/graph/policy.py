"""What is done when a call goes wrong: how often it is tried again, how long it may take, which errors are answers. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from jumar.errors import DeclarationError

Errors = type[BaseException] | tuple[type[BaseException], ...]


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before a call is tried again: longer each time, and not all calls at the same moment.

    Args:
        first_s: The wait before the second attempt, in seconds.
        factor: Each further wait is so many times the one before.
        most_s: No wait is longer, in seconds.
        jitter: The share of each wait that is left to chance, from 0 to 1.

    Raises:
        DeclarationError: A value cannot be used.

    Example:
        >>> backoff = Backoff(first_s=1.0, factor=2.0, most_s=5.0, jitter=0.5)
        >>> [backoff.wait_s(attempt, chance=1.0) for attempt in (1, 2, 3, 4)]
        [1.0, 2.0, 4.0, 5.0]
        >>> backoff.wait_s(1, chance=0.0)
        0.5
    """

    first_s: float = 0.5
    factor: float = 2.0
    most_s: float = 60.0
    jitter: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what would wait for ever or not at all by accident."""
        if not (self.first_s >= 0 and self.factor >= 1 and self.most_s >= 0 and 0 <= self.jitter <= 1):
            raise DeclarationError(f"{self!r}: waits are not negative, factor is at least 1, jitter is from 0 to 1")

    def wait_s(self, attempt: int, chance: float) -> float:
        """Seconds to wait after this attempt has failed.

        Args:
            attempt: Its number, from 1.
            chance: From 0 to 1, drawn anew for each wait.
        """
        try:
            longest = min(self.most_s, self.first_s * float(self.factor) ** (attempt - 1))
        except OverflowError:  # more than any number of seconds
            longest = self.most_s if self.first_s else 0.0
        return longest * (1 - self.jitter * (1 - chance))


Waits = float | Backoff | Callable[[int], float]


class Policy(NamedTuple):
    """What a task says about calls that go wrong."""

    retries: int = 0
    """Attempts after the first one."""
    retry_on: Errors | Callable[[BaseException], bool] = Exception
    """Which errors are worth another attempt."""
    backoff: Waits = 0.0
    timeout_s: float | None = None
    """How long one attempt may take."""
    catch: Errors | None = None
    """Which errors are an answer: ``(None, error)``."""
    checkpoint_errors: bool = False
    """Whether an error is kept and raised again, instead of being tried again, in later sessions."""

    def wait_s(self, attempt: int, error: BaseException, chance: float) -> float | None:
        """Seconds to wait before the next attempt; None where there is none.

        Args:
            attempt: The number of the one that failed, from 1.
            error: What it raised.
            chance: From 0 to 1, drawn anew.

        Example:
            >>> policy = Policy(retries=1, backoff=2.0)
            >>> policy.wait_s(1, OSError(), 0.5), policy.wait_s(2, OSError(), 0.5)
            (2.0, None)
        """
        if attempt > self.retries or not self._is_worth(error):
            return None
        if isinstance(self.backoff, Backoff):
            return self.backoff.wait_s(attempt, chance)
        return max(0.0, self.backoff(attempt) if callable(self.backoff) else self.backoff)

    def _is_worth(self, error: BaseException) -> bool:
        chosen = self.retry_on
        if isinstance(chosen, (type, tuple)):
            return isinstance(error, chosen)
        return bool(chosen(error))

    def catches(self, error: BaseException) -> bool:
        """Whether the error is an answer."""
        return self.catch is not None and isinstance(error, self.catch)
