"""Which codec writes what, and how the one that wrote a result is found."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import jumar.codecs
from jumar.codecs.catalogue import Catalogue
from jumar.codecs.registry import Codecs
from jumar.errors import DamagedError
from jumar.store.records import Entry
from jumar.store.store import Store


class Point:
    def __init__(self, x):
        self.x = x


class FarPoint(Point):
    pass


class PointCodec:
    """Writes points on the right, as a user's codec might."""

    def __init__(self, name="point"):
        self.name = name

    def encode(self, value):
        return (str(value.x).encode(),) if type(value) is Point and value.x >= 0 else None

    def decode(self, data):
        return Point(int(bytes(data)))


@pytest.fixture
def catalogue():
    return Catalogue()


def written_by(value, catalogue):
    return Codecs(catalogue=catalogue).encode(value)[0]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (1, "pickle"),
        (b"bytes", "pickle"),
        ([np.zeros(10_000)], "pickle"),
        (np.zeros(100), "pickle"),
        (np.zeros(10_000), "numpy"),
        (np.zeros(3, "M8[s]"), "numpy"),
        (np.broadcast_to(np.zeros(100), (100, 100)), "numpy-readonly"),
        (np.broadcast_to(np.array(None), 3), "pickle-readonly"),
        (np.float64(1), "pickle"),
        (np.ma.zeros(10_000), "pickle"),
        (np.zeros(10_000, object), "pickle"),
        (pd.DataFrame({"a": [1, 2]}), "pickle"),
        (pl.DataFrame({"a": [1, 2]}), "polars"),
        (pl.DataFrame(), "pickle"),
        (pl.LazyFrame({"a": [1, 2]}), "pickle"),
        (pa.table({"a": [1, 2]}), "arrow"),
        (pa.array([1]), "arrow"),
        (pa.array([], pa.int8()), "pickle"),
        (pa.array([bytes(16)], pa.uuid()), "pickle"),
        (lambda: 1, "cloudpickle"),
    ],
    ids=lambda part: part if isinstance(part, str) else type(part).__name__,
)
def test_a_value_is_written_by_the_codec_that_gives_it_back_as_it_was(value, name, catalogue):
    assert written_by(value, catalogue) == name


def test_a_registered_codec_writes_its_types_and_what_it_declines_goes_to_the_next(catalogue):
    assert written_by(Point(1), catalogue) == "pickle"
    catalogue.register(PointCodec(), Point)
    assert written_by(Point(1), catalogue) == "point"
    assert written_by(Point(-1), catalogue) == "pickle"
    assert written_by(FarPoint(1), catalogue) == "pickle"
    assert Codecs(catalogue=catalogue).choose(FarPoint(1)).name == "point"  # asked, as a codec of a base class
    assert catalogue.named("point").decode(memoryview(b"7")).x == 7


def test_the_codec_registered_last_is_asked_first_and_one_of_the_same_name_takes_the_place(catalogue):
    first, second, third = PointCodec("first"), PointCodec("second"), PointCodec("first")
    for codec in (first, second, third):
        catalogue.register(codec, Point)
    assert catalogue.chain(Point).codecs[:2] == (third, second)
    assert catalogue.named("first") is third


def test_a_users_codec_comes_before_that_of_the_library_whichever_is_loaded_first(catalogue):
    class ListCodec(PointCodec):
        def encode(self, value):
            return (b"",)

    early, late = Catalogue(), Catalogue()
    early.register(ListCodec("mine"), np.ndarray)
    assert written_by(np.zeros(10_000), late) == "numpy"
    late.register(ListCodec("mine"), np.ndarray)
    assert written_by(np.zeros(10_000), early) == written_by(np.zeros(10_000), late) == "mine"


@pytest.mark.parametrize("name", ["", "numpy", "pickle", "zstd+mine", "größe", "n" * 251])
def test_a_codec_needs_a_name_that_is_free_and_fits(name, catalogue):
    with pytest.raises(ValueError, match="a codec cannot be named"):
        catalogue.register(PointCodec(name), Point)


def test_a_codec_that_is_not_known_is_named_with_those_that_are(catalogue):
    with pytest.raises(LookupError, match=r"no codec 'parquet' here \(there are: arrow, cloudpickle, numpy"):
        catalogue.named("parquet")


def test_looking_up_types_from_many_threads_gives_each_the_same(catalogue):
    values = [np.zeros(10_000), pl.DataFrame({"a": [1]}), pa.array([1]), 1, Point(1)] * 40
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(lambda value: written_by(value, catalogue), values))
    assert names == ["numpy", "polars", "arrow", "pickle", "pickle"] * 40


def test_types_without_end_do_not_fill_the_memory(catalogue):
    for number in range(5_000):
        catalogue.chain(type(f"Made{number}", (), {}))
    assert len(catalogue.known) <= 4096
    assert written_by(np.zeros(10_000), catalogue) == "numpy"


def test_what_neither_pickle_nor_cloudpickle_writes_raises_what_pickle_says(catalogue):
    with pytest.raises(TypeError, match="generator"):
        Codecs(catalogue=catalogue).encode(number for number in range(3))


def test_a_closure_with_an_array_in_it_comes_back_with_the_array_as_a_view(catalogue):
    weights = np.arange(5_000.0)
    name, frames = Codecs(catalogue=catalogue).encode(lambda: weights)
    memory = memoryview(bytearray(b"".join(frames)))
    back = catalogue.named(name).decode(memory)()
    assert back.tolist() == weights.tolist()
    assert np.shares_memory(back, np.frombuffer(memory, np.uint8))


def test_a_result_whose_codec_is_not_there_is_reported_and_computed_again():
    troubles = []
    with Store.in_memory(report=troubles.append) as store:
        entry = Entry(b"k" * 32, 0, 0.0, 0.0, 1, "point", b"7", None, b"", None, None, 0)
        with pytest.raises(DamagedError, match=r"no codec 'point' here .*jumar\.codecs\.register"):
            store.load(entry)
    assert [trouble.kind for trouble in troubles] == ["undecodable"]


def test_a_codec_registered_in_public_is_used_by_every_store():
    jumar.codecs.register(PointCodec("public point"), Point)
    with Store.in_memory() as store:
        payload = store.encode(Point(5))
    assert (payload.codec, payload.inline) == ("public point", b"5")


WITHOUT = """
import sys
for name in ("numpy", "pyarrow", "cloudpickle", "backports", "compression"):
    sys.modules[name] = None  # as if it were not installed
from jumar.codecs.registry import Codecs
codecs = Codecs()
assert codecs.encode([1])[0] == "pickle"
for act in (
    lambda: codecs.encode(lambda: 1),
    lambda: codecs.named("numpy"),
    lambda: codecs.named("polars"),
    lambda: codecs.named("zstd+pickle"),
    lambda: Codecs(compression="zstd"),
):
    try:
        act()
    except Exception as error:
        print(type(error).__name__, error)
"""


def test_what_needs_a_package_that_is_not_installed_says_which():
    lines = subprocess.check_output([sys.executable, "-c", WITHOUT], text=True).splitlines()
    assert [line.partition(" ")[0] for line in lines] == [
        "PicklingError", "LookupError", "LookupError", "LookupError", "SettingsError"
    ]  # fmt: skip
    for line, extra in zip(lines, ["cloudpickle", "numpy", "polars", "zstd", "zstd"], strict=True):
        assert f"pip install 'jumar[{extra}]'" in line
    assert "lambda" in lines[0]


def test_a_module_that_is_only_called_torch_changes_nothing():
    code = (
        "import sys, types; sys.modules['torch'] = types.ModuleType('torch');"
        "from jumar.codecs.registry import Codecs; print(Codecs().encode([1])[0], Codecs().encode({1: 2})[0])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "pickle pickle\n"


def test_polars_without_pyarrow_is_written_by_pickle():
    code = (
        "import sys; sys.modules['pyarrow'] = None; import polars as pl; from jumar.codecs.registry import Codecs; "
        "print(Codecs().encode(pl.DataFrame({'a': [1]}))[0])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "pickle\n"
