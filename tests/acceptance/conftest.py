"""What tests of durable runs and actors use."""

import pytest
from tests.acceptance.world import world

import jumar


@pytest.fixture
def new_world(gate):
    """The world as it was before anything was done."""
    world.begin(gate)


@pytest.fixture
def again(tmp_path):
    """A new session on the same store, as another program would have."""

    def again(**options):
        return jumar.Session(tmp_path / "store", **{"workers": 2, **options})

    return again
