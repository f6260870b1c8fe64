"""Where calls run."""

from jumar.executors.choice import Choice, NamedChoice, executor_of, named_executors
from jumar.executors.executor import Distant, Executor, Several, Sizable
from jumar.executors.inline import InlineExecutor
from jumar.executors.threads import ThreadsExecutor

__all__ = [
    "Choice",
    "Distant",
    "Executor",
    "InlineExecutor",
    "NamedChoice",
    "Several",
    "Sizable",
    "ThreadsExecutor",
    "executor_of",
    "named_executors",
]
