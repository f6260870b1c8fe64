"""A day's work, and a mistake in its last line.

The numbers of a large matrix are summed block by block, and the square root is taken of the sum of sums. Imagine that
each block takes a day. Only at the very end it turns out that the total is negative, and a negative number has no root.
With the mistake corrected, the same calls are made again: every block's sum is found, and only the root is computed.

    python examples/matrix.py
"""

import math

import numpy as np

import jumar

SIZE, BLOCK = 1024, 128


@jumar.task
def total(block):
    return float(block.sum())


@jumar.task
def root(totals):
    return math.sqrt(sum(totals))


@jumar.task
def root_of_absolute(totals):
    return math.sqrt(abs(sum(totals)))


def blocks():
    matrix = np.random.default_rng(seed=1).standard_normal((SIZE, SIZE))
    steps = range(0, SIZE, BLOCK)
    return [matrix[row : row + BLOCK, column : column + BLOCK] for row in steps for column in steps]


def attempt(last_step):
    """One run of the program, with one or the other last step, as if in a process of its own."""
    with jumar.Session() as session:
        try:
            outcome = f"{last_step.spawn([total.spawn(block) for block in blocks()]).result():.6f}"
        except ValueError as error:
            outcome = f"{type(error).__name__}: {error}"
    counts = session.counts()
    print(f"{last_step.name:<16}  {outcome:<30}  {counts.computed} computed, {counts.restored} restored")


if __name__ == "__main__":
    attempt(root)
    attempt(root_of_absolute)
