"""The lease of a turn: renewed while the turn lasts, given back once, and never after another has it."""

import pytest

from jumar.actors.directory import Directory
from jumar.actors.turn import _Held
from jumar.errors import ActorError
from jumar.store.actor_rows import lease_key
from jumar.store.store import Store


@pytest.fixture
def directory(tmp_path):
    with Store.open(tmp_path / "store") as store:
        yield Directory(store)


@pytest.fixture
def held(directory):
    directory.add("x", "Kind", "{}", {"n": 1})
    row, is_ours = directory.rows.take("x", directory.leases)
    assert is_ours
    directory.leases.lease_s = 0.0  # it is time at every beat
    return _Held(directory, row)


def written(directory, held):
    return directory.leases.written(lease_key(held.row.token))


def test_a_turn_that_lasts_renews_its_lease_and_one_that_is_over_does_not(directory, held):
    directory.leases.lease_s = 30.0
    first = written(directory, held)
    held.beat()
    assert written(directory, held) == first  # it is not time yet
    directory.leases.lease_s = 0.0
    held.beat()
    assert written(directory, held) != first
    held.let_go()
    held.let_go()
    assert written(directory, held) is None
    held.beat()
    assert written(directory, held) is None


def test_a_lease_that_another_has_is_neither_renewed_nor_given_back(directory, held):
    directory.store.index.transact(lambda connection: connection.execute("UPDATE leases SET holder = 'another'"))
    theirs = written(directory, held)
    held.beat()
    held.let_go()
    assert written(directory, held) == theirs
    assert not directory.rows.delete(held.row, directory.leases.holder)
    directory.leases.lease_s = 30.0
    with pytest.raises(ActorError, match="is being changed by another"):
        directory.delete("x")


def test_a_new_state_takes_the_place_of_the_last_one_once(directory, held):
    row = held.row
    now = row._replace(turn=1, state=b"s" * 32)
    entry = directory.entry(now, {"n": 2})
    assert directory.rows.advance(row, now, [entry], directory.leases.holder) == "done"
    assert directory.state(directory.find("x")) == {"n": 2}
    assert directory.store.index.find(row.state) is None
    assert (
        directory.rows.advance(row, now, [entry], directory.leases.holder) == "taken"
    )  # the lease ended with the turn
    directory.rows.take("x", directory.leases)
    assert directory.rows.advance(row, now, [entry], directory.leases.holder) == "gone"
    assert [info.turns for info in directory.all()] == [1]


def test_an_actor_that_was_added_meanwhile_is_the_one(directory, held):
    assert directory.add("x", "Kind", "{}", {"n": 9}).token == held.row.token
    assert directory.state(directory.find("x")) == {"n": 1}
