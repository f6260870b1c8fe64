"""Every blob, read from end to end and compared with the digest that is its name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple

from jumar.errors import DamagedError
from jumar.keys.digest import digest as digest_of
from jumar.store.blobs import Blobs
from jumar.store.file_blobs import FileBlobs

_BLOBS_AT_ONCE = 256


class BadBlob(NamedTuple):
    """A blob that is not as it should be."""

    digest: bytes
    what: str
    """What is wrong, to follow its name in a sentence."""
    may_be_right: bool
    """Whether its bytes may be right: the system did not give them."""


def bad_blobs(
    blobs: Blobs, sizes_bytes: Mapping[bytes, int | None], progress: Callable[[int], None] = lambda _: None
) -> Iterator[BadBlob]:
    """Read blobs in as many threads as there are processors, and give those that are not as they should be.

    Args:
        blobs: Where they are.
        sizes_bytes: The digests, with the lengths that rows say; None where no row says one.
        progress: Told of bytes that were read.
    """
    with ThreadPoolExecutor(os.cpu_count() or 1, "jumar-check") as threads:
        left = iter(sizes_bytes.items())
        while group := list(islice(left, _BLOBS_AT_ONCE)):
            for bad in threads.map(lambda blob: bad_blob(blobs, blob[0], blob[1], progress), group):
                if bad is not None:
                    yield bad


def bad_blob(
    blobs: Blobs, digest: bytes, size_bytes: int | None, progress: Callable[[int], None] = lambda _: None
) -> BadBlob | None:
    """What is wrong with a blob, or None.

    Args:
        blobs: Where it is.
        digest: Its name.
        size_bytes: The length that a row says; None where none does: then one that is not there is no fault.
        progress: Told of bytes that were read.
    """
    found_bytes = blobs.size_bytes(digest)
    if found_bytes is None:
        return None if size_bytes is None else BadBlob(digest, "is missing", may_be_right=False)
    if size_bytes not in (None, found_bytes):
        return BadBlob(digest, f"has {found_bytes:,} bytes instead of {size_bytes:,}", may_be_right=False)
    try:
        actual = (
            blobs.digest_now(digest) if isinstance(blobs, FileBlobs) else digest_of(blobs.open(digest, verify=False))
        )
    except (OSError, DamagedError) as error:
        if blobs.size_bytes(digest) is None:  # it was removed a moment ago, as a sweep does
            return bad_blob(blobs, digest, size_bytes)
        return BadBlob(digest, f"cannot be read ({error})", may_be_right=True)
    progress(found_bytes)
    return None if actual == digest else BadBlob(digest, "was altered on disk", may_be_right=False)
