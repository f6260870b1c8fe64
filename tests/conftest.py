"""What many tests use: a count of how often tasks ran, and sessions that leave nothing behind."""

import signal
import threading
from collections import Counter

import pytest

import jumar

# A runner that was started in the background of a shell hands an ignored Ctrl-C down to all its children.
signal.signal(signal.SIGINT, signal.default_int_handler)


class Tally:
    """Counts runs. Tasks close over it, so it says itself that it is no part of what they compute."""

    def __init__(self):
        self._counts = Counter()
        self._lock = threading.Lock()

    def __jumar_key__(self):
        return "tally"

    def add(self, *what):
        with self._lock:
            self._counts[what] += 1

    def __getitem__(self, what):
        return self._counts[what if isinstance(what, tuple) else (what,)]

    @property
    def total(self):
        return self._counts.total()

    def most(self):
        """The highest count of all."""
        return max(self._counts.values(), default=0)


def pytest_terminal_summary(terminalreporter):
    """Say how much was tried where tests look at many cases: ``record_property("tried", (how many, of what))``."""
    tried = Counter()
    for report in (report for group in terminalreporter.stats.values() for report in group):
        if getattr(report, "when", None) == "call":
            for count, what in (value for name, value in report.user_properties if name == "tried"):
                tried[what] += count
    if tried:
        terminalreporter.section("tried")
        for what, count in sorted(tried.items()):
            terminalreporter.write_line(f"{count:,} {what}")


@pytest.fixture(autouse=True)
def default_store(tmp_path, monkeypatch):
    """A test that uses the default session by oversight must not write into the project."""
    monkeypatch.setenv("JUMAR_STORE", str(tmp_path / "default-store"))


@pytest.fixture
def tally():
    return Tally()


@pytest.fixture(params=["inline", "threads"])
def session(request):
    """A session with a store in memory, on each executor."""
    workers = 2 if request.param == "threads" else None
    with jumar.Session(jumar.Store.in_memory(), request.param, workers) as opened:
        yield opened


@pytest.fixture
def threads():
    """A session with a store in memory and two threads."""
    with jumar.Session(jumar.Store.in_memory(), "threads", 2) as opened:
        yield opened


@pytest.fixture
def gate():
    """An event that tasks wait for: the test decides when they go on. Opened at the end, whatever happened."""
    event = Gate()
    yield event
    event.open()


class Gate:
    """A gate that tasks may close over."""

    def __init__(self):
        self._open, self._reached = threading.Event(), threading.Semaphore(0)

    def __jumar_key__(self):
        return "gate"

    def open(self):
        self._open.set()

    def pass_through(self):
        self._reached.release()
        assert self._open.wait(60), "nobody opened the gate"

    def wait_for_arrival(self):
        assert self._reached.acquire(timeout=60), "nobody came to the gate"


@pytest.fixture
def together():
    """Says how many calls were in it at a time; tasks may close over it."""
    return Together()


class Together:
    """The most that were in at one time."""

    def __init__(self):
        self.now = self.most = 0
        self._lock = threading.Lock()

    def __jumar_key__(self):
        return "together"

    def __enter__(self):
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_):
        with self._lock:
            self.now -= 1
