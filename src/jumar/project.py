"""The project a program belongs to: where its ``pyproject.toml`` is, and where its store goes."""

from __future__ import annotations

import sys
from pathlib import Path

_MARKS = ("pyproject.toml", ".git")


def start() -> Path:
    """The folder to look from: the running script's, else (REPL, notebook, ``python -c``) the working directory."""
    main = sys.modules.get("__main__")
    script = getattr(main, "__file__", None)
    if script and not _is_tool(script):
        return Path(script).resolve().parent
    return Path.cwd()


def script() -> str:
    """The running script's path, or what stands in its place in a notebook or a REPL."""
    main = sys.modules.get("__main__")
    return str(getattr(main, "__file__", None) or "(interactive)")


def root(folder: Path) -> Path:
    """The project's root: the nearest folder upwards with a ``pyproject.toml`` or ``.git``; without one, ``folder``."""
    for candidate in (folder, *folder.parents):
        if any((candidate / mark).exists() for mark in _MARKS):
            return candidate
    return folder


def store_path(folder: Path) -> Path:
    """Where a program in ``folder`` has its store: an existing ``.jumar`` on the way to the root, else at the root."""
    top = root(folder)
    for candidate in (folder, *folder.parents):
        if (candidate / ".jumar").is_dir():
            return candidate / ".jumar"
        if candidate == top:
            break
    return top / ".jumar"


def _is_tool(script: str) -> bool:
    """Whether ``__main__`` is an installed command (pytest, ipython, jumar): then it is not the user's script."""
    path = Path(script).resolve()
    prefix = Path(sys.prefix).resolve()
    return path.parent == prefix / "bin" or any(part in ("site-packages", "dist-packages") for part in path.parts)
