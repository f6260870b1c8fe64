"""The fast path of the codec writes the same bytes as the plain one."""

import pickle

import pytest

from jumar.codecs.pickle import PickleCodec


@pytest.mark.parametrize("value", [0, -(2**70), 1.5, float("nan"), "", "é" * 3000, True, None, 1 + 2j], ids=repr)
def test_values_that_hold_no_buffers_are_written_as_with_the_machinery_for_buffers(value):
    [written] = PickleCodec().encode(value)
    assert written == pickle.dumps(value, protocol=5, buffer_callback=lambda buffer: True)
