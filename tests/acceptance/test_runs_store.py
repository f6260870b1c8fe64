"""What a store keeps of runs: carried over from a damaged index, readable where it is old, written where it may be."""

import sqlite3

import pytest

import jumar
from jumar.runs import RunError
from jumar.runs.book import Book
from jumar.store.named_runs import Begun, NamedRun, NamedRuns
from jumar.store.store import Store


class World:
    """What lies outside of the program."""

    def __init__(self):
        self.done, self.broken = [], True

    def __jumar_key__(self):
        return "world"


world = World()


@pytest.fixture(autouse=True)
def new_world():
    world.__init__()


@jumar.step
def put(what):
    world.done.append(what)
    return len(world.done)


@jumar.task
def main(n):
    first = put(n)
    if world.broken:
        raise ConnectionError("broken")
    return first, put(n + 1)


def row(run_id="x", token=b"t" * 16):
    return NamedRun(
        run_id,
        token,
        1.5,
        None,
        "failed",
        "m.main",
        "n",
        b"i1;",
        b"c" * 32,
        "{}",
        b"ref",
        None,
        None,
        "E",
        "T",
        "{}",
        "[]",
    )


def test_a_row_that_was_altered_where_it_never_changes_is_not_sound():
    sound = row().checked()
    assert sound.is_sound()
    assert sound._replace(state="running", error="other", result=b"r" * 32).is_sound()
    for altered in (
        {"id": "y"},
        {"token": b"u" * 16},
        {"arguments": b"i2;"},
        {"by_reference": b"fer"},
        {"state": "lost"},
    ):
        assert not sound._replace(**altered).is_sound()


def test_a_damaged_index_loses_no_run_and_no_step_comes_again(tmp_path):
    with jumar.Session(tmp_path / "store", "inline"):
        assert main.start(1, id="x").wait() == "failed"
    with (tmp_path / "store" / "index.sqlite").open("r+b") as file:
        file.write(bytes(1024))  # the header: nothing can open it any more
    world.broken = False
    with pytest.warns(jumar.StoreWarning, match="damaged"):
        store = Store.open(tmp_path / "store")
    with store, jumar.Session(store, "inline"):
        assert [info.id for info in jumar.runs.find("failed")] == ["x"]
        assert jumar.resume("x").result() == (1, 2)
    assert world.done == [1, 2]


def test_an_older_store_that_may_not_be_written_has_no_runs(tmp_path):
    Store.open(tmp_path / "store").close()
    connection = sqlite3.connect(tmp_path / "store" / "index.sqlite")
    with connection:
        for table in ("named_runs", "journal", "run_calls"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    with Store.open(tmp_path / "store", read_only=True) as store:
        book = Book(store)
        assert book.all() == []
        with pytest.raises(RunError, match="there is no run 'x'"):
            book.find("x")
        table = NamedRuns(store.index)
        assert (table.begun(b"t"), table.calls(b"t")) == ([], [])
        assert store.stock.guarded() == set()
    with jumar.Session(tmp_path / "store", "inline"):
        world.broken = False
        assert main.start(1, id="x").result() == (1, 2)


def test_a_step_begins_only_in_a_run_that_is_wanted_and_held(tmp_path):
    with Store.open(tmp_path / "store") as store:
        book = Book(store)
        book.table.add(row())
        assert not book.table.add(row(token=b"u" * 16))
        step = Begun(b"k" * 32, b"p" * 32, 0, "put", "n", b"i1;", 2.0)
        begin = book.table.begin
        assert begin(b"t" * 16, step, b"l" * 32, book.leases.holder) == "taken"
        book.leases.take(b"l" * 32)
        assert begin(b"t" * 16, step, b"l" * 32, book.leases.holder) == "begun"
        assert begin(b"t" * 16, step, b"l" * 32, "somebody else") == "taken"
        assert book.table.cancel(b"t" * 16, 3.0)
        assert begin(b"t" * 16, step, b"l" * 32, book.leases.holder) == "cancelled"
        assert begin(b"v" * 16, step, b"l" * 32, book.leases.holder) == "cancelled"
        assert book.table.begun(b"t" * 16) == [step]


def test_a_run_whose_driver_is_gone_is_interrupted(tmp_path):
    with Store.open(tmp_path / "store") as store:
        book = Book(store)
        book.table.add(row()._replace(state="running"))
        assert book.info(book.find("x")).status == "interrupted"


def take_over(store):
    """Let somebody else have all leases, as if this process had stood still for long."""
    return store.index.transact(
        lambda connection: connection.execute("UPDATE leases SET holder = 'somebody else'").rowcount
    )


def test_a_process_that_stood_still_does_no_step_of_a_run_that_another_took(tmp_path):
    with jumar.Session(tmp_path / "store", "inline") as session, jumar.run("x") as run:
        assert take_over(session.store) == 1
        with pytest.raises(RunError, match="taken over by another process"):
            put(1)
        assert world.done == []
    with jumar.Session(tmp_path / "store", "inline"):
        assert jumar.runs.get(run.id).info.ended_s is None  # that is for the other one to say
