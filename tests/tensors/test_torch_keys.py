"""Tokens of tensors: equal ones are equal however they lie in memory, and what a function could tell apart differs."""

import copy
import pickle
import subprocess
import sys

import pytest
import torch

from jumar.errors import FingerprintError
from jumar.keys.value import token

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore:The PyTorch API of nested", "ignore:Sparse CSR tensor support"),
]

GRID = torch.arange(24.0).reshape(2, 3, 4)
DTYPES = [
    torch.float64, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2, torch.int64, torch.int8,
    torch.uint8, torch.bool, torch.complex64, torch.complex128,
]  # fmt: skip
VIEWS = {
    "every second": lambda: (GRID[..., ::2], GRID[..., ::2].clone()),
    "a slice": lambda: (GRID[:, 1:], GRID[:, 1:].contiguous()),
    "transposed": lambda: (GRID.permute(2, 0, 1), GRID.permute(2, 0, 1).contiguous()),
    "expanded": lambda: (GRID.expand(2, 2, 3, 4), torch.stack([GRID, GRID])),
    "conjugated lazily": lambda: (torch.tensor([1 + 2j]).conj(), torch.tensor([1 - 2j])),
    "negated lazily": lambda: (torch.tensor([1 + 2j]).conj().imag, torch.tensor([-2.0])),
    "of another tensor's memory": lambda: (torch.arange(10)[3:5], torch.tensor([3, 4])),
}
EQUAL = {
    "a parameter": lambda: torch.nn.Parameter(GRID.clone()),
    "not a number": lambda: torch.tensor(float("nan")),
    "nothing in it": lambda: torch.zeros(0, 3),
    "sparse": lambda: torch.eye(3).to_sparse(),
    "compressed": lambda: torch.eye(3).to_sparse_csr(),
    "nested": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
    "a generator": lambda: torch.Generator().manual_seed(4),
    "a size": lambda: torch.Size([1, 2]),
    "a data set": lambda: torch.utils.data.TensorDataset(GRID.clone()),
}
DIFFERENT = {
    "values": (lambda: torch.zeros(2), lambda: torch.tensor([0.0, 1.0])),
    "the sign of zero": (lambda: torch.tensor(0.0), lambda: torch.tensor(-0.0)),
    "shapes": (lambda: torch.zeros(2, 3), lambda: torch.zeros(3, 2)),
    "shapes of nothing": (lambda: torch.zeros(0, 3), lambda: torch.zeros(3, 0)),
    "no dimension and one": (lambda: torch.tensor(3.0), lambda: torch.tensor([3.0])),
    "a number": (lambda: torch.tensor(3.0), lambda: 3.0),
    "the gradient asked for": (lambda: torch.zeros(2), lambda: torch.zeros(2, requires_grad=True)),
    "a parameter": (lambda: torch.zeros(2), lambda: torch.nn.Parameter(torch.zeros(2), requires_grad=False)),
    "a layout": (lambda: torch.eye(2), lambda: torch.eye(2).to_sparse()),
    "an attribute": (lambda: torch.zeros(2), lambda: with_attribute(torch.zeros(2))),
    "parts of nested ones": (
        lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
        lambda: torch.nested.nested_tensor([torch.ones(3), torch.ones(2)]),
    ),
    "seeds": (lambda: torch.Generator().manual_seed(4), lambda: torch.Generator().manual_seed(5)),
    "types": (lambda: torch.float32, lambda: torch.float64),
}


def with_attribute(tensor):
    tensor.unit = "m"
    return tensor


def model():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Dropout(), torch.nn.Linear(4, 1))


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_its_values_in_their_order(view):
    seen, plain = VIEWS[view]()
    assert token(seen) == token(plain)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_type_that_numpy_does_not_have_is_one_like_any(dtype):
    values = (GRID % 2).to(dtype)
    assert token(values) == token(values.clone()) == token(values.permute(2, 0, 1).contiguous().permute(1, 2, 0))
    assert token(values) != token(GRID % 2)
    assert token(values) != token(1 - values.to(torch.complex128))


@pytest.mark.parametrize("what", EQUAL)
def test_what_is_made_twice_is_equal(what):
    assert token(EQUAL[what]()) == token(EQUAL[what]())


@pytest.mark.parametrize("what", DIFFERENT)
def test_what_a_function_can_tell_apart_differs(what):
    one, other = DIFFERENT[what]
    assert token(one()) != token(other())


def test_a_large_tensor_out_of_order_is_read_in_pieces_and_is_equal():
    large = torch.arange(20_000_000, dtype=torch.int32).reshape(4000, 5000)
    assert large.T.nbytes > 64 * 1024 * 1024
    assert token(large.T) == token(large.T.contiguous())


def test_a_model_is_its_parameters_and_modes():
    first = model()
    assert token(first) == token(model()) == token(copy.deepcopy(first)) == token(pickle.loads(pickle.dumps(first)))
    assert token(first) != token(model().eval())
    changed = model()
    with torch.no_grad():
        changed[0].weight[0, 0] += 1
    assert token(first) != token(changed)


def test_a_model_that_was_trained_is_the_one_that_comes_out_of_the_store():
    """No copy of a tensor has its gradient: neither may the key, or the second run would not know the first one's."""
    trained = model().eval()
    trained(torch.ones(1, 3)).sum().backward()
    assert trained[0].weight.grad is not None
    restored = pickle.loads(pickle.dumps(trained))
    assert restored[0].weight.grad is None
    assert token(trained) == token(restored)


def test_an_optimizer_is_its_state():
    def trained(steps):
        net = model().eval()
        optimizer = torch.optim.Adam(net.parameters())
        for _ in range(steps):
            net(torch.ones(1, 3)).sum().backward()
            optimizer.step()
        return optimizer

    assert token(trained(2).state_dict()) == token(trained(2).state_dict()) != token(trained(3).state_dict())


@pytest.mark.parametrize(
    "value",
    [
        lambda: torch.ones(2, device="meta"),
        lambda: torch.nn.LazyLinear(3),
        lambda: torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.quint8),
    ],
    ids=["without values", "without shape", "quantized"],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_what_has_no_identity_is_refused_with_the_ways_out(value):
    with pytest.raises(FingerprintError, match="Ways out"):
        token(value())


def test_tokens_do_not_depend_on_the_process():
    ask = """
import torch
from jumar.keys.value import token
torch.manual_seed(0)
print(token([torch.arange(6.0).reshape(2, 3).T, torch.ones(3, dtype=torch.bfloat16), torch.nn.Linear(3, 2)]).hex())
"""
    told = {
        subprocess.check_output(
            [sys.executable, "-W", "ignore", "-c", ask], env={"PYTHONHASHSEED": seed, "PYTHONPATH": path}
        )
        for seed in ("0", "1", "2")
        for path in [":".join(sys.path)]
    }
    assert len(told) == 1
