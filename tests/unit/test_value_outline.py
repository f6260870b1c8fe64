"""Long containers are digests in tokens; their outlines show what is in them."""

import sqlite3
from contextlib import closing

from hypothesis import given
from hypothesis import strategies as st

from jumar.keys.digest import digest
from jumar.keys.value import describe, token
from jumar.keys.value_outline import OUTLINE_MAX_BYTES, expanded, outlines_in
from jumar.store.records import Entry
from jumar.store.store import Store
from jumar.testing.contracts_index import entry

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner), max_leaves=25
)


def never(_):
    return False


@given(VALUES)
def test_an_expanded_token_reads_as_the_value(value):
    short = token(value)
    shown = describe(expanded(short, outlines_in(short, never).get))
    assert "#" not in shown or "#" in repr(value) or " bits #" in shown
    if isinstance(value, list) and "#" not in shown:
        assert eval(shown, {"inf": float("inf")}) == value


def test_what_is_nested_in_a_digest_is_found_too():
    value = {"outer": [["inner", [index, "text"] * 10] for index in range(20)]}
    short = token(value)
    found = outlines_in(short, never)
    assert len(found) > 20
    assert describe(expanded(short, found.get)) == repr(value)


def test_an_outline_that_is_not_what_was_digested_shows_nothing():
    short = token(["a settings file"] * 5)
    [(value_digest, literal)] = outlines_in(short, never).items()
    assert digest(literal) == value_digest
    assert expanded(short, {value_digest: literal.replace(b"file", b"fire")}.get) == short


def test_data_has_no_outline():
    assert outlines_in(token(list(range(OUTLINE_MAX_BYTES))), never) == {}


def test_bytes_that_are_no_tokens_have_no_outline():
    assert outlines_in(b"#args", never) == {}


def test_what_is_known_is_not_gathered_again():
    assert outlines_in(token(["a settings file"] * 5), lambda _: True) == {}


def recorded(number, value) -> Entry:
    return entry(number)._replace(arguments=token(value))


def test_a_store_keeps_the_outlines_of_recorded_arguments_and_each_once(tmp_path):
    value = {"settings": ["a settings file"] * 5}
    with Store.open(tmp_path) as store:
        for number in range(3):
            store.record(recorded(number, value))
    with Store.open(tmp_path) as store:
        assert describe(expanded(token(value), store.lineage.outline)) == repr(value)
    with closing(sqlite3.connect(tmp_path / "index.sqlite")) as connection:
        assert connection.execute("SELECT count(*) FROM outlines").fetchone() == (1,)


def test_a_store_of_the_first_revision_that_may_not_be_written_has_no_outlines(tmp_path):
    Store.open(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "index.sqlite")) as connection:
        connection.execute("DROP TABLE outlines")
    with Store.open(tmp_path, read_only=True) as store:
        assert store.lineage.outline(bytes(32)) is None
