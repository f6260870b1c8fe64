"""Outlines: the long forms of containers that stand in tokens as a digest, so that what differs in them can be shown.

A token keeps nothing of a long container but its digest. Its long form is at hand only while the token is made, so the
latest ones are remembered here, and the store keeps those of recorded calls. They explain, and decide nothing: an
outline that is not there any more costs ``jumar why`` the place inside the container.
"""

from __future__ import annotations

from collections.abc import Callable

from jumar.keys.digest import DIGEST_SIZE, digest
from jumar.keys.value_text import digested_places

OUTLINE_MAX_BYTES = 4096
"""Long forms up to this size are remembered: settings, not data."""
_REMEMBERED_AT_MOST = 4096
_EXPANDED_MAX_BYTES = 256 * 1024

_recent: dict[bytes, bytes] = {}


def remember(value_digest: bytes, literal: bytes) -> None:
    """Remember the long form of a container for a while.

    Args:
        value_digest: Its digest, 32 bytes.
        literal: Opening byte, tokens of the parts, closing byte.
    """
    if len(literal) <= OUTLINE_MAX_BYTES:
        if len(_recent) >= _REMEMBERED_AT_MOST:
            _recent.clear()  # what is still asked for comes back with the next call
        _recent[value_digest] = literal


def outlines_in(tokens: bytes, known: Callable[[bytes], bool]) -> dict[bytes, bytes]:
    """The outlines of what stands in these tokens as a digest, and of what stands so in them, as far as remembered.

    Args:
        tokens: Tokens, one after the other.
        known: Whether the outline of a digest is wanted no more.
    """
    found: dict[bytes, bytes] = {}
    pending = [b"(" + tokens + b")"]
    while pending:
        token = pending.pop()
        try:
            ends = [end for _, end in digested_places(token)]
        except ValueError:  # written by other means than a session, where arguments may be any bytes
            break
        for end in ends:
            value_digest = token[end - DIGEST_SIZE : end]
            literal = _recent.get(value_digest)
            if literal is not None and value_digest not in found and not known(value_digest):
                found[value_digest] = literal
                pending.append(literal)
    return found


def expanded(token: bytes, outline: Callable[[bytes], bytes | None]) -> bytes:
    """The token with the long forms of containers in the place of their digests, as far as they are known.

    Args:
        token: One token.
        outline: Gives the long form of a digest, or None.

    Returns:
        A token to be shown; it is not the one that identifies the value.

    Example:
        >>> from jumar.keys.value import describe, token
        >>> short = token(["a settings file"] * 5)
        >>> describe(short)[:6], describe(expanded(short, _recent.get))[:20]
        ('list 5', "['a settings file', ")
    """
    while len(token) <= _EXPANDED_MAX_BYTES:  # shared parts, each shown wherever it stands, may grow without end
        pieces: list[bytes] = []
        done = 0
        for start, end in digested_places(token):
            value_digest = token[end - DIGEST_SIZE : end]
            literal = outline(value_digest)
            if literal is not None and digest(literal) == value_digest:  # what was altered on disk shows nothing
                pieces += (token[done:start], literal)
                done = end
        if not done:
            break
        token = b"".join([*pieces, token[done:]])
    return token
