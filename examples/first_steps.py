"""The tutorial's program (docs/tutorial/first-steps.md): run it, kill it, run it again, edit `mean`, run it again."""

import jumar


@jumar.task
def simulate(seed: int) -> list[int]:
    return [(seed * k) % 97 for k in range(100_000)]


@jumar.task
def mean(values: list[int]) -> float:
    return sum(values) / len(values)


@jumar.task
def spread(means: list[float]) -> float:
    return max(means) - min(means)


if __name__ == "__main__":
    with jumar.Session() as session:
        means = [mean.spawn(simulate.spawn(seed)) for seed in range(50)]
        print(spread.spawn(means).result())
        print(session.counts())
