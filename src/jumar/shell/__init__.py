"""Shell tasks: commands whose results, and the files that they write, are kept and found again."""

from importlib import import_module
from typing import TYPE_CHECKING

from jumar.shell.decorator import shell

if TYPE_CHECKING:
    from jumar.shell.error import ShellError, ShellTimeoutError
    from jumar.shell.options import ShellOptions
    from jumar.shell.result import ShellResult
    from jumar.shell.task import ShellTask
else:  # imported when they are asked for: most programs run no commands

    def __getattr__(name: str) -> object:
        module = _MODULES.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(module), name)


_MODULES = {
    "ShellError": "jumar.shell.error",
    "ShellOptions": "jumar.shell.options",
    "ShellResult": "jumar.shell.result",
    "ShellTask": "jumar.shell.task",
    "ShellTimeoutError": "jumar.shell.error",
}

__all__ = ["ShellError", "ShellOptions", "ShellResult", "ShellTask", "ShellTimeoutError", "shell"]
