"""Settings: what they are called, what they may be, and where each value came from.

Later wins: defaults, ``[tool.jumar]`` in ``pyproject.toml``, ``JUMAR_*`` variables, ``jumar.configure``, ``Session``.
"""

from __future__ import annotations

import difflib
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jumar import project
from jumar.errors import SettingsError
from jumar.quantities import parse_size


class Setting(NamedTuple):
    """A setting as it may be written in a file or a variable."""

    default: Any
    read: Callable[[Any], Any]
    """Gives the value from what was written, or raises ValueError with what it takes."""
    says: str


class Value(NamedTuple):
    """A setting's value and where it came from."""

    value: Any
    origin: str


def _choice(*choices: str) -> Callable[[Any], Any]:
    def read(written: Any) -> Any:
        if written not in choices:
            raise ValueError(f"takes {' or '.join(repr(choice) for choice in choices)}")
        return written

    return read


def _workers(written: Any) -> int:
    try:
        count = int(written) if isinstance(written, str) else written
    except ValueError:
        count = None
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError("takes a whole number of at least 1")
    return count


def _count(written: Any) -> int:
    try:
        count = int(written) if isinstance(written, str) else written
    except ValueError:
        count = None
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise ValueError("takes a whole number of at least 0")
    return count


def _flag(written: Any) -> bool:
    if isinstance(written, bool):
        return written
    known = {"1": True, "true": True, "on": True, "yes": True, "0": False, "false": False, "off": False, "no": False}
    if not isinstance(written, str) or written.lower() not in known:
        raise ValueError("takes true or false")
    return known[written.lower()]


def _share(written: Any) -> float:
    try:
        share = float(written) if not isinstance(written, bool) else -1.0
    except (TypeError, ValueError):
        share = -1.0
    if not 0 <= share <= 1:
        raise ValueError("takes a number from 0 to 1")
    return share


def _amounts(written: Any) -> dict[str, float]:
    """Amounts by name: a table, or a text such as ``gpu=2,memory=16``."""
    try:
        pairs = dict(part.split("=") for part in written.split(",")) if isinstance(written, str) else dict(written)
        amounts = {str(name).strip(): float(amount) for name, amount in pairs.items()}
    except (TypeError, ValueError):
        amounts = {"": -1.0}
    if any(not name or not 0 <= amount < float("inf") for name, amount in amounts.items()):
        raise ValueError("takes amounts by name, such as {'gpu': 2} or 'gpu=2,memory=16'")
    return amounts


def _table(written: Any) -> dict[str, Any]:
    """A table, or what stands between the braces of one in TOML, such as ``retries=2, executor="io"``."""
    if isinstance(written, str):
        import tomllib  # noqa: PLC0415  (most programs have no such variable)

        try:
            written = tomllib.loads(f"table = {{{written}}}")["table"]
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"takes a table as in TOML, which this is not ({error})") from None
    if not isinstance(written, Mapping) or not all(isinstance(name, str) and name.strip() for name in written):
        raise ValueError("takes a table of values by name")
    return dict(written)


_KINDS = ("threads", "inline", "processes")


def _executors(written: Any) -> dict[str, Any]:
    """Executors by name: a kind, a table with a kind and a number of workers, or what only a program can give."""
    table = _table(written)
    for name, each in table.items():
        said = dict(each) if isinstance(each, Mapping) else {"kind": each}
        is_object = not isinstance(each, Mapping) and callable(getattr(each, "submit", None))
        if not is_object and (said.pop("kind", None) not in _KINDS or said.keys() - {"workers"}):
            raise ValueError(
                f"takes, by name, 'threads', 'inline', 'processes', a table such as {{kind = 'threads', workers = 4}}, or "
                f"in a program an executor (see {name!r})"
            )
        if "workers" in said:
            try:
                _workers(said["workers"])
            except ValueError as error:
                raise ValueError(f"{error} as workers of {name!r}") from None
    return table


def _seconds(written: Any) -> float:
    try:
        seconds = float(written) if not isinstance(written, bool) else 0.0
    except (TypeError, ValueError):
        seconds = 0.0
    if not 0 < seconds < threading.TIMEOUT_MAX:
        raise ValueError("takes a number of seconds above 0")
    return seconds


def _stores(written: Any) -> Path | tuple[Path, ...]:
    """One path, or several."""
    paths = list(written) if isinstance(written, (list, tuple)) else [written]
    if not paths or not all(isinstance(path, (str, os.PathLike)) and os.fspath(path) for path in paths):
        raise ValueError("takes the path of a folder, or a list of paths")
    first, *others = [Path(path).expanduser() for path in paths]
    return (first, *others) if others else first


SETTINGS: dict[str, Setting] = {
    "store": Setting(None, _stores, "folder of the store, and of others to look into; by default .jumar at the root"),
    "executor": Setting("threads", _choice(*_KINDS), "where calls run"),
    "executors": Setting({}, _executors, "further executors by name, for calls that ask for them"),
    "options": Setting({}, _table, "options of all calls whose tasks do not say otherwise"),
    "workers": Setting(None, _workers, "calls that run at a time; by default one per processor"),
    "lost_retries": Setting(2, _count, "how often a call is tried again whose worker process was lost, for processes"),
    "durability": Setting("process", _choice("process", "power"), "what a finished result survives"),
    "checkpoint_mode": Setting(
        "task_exit", _choice("task_exit", "periodic", "exit", "manual"), "when results are written to the store"
    ),
    "checkpoint_period_s": Setting(60.0, _seconds, "how long checkpoint_mode periodic waits, in seconds"),
    "compression": Setting("none", _choice("none", "zstd"), "whether large results are compressed where it pays"),
    "verify": Setting("first", _choice("always", "first", "never"), "when the bytes of a blob are checked on reading"),
    "on_store_error": Setting("warn", _choice("warn", "raise"), "what happens when a result cannot be kept"),
    "reuse": Setting(
        "on", _choice("on", "off", "refresh", "read-only"), "whether kept results are used, and results kept"
    ),
    "audit": Setting(0.0, _share, "the share of kept results that are computed again and compared"),
    "max_store_size": Setting(
        None, parse_size, "how much the results may take; the cheapest to recompute go first; by default no limit"
    ),
    "max_running_runs": Setting(None, _workers, "runs with ids that a session drives at a time; by default no limit"),
    "max_queued_runs": Setting(None, _count, "runs that wait for their turn in a session; by default no limit"),
    "max_store_running_runs": Setting(None, _workers, "runs that all programs on the store drive at a time"),
    "max_store_queued_runs": Setting(None, _count, "runs that wait for their turn in all programs on the store"),
    "keep_runs": Setting(
        "all",
        _choice("all", "steps", "result"),
        "what is kept of the results of a run with an id when it has succeeded",
    ),
    "memory": Setting(
        None, parse_size, "how much results may take in memory; the least recently used go to disk; by default no limit"
    ),
    "prefer": Setting("order", _choice("order", "recent"), "which of several stores' results counts"),
    "adopt": Setting(True, _flag, "whether what is read from another store is copied into the first"),
    "single_flight": Setting("process", _choice("process", "store"), "who does not run a call that is running already"),
    "resources": Setting(None, _amounts, "how much there is of what calls may need while they run"),
    "progress": Setting(False, _flag, "a line that shows how far the calls are"),
}

_MERGED = ("executors", "options")
"""Settings that are tables: what is said later is added, and wins where both say the same name."""

_configured: dict[str, Any] = {}


def configure(**values: Any) -> None:
    """Set settings for this process; None takes one back. Use ``jumar.configure``, which also renews the session.

    Raises:
        SettingsError: A name or a value that does not exist.
    """
    checked = {name: None if value is None else _read(name, value, "jumar.configure") for name, value in values.items()}
    for name, value in checked.items():
        if value is None:
            _configured.pop(name, None)
        else:
            _configured[name] = value


def resolve(given: Mapping[str, Any] | None = None, folder: Path | None = None) -> dict[str, Value]:
    """Every setting with its origin.

    Args:
        given: What was said to ``Session``; None values count as not said.
        folder: Where the program is; by default its script's folder, or the working directory.

    Raises:
        SettingsError: A file, a variable or an argument has a value that cannot be used.
    """
    folder = folder or project.start()
    values = {name: Value(setting.default, "default") for name, setting in SETTINGS.items()}
    values["store"] = Value(project.store_path(folder), "default")
    for name, said in _from_file(project.root(folder) / "pyproject.toml").items():
        values[name] = _over(values[name], name, said)
    for name in SETTINGS:
        variable = f"JUMAR_{name.upper()}"
        if os.environ.get(variable):
            said = Value(_read(name, _listed(name, os.environ[variable]), f"the variable {variable}"), variable)
            values[name] = _over(values[name], name, said)
    for name, value in _configured.items():
        values[name] = _over(values[name], name, Value(value, "jumar.configure"))
    for name, value in (given or {}).items():
        if value is not None:
            values[name] = _over(values[name], name, Value(_read(name, value, "Session"), "Session"))
    return values


def _over(earlier: Value, name: str, later: Value) -> Value:
    """What holds of two values of a setting."""
    if name not in _MERGED or not earlier.value:
        return later
    return Value({**earlier.value, **later.value}, f"{earlier.origin}, then {later.origin}")


def _listed(name: str, text: str) -> str | list[str]:
    """What a variable says: several stores have colons between them, as in ``PATH``."""
    return text.split(os.pathsep) if name == "store" and os.pathsep in text else text


def _from_file(path: Path) -> dict[str, Value]:
    if not path.is_file():
        return {}
    import tomllib  # noqa: PLC0415  (most scripts lie in no project with settings)

    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("jumar", {})
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read for its [tool.jumar] settings: {error}") from error
    origin = f"[tool.jumar] in {path}"
    values = {name: Value(_read(name, written, origin), origin) for name, written in table.items()}
    if "store" in values:
        stores = values["store"].value
        relative = tuple([path.parent / each for each in stores]) if isinstance(stores, tuple) else path.parent / stores
        values["store"] = Value(relative, origin)
    return values


def _read(name: str, written: Any, origin: str) -> Any:
    setting = SETTINGS.get(name)
    if setting is None:
        near = difflib.get_close_matches(name, SETTINGS, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(SETTINGS)}."
        raise SettingsError(f"{origin}: there is no setting {name!r}. {hint}")
    try:
        return setting.read(written)
    except ValueError as error:
        raise SettingsError(f"{origin}: {name} {error}, not {written!r}") from None
