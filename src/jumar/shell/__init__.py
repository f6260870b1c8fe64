"""Shell tasks: commands whose results, and the files that they write, are kept and found again."""

from jumar.shell.error import ShellError, ShellTimeoutError
from jumar.shell.options import ShellOptions
from jumar.shell.result import ShellResult
from jumar.shell.task import ShellTask, shell

__all__ = ["ShellError", "ShellOptions", "ShellResult", "ShellTask", "ShellTimeoutError", "shell"]
