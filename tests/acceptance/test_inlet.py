"""Events by HTTP: what the inlet takes, what it refuses, and that it can be served."""

import asyncio
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

import jumar
from jumar.inlet import LARGEST_BYTES, Inlet
from jumar.runs.book import Book

TOKEN = "s3cret"


@jumar.task
def nothing():
    pass


@pytest.fixture
def store(tmp_path):
    with jumar.Store.open(tmp_path / "store") as opened:
        with jumar.Session(opened, "inline"):
            nothing.start(id="done").result()
            for name in ("order/17", "x"):
                nothing.options(version=name).start(id=name)
                book = Book(opened)
                book.table.change(book.find(name).token, state="failed")
        yield opened


def ask(inlet, path, body=b"", method="POST", token=TOKEN, parts=1, **headers):
    """The status and the JSON of an answer."""
    lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    if token is not None:
        lines.append((b"Authorization", f"Bearer {token}".encode()))
    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "headers": lines}
    size = max(1, -(-len(body) // parts))
    pieces = [body[start : start + size] for start in range(0, len(body), size)] or [b""]
    sent = []

    async def receive():
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def send(message):
        sent.append(message)

    asyncio.run(inlet(scope, receive, send))
    assert dict(sent[0]["headers"])[b"content-length"] == str(len(sent[1]["body"])).encode()
    return sent[0]["status"], json.loads(sent[1]["body"])


def events(store, run_id):
    book = Book(store)
    return [(event.name, json.loads(event.payload)) for event in book.awaited.events(book.find(run_id).token)]


def test_an_event_that_is_posted_is_in_the_store(store):
    inlet = Inlet(store, TOKEN)
    status, answer = ask(inlet, "/runs/x/events/paid", b'{"by": "Ann"}', parts=3)
    assert (status, answer) == (202, {"id": "x", "event": "paid", "number": 1})
    assert ask(inlet, "/runs/order%2F17/events/all%20paid")[0] == 202
    assert events(store, "x") == [("paid", {"by": "Ann"})]
    assert events(store, "order/17") == [("all paid", None)]


def test_a_sender_that_sends_again_hears_the_same(store):
    inlet = Inlet(store, TOKEN)
    answers = [ask(inlet, "/runs/x/events/paid", b"1", Idempotency_Key="k") for _ in range(3)]
    assert answers == [(202, {"id": "x", "event": "paid", "number": 1})] * 3
    assert events(store, "x") == [("paid", 1)]


@pytest.mark.parametrize(
    ("path", "changes", "status", "says"),
    [
        ("/runs/x/events/paid", {"token": "other"}, 401, "token"),
        ("/runs/x/events/paid", {"token": None}, 401, "token"),
        ("/other", {"token": None}, 401, "token"),
        ("/other", {}, 404, "/runs/ID/events/NAME"),
        ("/runs/x/events/paid/now", {}, 404, "/runs/ID/events/NAME"),
        ("/runs/y/events/paid", {}, 404, "there is no run 'y'"),
        ("/runs/x/events/paid", {"method": "GET"}, 405, "posted"),
        ("/runs/done/events/paid", {}, 409, "has succeeded"),
        ("/runs/x/events/paid", {"body": b"yes"}, 400, "no JSON"),
        ("/runs/x/events/paid", {"body": b"\xff"}, 400, "no JSON"),
        ("/runs/x/events/paid", {"body": b"NaN"}, 400, "not what JSON can say"),
        ("/runs/x/events/%0A", {}, 400, "a text of one line"),
        ("/runs/x/events/paid", {"body": b'"' + b"a" * LARGEST_BYTES + b'"', "parts": 5}, 413, "more than 1,048,576"),
    ],
)
def test_what_is_refused_is_refused_with_a_reason(store, path, changes, status, says):
    found, answer = ask(Inlet(store, TOKEN), path, **changes)
    assert found == status
    assert says in answer["error"]
    assert events(store, "x") == []


def test_a_store_that_cannot_be_written_is_told_from_a_wrong_request(tmp_path, store):
    store.close()
    with jumar.Store.open(tmp_path / "store", read_only=True) as reader:
        status, answer = ask(Inlet(reader, TOKEN), "/runs/x/events/paid")
    assert status == 503
    assert "cannot be read or written" in answer["error"]


def test_an_inlet_needs_a_token_and_a_store_with_runs(store):
    with pytest.raises(jumar.ArgumentError, match="needs a token"):
        Inlet(store, "")
    with jumar.Store.in_memory() as memory, pytest.raises(jumar.runs.RunError, match="a store in a folder"):
        Inlet(memory, TOKEN)


def test_a_server_is_told_that_the_inlet_begins_and_ends(store):
    messages, sent = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}], []

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message["type"])

    asyncio.run(Inlet(store, TOKEN)({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def serve(store, *options, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "jumar", "serve-events", "--port", "0", "--store", str(store.path), *options],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def post(address, token):
    request = urllib.request.Request(
        f"{address}/runs/x/events/paid", b"42", {"Authorization": f"Bearer {token}"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.status, json.load(answer)


@pytest.mark.parametrize("how", ["file", "variable", "made up"])
def test_the_command_serves_on_this_machine_to_who_knows_the_token(tmp_path, store, how):
    (tmp_path / "token").write_text("from a file\n")
    options = ["--token-file", str(tmp_path / "token")] if how == "file" else []
    with serve(store, *options, JUMAR_EVENTS_TOKEN="from a variable" if how == "variable" else "") as process:
        address = process.stdout.readline().split()[2]
        assert address.startswith("http://127.0.0.1:")
        token = process.stdout.readline().split()[1] if how == "made up" else f"from a {how}"
        assert post(address, token) == (202, {"id": "x", "event": "paid", "number": 1})
        with pytest.raises(urllib.error.HTTPError) as refused:
            post(address, "wrong")
        assert refused.value.code == 401
        refused.value.close()
        process.terminate()
        process.communicate(timeout=60)
    assert events(store, "x") == [("paid", 42)]


def test_an_address_that_is_taken_is_an_error_that_says_so(tmp_path, store):
    with serve(store, "--host", "192.0.2.1") as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "192.0.2.1:0 cannot be listened on" in errors


@jumar.task
def asks(name):
    return jumar.wait_event(name)


def test_a_run_that_waits_hears_of_an_event_that_is_posted(tmp_path):
    with jumar.Session(tmp_path / "store", workers=1):
        run = asks.start("paid", id="x")
        with jumar.Store.open(tmp_path / "store") as another_program_s:
            assert ask(Inlet(another_program_s, TOKEN), "/runs/x/events/paid", b"[1, 2]")[0] == 202
        assert run.result(60) == [1, 2]
