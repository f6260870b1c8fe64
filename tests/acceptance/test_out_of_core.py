"""The example of a product of matrices that are larger than memory: right, within the budget, and leaving nothing."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "out_of_core.py"
PRINTED = re.compile(
    r"sum (?P<sum>\S+) of (?P<data_mib>\d+) MiB .*\n"
    r"memory: (?P<most_mib>-?\d+) MiB .*\n"
    r"(?P<hits>\d+) hits, (?P<misses>\d+) misses, (?P<dropped>\d+) dropped, (?P<spilled>\d+) spilled .*"
    r" (?P<computed>\d+) computed\n"
)
SLACK_MIB = 96
"""What may be taken beyond the budget: buffers of libraries, what the allocator keeps, the programs of the workers."""


def printed_by(folder, *arguments):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JUMAR_")}
    command = [sys.executable, "-W", "error", EXAMPLE, "--store", folder / "store", *arguments]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {name: float(found) for name, found in PRINTED.fullmatch(done.stdout).groupdict().items()}


def in_one_piece(blocks, size):
    def matrix(name):
        generators = [
            [np.random.default_rng([ord(name), row, column]) for column in range(blocks)] for row in range(blocks)
        ]
        return np.block([[each.random((size, size)) for each in row] for row in generators])

    return float((matrix("A") @ matrix("B")).sum())


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_the_product_in_blocks_is_the_product(tmp_path, executor):
    small = ("--blocks", "3", "--size", "192", "--memory", "2MiB", "--executor", executor)
    first = printed_by(tmp_path, *small)
    assert first["sum"] == pytest.approx(in_one_piece(3, 192), rel=1e-6)
    assert first["computed"] == 9 + 9 + 27 + 9 + 1
    assert first["spilled"] > 0
    again = printed_by(tmp_path, *small)
    assert (again["sum"], again["computed"], again["spilled"]) == (first["sum"], 0, 0)
    assert list((tmp_path / "store" / "scratch").glob("*/*")) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_data_of_several_times_the_budget_are_computed_within_it(tmp_path, executor, record_property):
    found = printed_by(tmp_path, "--memory", "128MiB", "--blocks", "6", "--executor", executor)
    record_property(
        "tried", (int(found["most_mib"]), f"MiB taken on {executor}, of data of {found['data_mib']:.0f} MiB")
    )
    assert found["data_mib"] > 4 * 128
    assert found["spilled"] > 0
    assert found["most_mib"] <= 128 + SLACK_MIB
