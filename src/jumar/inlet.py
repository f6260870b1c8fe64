"""The inlet: an ASGI application through which events come to runs by HTTP; ``jumar serve-events`` serves it."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from jumar.errors import ArgumentError, RunError
from jumar.runs.book import Book
from jumar.runs.sending import deliver
from jumar.store.store import Store

LARGEST_BYTES = 1 << 20
"""A body that is larger is refused: what is large is kept elsewhere, and the event says where."""

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class _Answer(NamedTuple):
    status: int
    body: Mapping[str, Any]
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Inlet:
    """Takes ``POST /runs/ID/events/NAME`` with a payload in JSON, and ``Authorization: Bearer TOKEN``.

    It answers 202 with the number of the event once that is in the store. ``Idempotency-Key`` is the event's key, see
    `jumar.send_event`: a sender that heard no answer sends again. Ids and names are percent-encoded. Else it answers 400
    (not JSON, or a name that cannot be one), 401 (another token), 404 (no such path, or no such run), 405, 409 (the run
    has succeeded, or was deleted), 413 (more than `LARGEST_BYTES`), or 503 (the store cannot be written), each with
    ``{"error": text}``.

    Any ASGI server serves it, beside other applications too.

    Args:
        store: The store in which the runs are.
        token: What senders have to know; not empty.

    Raises:
        ArgumentError: The token is empty.
        RunError: The store keeps no runs.

    *Guarantees*: 202 says that the event is in the store. Nothing is told to who does not know the token.
    """

    def __init__(self, store: Store, token: str) -> None:
        if not token:
            raise ArgumentError("an inlet needs a token: without one anybody could send events")
        self._book = Book(store)
        self._token = f"Bearer {token}".encode()

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection, as ASGI says."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            answer = await self._answer(scope, receive)
            body = json.dumps(answer.body, ensure_ascii=False).encode()
            length = (b"content-length", str(len(body)).encode())
            headers = [(b"content-type", b"application/json"), length, *answer.headers]
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Mapping[str, Any], receive: Receive) -> _Answer:
        headers = {name.lower(): value for name, value in scope["headers"]}
        if not hmac.compare_digest(headers.get(b"authorization", b""), self._token):
            return _Answer(401, {"error": "the token is missing or wrong"}, ((b"www-authenticate", b"Bearer"),))
        place = _place(scope)
        if place is None:
            return _Answer(404, {"error": "events go to /runs/ID/events/NAME"})
        if scope["method"] != "POST":
            return _Answer(405, {"error": "events are posted"}, ((b"allow", b"POST"),))
        body = await _body(receive)
        if body is None:
            return _Answer(413, {"error": f"the payload has more than {LARGEST_BYTES:,} bytes"})
        try:
            payload = json.loads(body) if body else None
        except ValueError as error:
            return _Answer(400, {"error": f"the payload is no JSON: {error}"})
        key = headers.get(b"idempotency-key", b"").decode("latin-1") or None
        return await asyncio.to_thread(self._deliver, *place, payload, key)

    def _deliver(self, run_id: str, name: str, payload: Any, key: str | None) -> _Answer:
        try:
            with self._book.careful():
                if self._book.table.find(run_id) is None:
                    return _Answer(404, {"error": f"there is no run {run_id!r}"})
            number = deliver(self._book, run_id, name, payload, key)
        except ArgumentError as error:
            return _Answer(400, {"error": str(error)})
        except RunError as error:
            is_trouble = error.__cause__ is not None  # the database's; else the run takes no event any more
            return _Answer(503 if is_trouble else 409, {"error": str(error)})
        return _Answer(202, {"id": run_id, "event": name, "number": number})


def _place(scope: Mapping[str, Any]) -> tuple[str, str] | None:
    """The run's id and the event's name; None where the path has none."""
    raw = scope.get("raw_path")
    path = scope["path"] if raw is None else raw.decode("latin-1")  # an encoded slash belongs to a name
    path = path.partition("?")[0].removeprefix(scope.get("root_path", ""))
    parts = [part if raw is None else unquote(part) for part in path.split("/")]
    return (
        (parts[2], parts[4]) if len(parts) == 5 and parts[::2][0] == "" and parts[1::2] == ["runs", "events"] else None
    )


async def _body(receive: Receive) -> bytes | None:
    """All of the body; None where it is too large."""
    body = b""
    while True:
        message = await receive()
        piece: bytes = message.get("body", b"")
        body += piece
        if len(body) > LARGEST_BYTES:
            return None
        if not message.get("more_body"):
            return body


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
