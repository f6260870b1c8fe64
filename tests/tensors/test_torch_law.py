"""The law for tensors: one comes back equal in everything that a program can see, and what shared memory shares it."""

import mmap

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.properties.test_codec_law import memory_of

from jumar.codecs.registry import Codecs

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore:ComplexHalf support")]
codecs = Codecs()
quick = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

DTYPES = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2,
    torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.uint16, torch.uint32, torch.uint64,
    torch.bool, torch.complex32, torch.complex64, torch.complex128,
]  # fmt: skip
LAYOUTS = {
    "plain": lambda tensor: tensor,
    "transposed": lambda tensor: tensor.mT if tensor.ndim > 1 else tensor,
    "every second": lambda tensor: tensor[::2] if tensor.ndim else tensor,
    "from the middle": lambda tensor: tensor[1:] if tensor.ndim else tensor,
    "expanded": lambda tensor: tensor.expand(3, *tensor.shape),
    "one more dimension": lambda tensor: tensor.unsqueeze(0).transpose(0, -1),
    "conjugate": torch.conj,
    "parameter": lambda tensor: torch.nn.Parameter(tensor, requires_grad=False),
}
"""How a program may hold a tensor."""
CONTAINERS = {
    "alone": lambda tensor: tensor,
    "in a list": lambda tensor: [tensor],
    "in a dict": lambda tensor: {"a": tensor},
}


def numbers_of(tensor):
    """The bytes of the numbers in logical order; NaN is itself, and minus zero is another number than zero."""
    flat = tensor.detach().resolve_conj().resolve_neg().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""


def assert_same_tensor(left, right):
    assert type(left) is type(right)
    for said in ("dtype", "shape", "layout", "device", "requires_grad", "is_leaf"):
        assert getattr(left, said) == getattr(right, said), said
    assert left.stride() == right.stride()
    assert (left.is_conj(), left.is_neg()) == (right.is_conj(), right.is_neg())
    assert numbers_of(left) == numbers_of(right)


def restored(value, shift=0):
    name, frames = codecs.encode(value)
    return codecs.named(name).decode(memory_of(frames, shift))


@st.composite
def tensors(draw):
    dtype, shape = draw(st.sampled_from(DTYPES)), draw(st.lists(st.integers(0, 4), max_size=3))
    repeats = draw(st.sampled_from([1, 5_000]))
    size_bytes = dtype.itemsize * torch.Size(shape).numel()
    raw = draw(st.binary(min_size=size_bytes, max_size=size_bytes))
    if dtype is torch.bool:
        raw = bytes(byte & 1 for byte in raw)
    tensor = torch.frombuffer(bytearray(raw), dtype=dtype).reshape(shape) if raw else torch.empty(shape, dtype=dtype)
    tensor = tensor.clone() if repeats == 1 else tensor.expand(repeats, *shape).clone()
    return LAYOUTS[draw(st.sampled_from(list(LAYOUTS)))](tensor)


@quick
@given(tensors(), st.sampled_from(list(CONTAINERS)), st.sampled_from([0, 1, 16]))
def test_a_tensor_comes_back_in_numbers_type_strides_and_bits(tensor, container, shift):
    back = restored(CONTAINERS[container](tensor), shift)
    [only] = [back] if container == "alone" else back.values() if container == "in a dict" else back
    assert_same_tensor(only, tensor)


@quick
@given(st.lists(st.sampled_from(DTYPES), min_size=1, max_size=6), st.integers(1, 4))
def test_each_tensor_of_a_dict_starts_where_its_numbers_may(dtypes, length):
    value = {str(at): torch.ones(length, dtype=torch.uint8).to(dtype) for at, dtype in enumerate(dtypes)}
    back = restored(value)
    assert list(back) == list(value)
    for name, tensor in back.items():
        assert_same_tensor(tensor, value[name])
        assert tensor.data_ptr() % min(tensor.itemsize, 8) == 0


@quick
@given(st.integers(10, 6_000), st.integers(0, 9), st.booleans())
def test_tensors_that_share_memory_share_it_again(length, start, is_dict):
    base = torch.arange(float(length))
    value = {"base": base, "view": base[start:], "same": base, "other": base.clone()}
    back = restored(value if is_dict else [*value.values(), {"deep": (base,)}])
    whole, view, same, other = list(back.values() if is_dict else back)[:4]
    assert same is whole
    whole[start] = -1
    assert view[0] == -1
    assert other[start] == base[start] == start


def test_the_numbers_are_written_from_their_memory_and_restored_as_a_view_of_the_file():
    tensor = torch.arange(10_000, dtype=torch.bfloat16)
    for value in (tensor, {"a": tensor}, [tensor], tensor.reshape(100, 100).T, {1: (tensor, None)}):
        name, frames = codecs.encode(value)
        written = [torch.frombuffer(frame, dtype=torch.uint8).data_ptr() for frame in frames if len(frame) == 20_000]
        assert written == [tensor.data_ptr()]
        memory = memory_of(frames)
        back = codecs.named(name).decode(memory)
        while not isinstance(back, torch.Tensor):
            back = next(iter(back.values() if isinstance(back, dict) else back))
        start = torch.frombuffer(memory, dtype=torch.uint8).data_ptr()
        assert start <= back.data_ptr() < start + len(memory)
        assert back.data_ptr() % 64 == 0


def test_a_tensor_of_more_than_2_gib_is_neither_copied_nor_cut():
    tensor = torch.zeros(2**31 + 5_000, dtype=torch.uint8)
    name, (header, numbers) = codecs.encode(tensor)
    assert len(numbers) == tensor.nbytes
    assert torch.frombuffer(numbers, dtype=torch.uint8).data_ptr() == tensor.data_ptr()
    memory = memoryview(mmap.mmap(-1, len(header) + len(numbers)))
    memory[: len(header)] = header
    back = codecs.named(name).decode(memory)
    back[-1] = 7
    assert back.shape == tensor.shape
    assert memory[-1] == 7
