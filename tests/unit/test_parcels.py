"""What travels between driver and worker: by name, by code, by number; and the connection that it travels on."""

import subprocess
import sys
import threading
import types

import numpy as np
import pytest

from jumar.processes.channel import Channel, Lost, pair
from jumar.processes.parcel import handle_at, is_importable, packed, task_at, unpacked
from jumar.processes.trouble import received, sent


def nothing_special(obj):
    return NotImplemented


def there_and_back(value, reduce=nothing_special, tasks=(), handles=()):
    return unpacked(memoryview(bytearray(b"".join(packed(value, reduce)))), tasks, handles)


@pytest.fixture
def ends():
    ours, theirs = map(Channel, pair())
    yield ours, theirs
    ours.close()
    theirs.close()


def test_values_functions_and_classes_come_back():
    factor = 3

    class Local:
        def scaled(self, x):
            return x * factor

    assert there_and_back([1, "a", {"b": (2.5, None)}]) == [1, "a", {"b": (2.5, None)}]
    assert there_and_back(lambda x: x * factor)(2) == 6
    assert there_and_back(Local()).scaled(4) == 12


def test_objects_that_the_other_side_has_travel_by_their_numbers():
    task, handle = object(), object()

    def reduce(obj):
        return (task_at, (7,)) if obj is task else (handle_at, (8,)) if obj is handle else NotImplemented

    assert there_and_back([task, {"h": handle}], reduce, {7: "the task"}, {8: "the handle"}) == [
        "the task",
        {"h": "the handle"},
    ]


def test_a_module_counts_as_importable_only_if_the_same_would_be_imported(tmp_path, monkeypatch):
    (tmp_path / "jumar_found.py").write_text("x = 1")
    assert is_importable("json.decoder")
    assert is_importable("sys")
    assert not is_importable("__main__")
    monkeypatch.setitem(sys.modules, "jumar_made", types.ModuleType("jumar_made"))
    assert not is_importable("jumar_made")
    monkeypatch.syspath_prepend(str(tmp_path))
    import jumar_found

    assert is_importable(jumar_found.__name__)
    monkeypatch.undo()
    assert not is_importable(jumar_found.__name__)
    del sys.modules["jumar_found"]


def test_functions_of_a_module_that_cannot_be_found_travel_by_their_code(monkeypatch):
    module = types.ModuleType("jumar_made")
    exec("def double(x):\n    return 2 * x\nclass Box:\n    size = 4\n", vars(module))
    monkeypatch.setitem(sys.modules, "jumar_made", module)
    frames = b"".join(packed([module.double, module.Box], nothing_special))
    monkeypatch.delitem(sys.modules, "jumar_made")
    double, box = unpacked(memoryview(bytearray(frames)), {}, {})
    assert double(4) == 8
    assert box.size == 4


def test_without_cloudpickle_the_error_says_what_to_install():
    program = (
        "import sys; sys.modules['cloudpickle'] = None\n"
        "import jumar\n"
        "f = jumar.task(lambda x: x)\n"
        "with jumar.Session(jumar.Store.in_memory(), 'processes', 1):\n"
        "    print(f.spawn(1).exception())\n"
        "    print(jumar.spawn(abs, -2).result())\n"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "pip install 'jumar[cloudpickle]'" in said
    assert said.endswith("\n2\n")


@pytest.mark.parametrize("sizes", [(0,), (1, 0, 2), (64 << 10,), (10, 5_000_000, 7), (3,) * 2000, (100,) * 2000])
def test_messages_of_any_size_arrive_whole(ends, sizes):
    ours, theirs = ends
    frames = [np.random.default_rng(size).bytes(size) for size in sizes]
    sender = threading.Thread(target=ours.send, args=(b"X", frames))
    sender.start()
    kind, body = theirs.receive()
    sender.join()
    assert (kind, bytes(body)) == (b"X", b"".join(frames))


def test_whoever_is_left_hears_that_the_other_is_gone(ends):
    ours, theirs = ends
    ours.send(b"X", (b"last words",))
    ours.close()
    assert bytes(theirs.receive()[1]) == b"last words"
    with pytest.raises(Lost):
        theirs.receive()
    with pytest.raises(Lost):
        theirs.send(b"X", (b"too late",))


def test_a_message_that_is_cut_off_is_no_message(ends):
    ours, theirs = ends
    ours._socket.sendall(b"X" + (1000).to_bytes(8, "little") + b"short")
    ours.close()
    with pytest.raises(Lost, match="closed"):
        theirs.receive()


class SilentError(Exception):
    def __str__(self):
        raise RuntimeError("no text")


def test_an_error_without_a_text_is_still_told():
    error = received(sent(SilentError(), nothing_special), "task", {}, {})
    assert type(error) is SilentError
    assert "SilentError" in str(error.__cause__)


def test_a_worker_imports_hardly_more_than_a_module_with_tasks_does():
    code = "import sys, jumar; own = set(sys.modules); import jumar.processes.main; print(*set(sys.modules) - own)"
    more = set(subprocess.check_output([sys.executable, "-c", code], text=True).split())
    drivers = {
        f"jumar.{name}" for name in ("processes.process", "processes.executor", "store.file_blobs", "chunks.scratch")
    }
    assert "jumar.processes.series" in more
    assert not more & {"subprocess", "tempfile", "shutil", "json", "numpy", "cloudpickle", *drivers}
