"""Where calls run."""

from jumar.executors.choice import Choice, NamedChoice, executor_of, named_executors
from jumar.executors.executor import Distant, Executor, Several
from jumar.executors.inline import InlineExecutor
from jumar.executors.threads import ThreadsExecutor

__all__ = [
    "Choice",
    "Distant",
    "Executor",
    "InlineExecutor",
    "NamedChoice",
    "Several",
    "ThreadsExecutor",
    "executor_of",
    "named_executors",
]
