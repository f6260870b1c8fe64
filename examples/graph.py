"""A graph that is built, looked at, collected, and then made wider (docs/how-to/graphs.md)."""

import jumar


@jumar.task
def read(station: str) -> list[float]:
    return [len(station) + day % 7 / 2 for day in range(365)]


@jumar.task
def summary(days: list[float], warm: float = 10.0) -> dict[str, float]:
    return {"warm": sum(day > warm for day in days), "peak": max(days)}


@jumar.task
def highest(peaks: list[float]) -> float:
    return max(peaks)


@jumar.graph
def report(stations: list[str]) -> float:
    return highest([summary(read(station))["peak"] for station in stations])


if __name__ == "__main__":
    with jumar.Session():
        z = report(["Oslo", "Reykjavik"])
        print(z.graph())
        print(jumar.collect(z))

        wider = report(["Oslo", "Reykjavik", "Lima"])
        print(wider.graph())
        print(wider.graph().to_mermaid())
