"""The check of a row: whatever a damaged database makes of a column, the row is not taken for what was written."""

import struct

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from jumar.store.row import entry_of, row_of
from jumar.testing.contracts_index import entry

COLUMNS = [
    "task",
    "created_s",
    "seconds",
    "size_bytes",
    "codec",
    "inline",
    "blob",
    "arguments",
    "content",
    "needs",
    "run",
]
FULL = entry(1, content=bytes(32), needs=b"12345678", run=3)
EMPTY = entry(1, inline=b"", arguments=b"", size_bytes=0)
LARGE = entry(1, inline=None, blob=bytes(32))


@pytest.mark.parametrize("written", [FULL, EMPTY, LARGE])
def test_a_row_is_what_was_written(written):
    row = row_of(written)
    assert entry_of(row[0], row[1:]) == written


@pytest.mark.parametrize("other", [None, 0, 1, -(2**63), 0.0, 1.5, b"", b"\x00", bytes(32), "text", b"\xff"], ids=repr)
@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("written", [FULL, EMPTY, LARGE], ids=["full", "empty", "large"])
def test_a_column_of_any_other_value_or_type_is_noticed(written, column, other):
    row = list(row_of(written))
    place = 1 + COLUMNS.index(column)
    if type(row[place]) is not type(other) or row[place] != other:
        row[place] = other
        found = entry_of(row[0], row[1:])
        assert found is None or repr(found) == repr(written)  # 0.0 for 0 is what SQLite itself gives


def test_a_row_under_another_key_is_noticed():
    assert entry_of(bytes(32), row_of(FULL)[1:]) is None


def test_the_check_is_what_the_reference_says():
    """Computed by ``docs/reference/store-format.md`` alone, as another tool would."""
    fixed = struct.pack("<q d d q B B I I I q", 1, 1001.0, 0.25, 3, 1 | 4 | 8, 6, 3, 5, 32, 3)
    hashed = FULL.key + fixed + b"pickle" + b"abc" + b"\x00args" + bytes(32) + b"12345678"
    assert row_of(FULL)[-1] == blake3(hashed).digest()[:8]


bytes_or_none = st.none() | st.binary(max_size=3)
entries = st.builds(
    FULL._replace,
    inline=bytes_or_none,
    blob=bytes_or_none,
    arguments=st.binary(max_size=3),
    content=bytes_or_none,
    needs=bytes_or_none,
    codec=st.sampled_from(["a", "ab", "abc"]),
    size_bytes=st.integers(0, 3),
    run=st.integers(0, 2),
)


@given(entries, entries)
def test_the_check_of_one_row_does_not_fit_another(left, right):
    forged = row_of(left)[:-1] + row_of(right)[-1:]
    assert (entry_of(left.key, forged[1:]) is not None) == (left == right)
