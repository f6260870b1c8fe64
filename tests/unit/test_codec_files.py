"""What was written once is read for ever: one small file for each codec, made when the codec was."""

import mmap
import runpy
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from jumar.codecs.catalogue import Catalogue
from jumar.codecs.registry import Codecs

DATA = Path(__file__).parent.parent / "data"
VALUES = runpy.run_path(str(DATA / "codec_values.py"))["VALUES"]
NAMES = sorted(path.name for path in (DATA / "codecs").iterdir())


def decoded(name):
    data = (DATA / "codecs" / name).read_bytes()
    memory = memoryview(mmap.mmap(-1, len(data)))
    memory[:] = data
    return Codecs(catalogue=Catalogue()).named(name.partition("~")[0]).decode(memory)


def assert_same(left, right):
    assert type(left) is type(right)
    if isinstance(right, np.ndarray):
        assert left.dtype == right.dtype
        assert left.tolist() == right.tolist()
        assert left.flags.writeable == right.flags.writeable
        assert left.flags.f_contiguous == right.flags.f_contiguous
    elif isinstance(right, pl.DataFrame):
        assert [column.flags for column in left] == [column.flags for column in right]
        assert left.equals(right)
        assert left.schema == right.schema
    elif isinstance(right, dict):
        assert list(left) == list(right)
        for key in right:
            assert_same(left[key], right[key])
    else:
        equals = getattr(right, "equals", right.__eq__)
        assert equals(left)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_an_earlier_version_decodes_to_what_was_written(name):
    assert_same(decoded(name), VALUES[name])


def test_there_is_a_file_for_each_codec_and_each_value():
    assert sorted(VALUES) == NAMES
    of_tensors = {"safetensors", "safetensors-dict"}  # whose files are read by tests/tensors
    assert {name.partition("~")[0] for name in NAMES} == {*Catalogue().names(), "zstd+pickle"} - of_tensors


def test_other_programs_read_the_files_of_arrays_and_tables():
    numbers = np.load(DATA / "codecs" / "numpy-readonly", mmap_mode="r")
    assert numbers.tolist() == VALUES["numpy-readonly"].tolist()
    frame = pl.read_ipc(DATA / "codecs" / "arrow")
    assert frame["seed"].to_list() == [1, 2, 3]
    assert pl.read_ipc(DATA / "codecs" / "polars").equals(VALUES["polars"])
