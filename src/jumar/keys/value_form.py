"""The written form of tokens: which bytes stand for what.

A token is self-delimiting: its first byte says where it ends, so tokens can be joined without separators and two
different sequences of tokens are never the same bytes.

====================== ==============================================================================
``N`` ``T`` ``F`` ``E`` None, True, False, Ellipsis
``i`` digits ``;``     an int that fits 64 bits
``f`` 8 bytes          a float, big-endian IEEE 754
``c`` 16 bytes         a complex number
``s`` n bytes          text of at most `MAX_TOKEN` bytes in UTF-8; n is one byte
``b`` n bytes          bytes
``[`` … ``]``          a list; ``(`` … ``)`` a tuple; ``<`` … ``>`` a set; ``{`` key value … ``}`` a dict; the last
                       two sorted by the bytes of their tokens
``r`` n name … ``;``   a record: a named kind of value with the tokens of its parts
``@`` 32 bytes         a reference: the key of another call
``^`` digits ``;``     the container that many levels further out (a container that holds itself)
``#`` n summary digest anything longer: a short text for people and the 32-byte digest of the long form
====================== ==============================================================================

The first word of a summary names the kind of the long form, so forms of different kinds cannot be confused.
"""

from __future__ import annotations

from collections.abc import Iterable

from jumar.keys.digest import digest
from jumar.keys.value_outline import remember

MAX_TOKEN = 64
"""Bytes up to which a value stands as itself; longer ones are represented by their digest."""

MAX_SUMMARY = 80
"""Bytes of a summary; longer ones are cut, which is harmless because the digest covers what was cut."""


def digested(summary: str, data: bytes) -> bytes:
    """The token of a value whose long form is ``data``.

    Args:
        summary: What people see; its first word must name the kind of ``data``, such as ``"list 1000"``.
        data: The long form, injective within its kind.
    """
    return summarised(summary, digest(data))


def summarised(summary: str, value_digest: bytes) -> bytes:
    """The token of a value that is already digested; see `digested`.

    Args:
        summary: What people see, its first word naming the kind.
        value_digest: 32 bytes.
    """
    text = summary.encode("utf-8", "replace")[:MAX_SUMMARY]
    return b"#%c%b%b" % (len(text), text, value_digest)


def bounded(summary: str, literal: bytes) -> bytes:
    """``literal`` itself where it is short, else its digest under ``summary``.

    Args:
        summary: As for `digested`.
        literal: A complete token: opening byte, parts, closing byte.
    """
    return literal if len(literal) <= MAX_TOKEN else outlined(summary, literal)


def outlined(summary: str, literal: bytes) -> bytes:
    """As `digested`, of a long literal whose parts can be shown later (see `jumar.keys.value_outline`)."""
    value_digest = digest(literal)
    remember(value_digest, literal)
    return summarised(summary, value_digest)


def record(name: str, parts: Iterable[bytes], summary: str | None = None) -> bytes:
    r"""The token of a value of kind ``name`` with the given parts.

    Args:
        name: Names the kind, at most 40 ASCII characters. No two encoders may use one name for different things.
        parts: Tokens.
        summary: What people see if the record is long; ``name`` is put before it.

    Example:
        >>> record("Decimal", [b"s\x031.5"])
        b'r\x07Decimals\x031.5;'
    """
    head = name.encode()
    literal = b"r%c%b%b;" % (len(head), head, b"".join(parts))
    return bounded(name if summary is None else f"{name} {summary}", literal)


def text(value: str) -> bytes:
    r"""The token of a str. Lone surrogates are kept apart from everything else.

    Example:
        >>> text("abc")
        b's\x03abc'
    """
    raw = value.encode("utf-8", "surrogatepass")
    size_bytes = len(raw)
    if size_bytes <= MAX_TOKEN:
        return TEXT_HEADS[size_bytes] + raw
    return digested(f"str {len(value)}", raw)


TEXT_HEADS = [b"s%c" % size for size in range(MAX_TOKEN + 1)]
"""The first two bytes of a short text's token, by the text's size in bytes."""
