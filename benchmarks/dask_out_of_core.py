"""The product of `examples/out_of_core.py` with Dask and its spilling: run by the interpreter that has Dask.

Its workers spill by the bytes of what they hold, at the same budget in all; what depends on the size of the process is off.
"""

import argparse
import os
import sys
import tempfile

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import dask
import numpy as np
from distributed import Client, LocalCluster

WORKERS = 2
AT_SHARE = 0.6
"""Where Dask begins to spill, of what a worker may have."""


@dask.delayed(pure=True)
def block(matrix, row, column, size):
    return np.random.default_rng([ord(matrix), row, column]).random((size, size))


@dask.delayed(pure=True)
def add_product(before, left, right):
    term = left @ right
    return term if before is None else term + before


@dask.delayed(pure=True)
def total(part):
    return float(part.sum())


def product(blocks, size):
    for row in range(blocks):
        for column in range(blocks):
            entry = None
            for k in range(blocks):
                with dask.annotate(priority=-1 - k):
                    entry = add_product(entry, block("A", row, k, size), block("B", k, column, size))
            yield total(entry)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int)
    parser.add_argument("--size", type=int)
    parser.add_argument("--memory-mib", type=int)
    parser.add_argument("--executor", choices=["threads", "processes"])
    given = parser.parse_args()
    apart = given.executor == "processes"
    rules = {"target": AT_SHARE, "spill": False, "pause": False, "terminate": False}
    memory = {f"distributed.worker.memory.{rule}": value for rule, value in rules.items()}
    limit_bytes = int((given.memory_mib << 20) / AT_SHARE / (WORKERS if apart else 1))
    with (
        tempfile.TemporaryDirectory() as folder,
        dask.config.set({**memory, "temporary-directory": folder}),
        LocalCluster(
            n_workers=WORKERS if apart else 1,
            threads_per_worker=1 if apart else WORKERS,
            processes=apart,
            memory_limit=limit_bytes,
            dashboard_address=None,
            silence_logs=50,
        ) as cluster,
        Client(cluster) as client,
    ):
        print("ready", flush=True)
        sys.stdin.readline()
        print(client.compute(dask.delayed(sum)(list(product(given.blocks, given.size)))).result(), flush=True)


if __name__ == "__main__":
    main()
