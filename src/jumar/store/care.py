"""Care with the database of an index, where nobody can go on without it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from jumar.errors import JumarError
from jumar.store.sqlite_connection import FAULTS


@contextmanager
def careful(store: object, what: str, kind: type[JumarError]) -> Iterator[None]:
    """While in this block, errors of the database become errors that say what they mean.

    Args:
        store: Whose database it is, for the text.
        what: What is read or written: ``runs``, ``actors``.
        kind: The class of the errors.

    Raises:
        JumarError: Of that class: the database cannot be read or written.
    """
    try:
        yield
    except (*FAULTS, OSError) as error:
        raise kind(
            f"the {what} of {store!r} cannot be read or written ({type(error).__name__}: {error}): another program holds the "
            f"index, the disk is full, or it may not be written."
        ) from error
