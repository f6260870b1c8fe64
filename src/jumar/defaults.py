"""The options that all calls of a session have where nobody says otherwise: from its settings and its arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jumar.errors import DeclarationError, SettingsError
from jumar.graph.layer import Layer
from jumar.settings import Value


def defaults_of(
    settings: Mapping[str, Value], fill: Callable[[Any, Mapping[str, Any]], Any] | None = None
) -> Layer | None:
    """The options as a layer; None where there are none.

    Args:
        settings: With ``options``.
        fill: As for `Layer`.

    Raises:
        DeclarationError: `Session` was told of one that does not exist, cannot have this value, or belongs to one task.
        SettingsError: A file, a variable or ``jumar.configure`` was.
    """
    options, origin = settings["options"]
    if not options:
        return None
    try:
        return Layer(options, "a session", fill)
    except DeclarationError as error:
        if origin == "Session":
            raise
        raise SettingsError(f"{origin}: options: {error}") from None
