"""Large arrays: written, restored and identified at the speed of memory and disk."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from blake3 import blake3

import jumar
from benchmarks.row import Row, compare
from benchmarks.size import Size
from jumar.keys.value import token
from jumar.store.records import Entry

LOADS = 50


def rows(size: Size) -> Iterator[Row]:
    array = np.random.default_rng(0).random(size.array_bytes // 8)
    size_text = f"{size.array_bytes >> 20} MiB"
    once = {"rounds": size.rounds, "pieces": 1, "unit": "ms"}
    yield compare(
        f"fingerprint of an array of {size_text}",
        lambda: fingerprinted(array),
        "BLAKE3 of the same bytes",
        lambda: hashed(array),
        max_ratio=1 / 0.9,
        **once,
    )
    with tempfile.TemporaryDirectory() as folder, jumar.Store.open(Path(folder, "store")) as store:
        yield compare(
            f"save an array of {size_text}",
            lambda: saved(store, array),
            "BLAKE3 and one plain file write",
            lambda: written(Path(folder, "plain"), array),
            max_ratio=1 / 0.9,
            **once,
        )
        yield compare(
            f"save an array of {size_text}",
            lambda: saved(store, array),
            "np.save, which hashes nothing",
            lambda: saved_by_numpy(Path(folder, "array.npy"), array),
            **once,
        )
        yield from _restoring(Path(folder), store, array, size)


def _restoring(folder: Path, store: jumar.Store, array: np.ndarray, size: Size) -> Iterator[Row]:
    key = bytes(32)
    store.record(_entry(store, array, key))
    store.flush()
    plain = folder / "array.npy"
    np.save(plain, array)
    size_text, peer = f"{size.array_bytes >> 20} MiB", 'np.load(mmap_mode="r")'
    several = {"rounds": size.rounds, "pieces": LOADS}
    with jumar.Store.open(store.path, verify="never") as trusting:
        yield compare(
            f'restore {size_text}, verify="never"',
            lambda: restored(trusting, key, LOADS),
            peer,
            lambda: mapped(plain, LOADS),
            max_ratio=1.2,
            **several,
        )
        yield compare(
            f'restore {size_text} and read it all, verify="never"',
            lambda: restored(trusting, key, 1, read=True),
            f"{peer}, read it all",
            lambda: mapped(plain, 1, read=True),
            max_ratio=1.2,
            rounds=size.rounds,
            pieces=1,
            unit="ms",
        )
    yield compare(
        f'restore {size_text}, verify="first", first time',
        lambda: restored_first(store.path, key),
        f"{peer} and BLAKE3",
        lambda: mapped_and_hashed(plain),
        rounds=size.rounds,
        pieces=1,
        unit="ms",
    )
    with jumar.Store.open(store.path, verify="first") as careful:
        restored(careful, key, 1)
        yield compare(
            f'restore {size_text}, verify="first", again',
            lambda: restored(careful, key, LOADS),
            peer,
            lambda: mapped(plain, LOADS),
            max_ratio=1.2,
            **several,
        )


def fingerprinted(array: np.ndarray) -> float:
    start_s = time.perf_counter()
    token(array)
    return time.perf_counter() - start_s


def hashed(array: np.ndarray) -> float:
    start_s = time.perf_counter()
    blake3(array.view(np.uint8), max_threads=blake3.AUTO).digest()
    return time.perf_counter() - start_s


def saved(store: jumar.Store, array: np.ndarray) -> float:
    array[0] += 1.0  # bytes that are there are not written again
    start_s = time.perf_counter()
    payload = store.encode(array)
    taken_s = time.perf_counter() - start_s
    _remove(store, payload.blob)
    return taken_s


def written(path: Path, array: np.ndarray) -> float:
    array[0] += 1.0
    start_s = time.perf_counter()
    blake3(array.view(np.uint8), max_threads=blake3.AUTO).digest()
    with path.open("xb") as file:
        file.write(array.data)
    taken_s = time.perf_counter() - start_s
    path.unlink()  # at once: whoever comes next gets the same warm memory for its file
    return taken_s


def saved_by_numpy(path: Path, array: np.ndarray) -> float:
    start_s = time.perf_counter()
    np.save(path, array)
    taken_s = time.perf_counter() - start_s
    path.unlink()
    return taken_s


def restored(store: jumar.Store, key: bytes, times: int, *, read: bool = False) -> float:
    start_s = time.perf_counter()
    for _ in range(times):
        array = store.load(store.find(key))
        if read:
            array.sum()
    return time.perf_counter() - start_s


def restored_first(path: Path, key: bytes) -> float:
    with jumar.Store.open(path, verify="first") as store:
        return restored(store, key, 1)


def mapped(path: Path, times: int, *, read: bool = False) -> float:
    start_s = time.perf_counter()
    for _ in range(times):
        array = np.load(path, mmap_mode="r")
        if read:
            array.sum()
    return time.perf_counter() - start_s


def mapped_and_hashed(path: Path) -> float:
    start_s = time.perf_counter()
    array = np.load(path, mmap_mode="r")
    blake3(array.view(np.uint8), max_threads=blake3.AUTO).digest()
    return time.perf_counter() - start_s


def _entry(store: jumar.Store, array: np.ndarray, key: bytes) -> Entry:
    payload = store.encode(array)
    return Entry(key, 0, 0.0, 0.0, payload.size_bytes, payload.codec, payload.inline, payload.blob, b"")


def _remove(store: jumar.Store, digest: bytes | None) -> None:
    """Make room again, so that a round costs no more disk than one array."""
    if digest is not None:
        name = digest.hex()
        (store.path / "blobs" / name[:2] / name[2:]).unlink()
