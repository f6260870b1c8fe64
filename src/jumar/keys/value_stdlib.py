"""Tokens of the standard library's value types."""

from __future__ import annotations

from jumar.keys.value_registry import REGISTRY

assert REGISTRY
