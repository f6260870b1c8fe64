"""Names that people give to what the store keeps: runs, actors, events."""

from __future__ import annotations

from typing import TypeGuard


def is_name(text: object) -> TypeGuard[str]:
    r"""Whether something can be such a name: a text of one line that is not blank.

    Example:
        >>> is_name("order 17"), is_name(" "), is_name("two\nlines"), is_name(17)
        (True, False, False, False)
    """
    return isinstance(text, str) and bool(text.strip()) and text.isprintable()
