"""The connection of driver and worker: messages of a kind and a body, in both directions of one socket."""

from __future__ import annotations

import errno
import os
import pickle
import select
import socket
import struct
import threading
from collections.abc import Sequence
from contextlib import suppress

from jumar.chunks import LENT_MIN_BYTES
from jumar.chunks.segment import SegmentWriter
from jumar.codecs.codec import Frame
from jumar.codecs.framing import IN_BAND_MAX_BYTES
from jumar.errors import DamagedError

_HEAD = struct.Struct("<cQ")
_JOINED_MAX_BYTES = 64 * 1024
"""Messages up to this size are put together for one system call; larger ones are sent from where they lie."""
_IN_SEGMENT = b"*"
"""The kind of a message that tells where its kind and its body are."""
_FRAMES_AT_ONCE = 512
"""Below the number of pieces that one ``sendmsg`` takes (1024 on Linux)."""


class Lost(Exception):  # noqa: N818  (what happened, not a fault of this program)
    """The other process is gone."""


class Channel:
    """One end of the connection.

    Any thread may send; one thread receives. Buffers are sent from the memory of the value and received into the memory
    that the new value keeps. A large body is written into a segment, once, and mapped by the receiver.

    Args:
        end: A connected stream socket; it belongs to this object now.
    """

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._read_ahead = memoryview(b"")
        self._sending = threading.Lock()
        self.writer: SegmentWriter | None = None
        """Writes the bodies of large messages where the other side can map them; without it they go through the socket."""

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._socket.fileno()

    def send(self, kind: bytes, frames: Sequence[Frame]) -> None:
        """Send a message.

        Args:
            kind: One byte.
            frames: The body, in pieces.

        Raises:
            Lost: The other process is gone.
        """
        size_bytes = sum([len(frame) for frame in frames])
        if size_bytes >= LENT_MIN_BYTES and self.writer is not None:
            with suppress(OSError):  # there is no room: the socket takes it
                frames = (pickle.dumps((kind, self.writer.write_frames("", frames)), 5),)
                kind, size_bytes = _IN_SEGMENT, len(frames[0])
        head = _HEAD.pack(kind, size_bytes)
        try:
            with self._sending:
                if size_bytes <= _JOINED_MAX_BYTES:
                    self._socket.sendall(b"".join([head, *frames]))
                else:
                    self._send_large([head, *frames])
        except (OSError, ValueError) as error:
            raise Lost(str(error)) from error

    def receive(self) -> tuple[bytes, bytes | memoryview]:
        """The next message: its kind and its body, in memory of its own, which is writable if it can hold buffers.

        Raises:
            Lost: The other process is gone.
        """
        kind, size_bytes = _HEAD.unpack(self._read_small(_HEAD.size))
        if kind == _IN_SEGMENT:
            return _mapped(self._read_small(size_bytes))
        return kind, self._read_small(size_bytes) if size_bytes <= IN_BAND_MAX_BYTES else self._read(size_bytes)

    def has_news(self, timeout_s: float) -> bool:
        """Whether there is something to receive, or the other process is gone; waits for that so long."""
        if self._read_ahead:
            return True
        poll = select.poll()
        try:
            poll.register(self._socket, select.POLLIN)
        except ValueError:  # it is closed, which `receive` says
            return True
        return bool(poll.poll(timeout_s * 1000))

    def shut(self) -> None:
        """Let nothing more through: who waits in `receive` hears that the other process is gone."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError as error:
            if error.errno not in (errno.ENOTCONN, errno.EBADF):  # it is shut already
                raise

    def drop(self) -> None:
        """In a forked child: close this copy of the socket, and nothing that another thread may have held."""
        descriptor = self._socket.detach()
        if descriptor >= 0:  # else it was closed before
            os.close(descriptor)

    def close(self) -> None:
        """Close this end."""
        self._socket.close()

    def _read_small(self, size_bytes: int) -> bytes:
        ahead = self._read_ahead
        if len(ahead) < size_bytes:
            pieces = [ahead]
            missing = size_bytes - len(ahead)
            while missing > 0:
                piece = self._receive(_JOINED_MAX_BYTES)
                pieces.append(memoryview(piece))
                missing -= len(piece)
            ahead = memoryview(b"".join(pieces))
        self._read_ahead = ahead[size_bytes:]
        return bytes(ahead[:size_bytes])

    def _receive(self, most_bytes: int) -> bytes:
        try:
            piece = self._socket.recv(most_bytes)
        except (OSError, ValueError) as error:
            raise Lost(str(error)) from error
        if not piece:
            raise Lost("the connection was closed")
        return piece

    def _read(self, size_bytes: int) -> memoryview:
        body = memoryview(bytearray(size_bytes))
        done = min(len(self._read_ahead), size_bytes)
        body[:done] = self._read_ahead[:done]
        self._read_ahead = self._read_ahead[done:]
        while done < size_bytes:
            try:
                count = self._socket.recv_into(body[done:])
            except (OSError, ValueError) as error:
                raise Lost(str(error)) from error
            if not count:
                raise Lost("the connection was closed")
            done += count
        return body

    def _send_large(self, frames: Sequence[Frame]) -> None:
        views = [memoryview(frame) for frame in frames if len(frame)]
        while views:
            sent = self._socket.sendmsg(views[:_FRAMES_AT_ONCE])
            gone = 0
            while gone < len(views) and sent >= len(views[gone]):
                sent -= len(views[gone])
                gone += 1
            del views[:gone]
            if sent:
                views[0] = views[0][sent:]


def _mapped(body: bytes) -> tuple[bytes, memoryview]:
    """The message whose body lies in a segment, which nobody else needs."""
    kind, segment = pickle.loads(body)
    try:
        return kind, segment.memory()
    except DamagedError as error:
        raise Lost(str(error)) from error
    finally:
        segment.remove()


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets; neither is inherited by the programs that this one starts, unless it is passed on."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)


def adopted(descriptor: int) -> Channel:
    """The channel whose socket was passed to this process."""
    os.set_inheritable(descriptor, False)
    return Channel(socket.socket(fileno=descriptor))
