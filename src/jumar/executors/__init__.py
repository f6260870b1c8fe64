"""Where calls run."""

from jumar.executors.executor import Executor
from jumar.executors.inline import InlineExecutor
from jumar.executors.threads import ThreadsExecutor

__all__ = ["Executor", "InlineExecutor", "ThreadsExecutor"]
