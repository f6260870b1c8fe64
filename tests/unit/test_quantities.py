"""Sizes and durations as people write them."""

import pytest

from jumar.quantities import parse_duration, parse_size


@pytest.mark.parametrize(
    ("written", "size_bytes"),
    [("1", 1), (7, 7), ("10GiB", 10 * 2**30), ("1.5 kB", 1500), ("2mib", 2**21), ("3 G", 3 * 10**9), ("1Ki", 1024)],
)
def test_a_size_is_read_with_any_usual_unit(written, size_bytes):
    assert parse_size(written) == size_bytes


@pytest.mark.parametrize("written", ["", "GiB", "10 parsecs", "-1", "0", 0, -5, True, None, 1.5, "1e9", "1,5 GB"])
def test_what_is_no_size_is_refused_with_examples(written):
    with pytest.raises(ValueError, match="takes a size such as 10GiB"):
        parse_size(written)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("30d", 2_592_000), ("12 h", 43_200), ("90min", 5400), ("45s", 45), ("2w", 1_209_600), ("5m", 300)],
)
def test_a_duration_is_read_with_its_unit(written, seconds):
    assert parse_duration(written) == seconds


@pytest.mark.parametrize("written", ["", "30", "d", "30 fortnights", "-1d"])
def test_what_is_no_duration_is_refused_with_examples(written):
    with pytest.raises(ValueError, match="takes a duration such as 30d"):
        parse_duration(written)
