"""The suites live in the library: their asserts are to say as much as those of a test module."""

import pytest

pytest.register_assert_rewrite(
    *(f"jumar.testing.contracts_{name}" for name in ("aside", "index", "blobs", "codec", "executor")),
    "jumar.testing.raised",
)
