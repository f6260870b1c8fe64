"""Stores damaged byte by byte and file by file: what is sound is found, what is not is a reported miss, nothing is wrong."""

import importlib.util
import random
from pathlib import Path

import pytest

from jumar.errors import DamagedError
from jumar.store.store import Store
from jumar.testing.contracts_index import entry, key_of

_spec = importlib.util.spec_from_file_location("store_copies", Path(__file__).with_name("store_copies.py"))
store_copies = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(store_copies)

PAGE_BYTES = 4096
LOG_HEAD_BYTES = 32
FRAME_BYTES = PAGE_BYTES + 24
"""A page in the log, behind the head that SQLite gives it there."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A store of some hundred pages, closed; its entries."""
    path = tmp_path_factory.mktemp("sound") / "store"
    return path, store_copies.make(path)


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """The same as a killed process leaves it: with a log that was not taken into the database yet."""
    folder = tmp_path_factory.mktemp("live")
    entries = store_copies.make(folder / "store")
    store = Store.open(folder / "store")
    for number in range(0, store_copies.ROWS, 3):
        if number in entries:
            store.record(entries[number])  # anew: the rows move to the end of the table
    store.flush()
    store_copies.copy(folder / "store", folder / "killed")
    store.close()
    assert (folder / "killed" / "index.sqlite-wal").stat().st_size > 0
    return folder / "killed", entries


class OneBlob:
    """A store with one large result, whose blob is damaged again and again."""

    def __init__(self, folder):
        self.troubles = []
        self.store = Store.open(folder / "store", verify="always", report=self.troubles.append)
        self.value = random.Random(4).randbytes(4100)
        payload = self.store.encode(self.value)
        self.entry = entry(1, **payload._asdict())
        name = payload.blob.hex()
        self.file = folder / "store" / "blobs" / name[:2] / name[2:]
        self.sound = self.file.read_bytes()

    def is_reported_once_and_missed(self, how):
        """Recorded, then looked for with the damage in place; the report says how it is damaged."""
        self.troubles.clear()
        self.store.record(self.entry)
        self.store.flush()
        found = self.store.find(self.entry.key)
        if found is not None:
            with pytest.raises(DamagedError):
                self.store.load(found)
        assert self.store.find(self.entry.key) is None
        (trouble,) = self.troubles
        assert (trouble.kind, trouble.key) == ("damaged", self.entry.key)
        assert how in trouble.text
        return True


@pytest.fixture
def one(tmp_path):
    one = OneBlob(tmp_path)
    yield one
    one.store.close()


def test_every_byte_of_a_blob_counts(one):
    for at, byte in enumerate(one.sound):
        one.file.write_bytes(one.sound[:at] + bytes([byte ^ 1 << at % 8]) + one.sound[at + 1 :])
        assert one.is_reported_once_and_missed("was altered on disk"), at
    assert one.store.encode(one.value).blob == one.entry.blob
    one.store.record(one.entry)
    assert one.store.load(one.store.find(one.entry.key)) == one.value


def test_a_blob_of_any_other_length_is_missed(one):
    for length in [*range(len(one.sound)), len(one.sound) + 1, 10**6]:
        one.file.write_bytes(one.sound[:length].ljust(length, b"x")[:length])
        assert one.is_reported_once_and_missed(f"has {length:,} bytes"), length


def test_a_blob_that_is_a_directory_or_cannot_be_reached_is_missed(one):
    one.file.unlink()
    assert one.is_reported_once_and_missed("is missing")
    one.file.mkdir()
    assert one.is_reported_once_and_missed("bytes instead of")
    one.file.rmdir()
    one.file.symlink_to(one.file)
    assert one.is_reported_once_and_missed("is missing")


def test_a_damaged_blob_is_written_anew_when_its_call_has_run_again(one):
    one.file.write_bytes(one.sound[:99])
    assert one.store.encode(one.value).blob == one.entry.blob
    one.store.record(one.entry)
    assert one.store.load(one.store.find(one.entry.key)) == one.value


def damaged_copies(original, target, name, positions):
    """Copies of a store, with a bit of one file flipped at each position."""
    data = (original / name).read_bytes()
    for at in positions:
        path = store_copies.copy(original, target)
        with (path / name).open("r+b") as file:
            file.seek(at)
            file.write(bytes([data[at] ^ 1 << at % 8]))
        yield path


def positions_in_every_page(size_bytes, in_a_page):
    """The heads of pages, where trees are held together, and as many places within."""
    chance = random.Random(size_bytes)
    for page in range(0, size_bytes, PAGE_BYTES):
        yield from chance.sample(range(page, page + 12), in_a_page)
        yield from (chance.randrange(page, min(page + PAGE_BYTES, size_bytes)) for _ in range(in_a_page))


def test_a_sound_store_passes(sound, live, tmp_path):
    for original, entries in (sound, live):
        path = store_copies.copy(original, tmp_path / "store")
        assert store_copies.use(path, entries) == ([], len(entries))
        with Store.open(path) as store:
            assert store.load(store.find(key_of(store_copies.NEW))) == store_copies.value(store_copies.NEW)


def test_a_flipped_bit_in_any_page_of_the_index_gives_no_wrong_value_and_no_surprise(sound, tmp_path):
    original, entries = sound
    size_bytes = (original / "index.sqlite").stat().st_size
    assert size_bytes > 60 * PAGE_BYTES
    lost = silent = 0
    for path in damaged_copies(original, tmp_path / "s", "index.sqlite", positions_in_every_page(size_bytes, 1)):
        troubles, found = store_copies.use(path, entries)
        lost += found < len(entries)
        silent += found < len(entries) and not troubles
    assert lost > 20
    # SQLite does not notice when the order of a tree is broken: then rows are just not found. `jumar check` does.
    assert silent <= lost // 20


def test_a_flipped_bit_anywhere_in_the_log_of_a_killed_process_gives_no_wrong_value(live, tmp_path):
    original, entries = live
    size_bytes = (original / "index.sqlite-wal").stat().st_size
    for path in damaged_copies(original, tmp_path / "s", "index.sqlite-wal", range(3, size_bytes, 2311)):
        store_copies.use(path, entries)


@pytest.mark.parametrize(
    ("name", "head_bytes", "step_bytes"),
    [("index.sqlite", 0, PAGE_BYTES), ("index.sqlite-wal", LOG_HEAD_BYTES, FRAME_BYTES)],
)
def test_a_file_of_the_index_cut_at_any_page_or_elsewhere_gives_no_wrong_value(
    live, tmp_path, name, head_bytes, step_bytes
):
    original, entries = live
    size_bytes = (original / name).stat().st_size
    boundaries = range(head_bytes, size_bytes, step_bytes)
    assert len(boundaries) > 20
    for length in (*boundaries, 1, 31, 99, 100, PAGE_BYTES - 1, size_bytes // 2 + 1, size_bytes - 1):
        path = store_copies.copy(original, tmp_path / "store")
        with (path / name).open("r+b") as file:
            file.truncate(length)
        store_copies.use(path, entries)


def test_any_file_or_directory_that_a_killed_process_leaves_may_vanish(live, tmp_path):
    original, entries = live
    names = sorted(path.relative_to(original) for path in original.rglob("*"))
    assert {"format", ".gitignore", "CACHEDIR.TAG", "index.sqlite", "index.sqlite-wal", "index.sqlite-shm"} <= {
        str(name) for name in names
    }
    blobs = [name for name in names if name.parts[0] == "blobs" and len(name.parts) == 3 and name.parts[1] != "tmp"]
    assert len(blobs) == 12
    for name in names:
        path = store_copies.copy(original, tmp_path / "store")
        gone = path / name
        gone.rename(tmp_path / "gone") if gone.is_dir() else gone.unlink()
        troubles, found = store_copies.use(path, entries)
        if name in blobs:
            assert found == len(entries) - 1
            assert [trouble.kind for trouble in troubles] == ["damaged"]
        if name.name in ("format", ".gitignore", "CACHEDIR.TAG", "index.sqlite-shm", "tmp", "lock"):
            assert found == len(entries)
        (tmp_path / "gone").is_dir() and store_copies.shutil.rmtree(tmp_path / "gone")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_flipped_bit_at_three_thousand_places_of_the_index_gives_no_wrong_value(sound, tmp_path):
    original, entries = sound
    size_bytes = (original / "index.sqlite").stat().st_size
    for path in damaged_copies(original, tmp_path / "store", "index.sqlite", range(0, size_bytes, 97)):
        store_copies.use(path, entries)
