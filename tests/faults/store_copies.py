"""A store with rows of every kind, whose copies are damaged, and what must hold of any copy whatever was done to it."""

import shutil

from jumar.errors import DamagedError, StoreError
from jumar.keys.code import CodePart
from jumar.store.lineage import Loss
from jumar.store.records import CallRecord
from jumar.store.store import Store
from jumar.testing.contracts_index import OTHER_TASK, TASK, entry, failure, key_of

ROWS = 120
NEW = 10_000
"""The number of a row that is recorded after the damage."""


def value(number):
    """Small ones, ones of a page or more in the row, and (every tenth) one that needs a blob."""
    length = 5000 if number % 10 == 0 else (30, 700, 4000)[number % 3]
    return {"number": number, "bytes": bytes([number % 256]) * length}


def make(path):
    """Make the store; its entries by their numbers."""
    with Store.open(path) as store:
        tasks = store.task(TASK), store.task(OTHER_TASK)
        store.lineage.begin_run(1.0, "script.py")
        store.lineage.remember_code(TASK.code, [CodePart("f", "function", "f.py", 3, bytes(32), "def f(): ...")])
        store.lineage.note_loss(Loss(key_of(1), 2.0, "a test"))
        entries = {number: _entry(store, number, tasks[number % 2]) for number in range(ROWS)}
        for each in entries.values():
            store.record(each)
        for number in range(500, 510):
            store.record_failure(failure(number, traceback="Traceback\n" * 300))
        store.flush()
        store.remove([key_of(5)])  # a hole, as a used database has
    del entries[5]
    return entries


def copy(store, target):
    """A fresh copy of the store's directory."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(store, target)
    return target


def use(path, entries):
    """Do everything with a store that may be damaged: nothing unexpected is raised, no value is wrong.

    Returns:
        The troubles that were reported, and how many of the results were found.
    """
    troubles = []
    with Store.open(path, report=troubles.append) as store:
        found = sum(_is_found(store, number, each) for number, each in entries.items())
        _look(store)
        store.task(TASK)
        new = _entry(store, NEW, 1)
        store.record(new)
        assert store.find(new.key) == new
        store.flush()
        assert store.find(new.key) in (new, None)
        assert store.load(new) == value(NEW)
    return troubles, found


def _entry(store, number, task):
    payload = store.encode(value(number))
    return entry(
        number,
        task=task,
        content=key_of(number + 2000) if number % 4 == 0 else None,
        needs=key_of(number)[:24],
        arguments=bytes(range(number % 200)),
        run=1,
        **payload._asdict(),
    )


def _is_found(store, number, expected):
    found = store.find(expected.key)
    if expected.content is not None:
        equal = store.find_content(expected.content)
        assert equal is None or _is_same(equal, expected)
    if found is None:
        return False
    assert _is_same(found, expected)
    try:
        assert store.load(found) == value(number)
    except DamagedError:
        return False
    return True


def _is_same(found, expected):
    """Equal, but for what only explains: a row that was carried over may have lost its task or its run."""
    return found._replace(task=0, run=0) == expected._replace(task=0, run=0)


def _look(store):
    try:
        assert all(_is_sound(record) for record in store.calls())
        assert store.totals().calls <= ROWS
        assert len(store.lineage.code_parts(TASK.code)) <= 1
        assert len(store.lineage.losses(key_of(1))) <= 1
    except StoreError:
        return  # what is listed for people may be refused, with a text that says so


def _is_sound(record):
    return isinstance(record, CallRecord) and isinstance(record.key, bytes) and isinstance(record.task.name, str)
