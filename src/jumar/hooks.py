"""Ready-made functions that keep a task's results in files of the user's own, in formats that other programs read."""

from __future__ import annotations

import json
import os
import pickle
import re
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from jumar.errors import DeclarationError
from jumar.graph.call_info import CallInfo

_UNFIT = re.compile(r"[^\w.+=,@-]+")


class _Format(NamedTuple):
    save: Callable[[Any, Path], Any]
    load: Callable[[Path], Any]


def _save_numpy(value: Any, path: Path) -> None:
    import numpy as np  # noqa: PLC0415  (here is a NumPy array, or something that becomes one)

    with path.open("wb") as file:
        np.save(file, value, allow_pickle=False)


def _load_numpy(path: Path) -> Any:
    import numpy as np  # noqa: PLC0415

    return np.load(path, allow_pickle=False)


def _load_parquet(path: Path) -> Any:
    import pandas as pd  # noqa: PLC0415

    return pd.read_parquet(path)


def _save_tensors(value: Any, path: Path) -> None:
    from safetensors.torch import save_file  # noqa: PLC0415 # an optional package

    save_file(value, path)


def _load_tensors(path: Path) -> Any:
    from safetensors.torch import load_file  # noqa: PLC0415 # likewise

    return load_file(path)


_FORMATS = {
    ".npy": _Format(_save_numpy, _load_numpy),
    ".safetensors": _Format(_save_tensors, _load_tensors),
    ".parquet": _Format(lambda value, path: value.to_parquet(path), _load_parquet),
    ".json": _Format(
        lambda value, path: path.write_text(json.dumps(value), encoding="utf-8"),
        lambda path: json.loads(path.read_text(encoding="utf-8")),
    ),
    ".txt": _Format(
        lambda value, path: path.write_bytes(value.encode()),  # and not write_text, which may alter the ends of lines
        lambda path: path.read_bytes().decode(),
    ),
    ".pkl": _Format(
        lambda value, path: path.write_bytes(pickle.dumps(value, protocol=5)),
        lambda path: pickle.loads(path.read_bytes()),  # the user's own file
    ),
}


def to_file(
    pattern: str,
    save: Callable[[Any, Path], Any] | None = None,
    load: Callable[[Path], Any] | None = None,
) -> dict[str, Callable[..., Any]]:
    """The options that keep each result of a task in a file of its own, instead of in the store.

    Args:
        pattern: Path of the file, with ``{key}`` (the call's key; ``{key:.12}`` for its beginning) and, as far as
            wanted, ``{task}`` and the task's parameters by name. Folders are made. The ending chooses the format:
            ``.npy``, ``.json``, ``.txt``, ``.parquet`` (data frames), ``.safetensors`` (PyTorch's tensors by name),
            ``.pkl``.
        save: Writes a value to a path, for another format.
        load: Reads it back; both or none.

    Returns:
        ``checkpoint``, ``restore`` and ``exists``, for ``@jumar.task(**to_file(...))``.

    Raises:
        DeclarationError: The pattern has no ``{key}``, or an ending that is not known.

    Guarantees:
        A file has its name only once it is written whole. ``None`` stands for "not there", so a result that is None is
        not kept, which is told. The file is believed: what another program writes there is the result.

    Example:
        >>> import tempfile, jumar, jumar.hooks
        >>> folder = tempfile.mkdtemp()
        >>> @jumar.task(**jumar.hooks.to_file(folder + "/{task}-{n}-{key:.8}.json"))
        ... def squares(n: int) -> list[int]:
        ...     return [i * i for i in range(n)]
        >>> squares(3), len(list(Path(folder).glob("squares-3-*.json")))
        ([0, 1, 4], 1)
    """
    if "key" not in [name for _, name, _, _ in string.Formatter().parse(pattern)]:
        raise DeclarationError(
            f"to_file({pattern!r}): the pattern needs {{key}}, or {{key:.12}}. Without it an edited task would find the "
            f"results of its old code under the same name."
        )
    if (save is None) != (load is None):
        raise DeclarationError(f"to_file({pattern!r}): give both save= and load=, or none of them.")
    if save is None or load is None:
        chosen = _FORMATS.get(Path(pattern).suffix)
        if chosen is None:
            raise DeclarationError(
                f"to_file({pattern!r}): there is no format for {Path(pattern).suffix!r}, only for {', '.join(_FORMATS)}. "
                f"Give save= and load=."
            )
        save, load = chosen
    files = _Files(pattern, save, load)
    return {"checkpoint": files.checkpoint, "restore": files.restore, "exists": files.exists}


class _Files:
    def __init__(self, pattern: str, save: Callable[[Any, Path], Any], load: Callable[[Path], Any]) -> None:
        self._pattern = pattern
        self._save = save
        self._load = load

    def checkpoint(self, call: CallInfo, value: Any) -> None:
        if value is None:
            raise TypeError("None means that nothing is there, so it cannot be kept; return something else")
        path = self._path(call)
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{uuid4().hex}{path.suffix}")
        try:
            self._save(value, beside)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)

    def restore(self, call: CallInfo) -> Any:
        path = self._path(call)
        return self._load(path) if path.exists() else None

    def exists(self, call: CallInfo) -> bool:
        return self._path(call).exists()

    def _path(self, call: CallInfo) -> Path:
        texts = {name: _UNFIT.sub("_", str(value)) for name, value in call.arguments.items()}
        names = {**texts, "task": _UNFIT.sub("_", call.task), "key": call.key}
        try:
            return Path(os.path.expanduser(self._pattern.format_map(names)))  # noqa: PTH111  (before it is a path)
        except KeyError as error:
            known = ", ".join(names)
            raise DeclarationError(
                f"to_file({self._pattern!r}): task {call.task!r} has no parameter {error.args[0]!r}; there are: {known}"
            ) from None
