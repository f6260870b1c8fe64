"""Which codec writes which tensor, what it keeps, and that other programs read the files."""

import json
import pickle
import runpy
import subprocess
import sys
import warnings
from collections import OrderedDict, defaultdict
from pathlib import Path

import pytest
import safetensors.torch
import torch
from tests.properties.test_codec_law import memory_of
from tests.tensors.test_torch_law import assert_same_tensor, restored

from jumar.codecs import safetensors_file
from jumar.codecs.catalogue import Catalogue
from jumar.codecs.registry import Codecs
from jumar.codecs.torch import TensorCodec, TensorsCodec
from jumar.testing.contracts import CodecContract

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")]
DATA = Path(__file__).parent.parent / "data"
codecs = Codecs()


class TensorContract(CodecContract):
    def same(self, left, right):
        if isinstance(right, torch.Tensor):
            assert_same_tensor(left, right)
            return True
        return list(left) == list(right) and all(self.same(left[name], right[name]) for name in right)


class TestTensorCodec(TensorContract):
    def make(self):
        return TensorCodec()

    def examples(self):
        return [torch.arange(5_000.0), torch.tensor(True), torch.zeros(0, 3), torch.ones(2, requires_grad=True)]


class TestTensorsCodec(TensorContract):
    def make(self):
        return TensorsCodec()

    def examples(self):
        return [{"a": torch.arange(5_000.0), "é": torch.tensor(True)}, OrderedDict(b=torch.zeros(3, 2))]


class WithAttribute(torch.Tensor):
    pass


def with_attribute():
    tensor = torch.zeros(2)
    tensor.unit = "m"
    return tensor


def tied():
    weight = torch.zeros(3)
    return {"first": weight, "second": weight[:2]}


def state_with_more():
    state = torch.nn.Linear(2, 2).state_dict()
    state.note = "mine"
    return state


def quantized():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch is about to give them up
        return torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: torch.zeros(3), "safetensors"),
        (lambda: torch.zeros(2, 3)[1:], "safetensors"),
        (lambda: torch.nn.Parameter(torch.zeros(3)), "safetensors"),
        (lambda: torch.zeros(2, dtype=torch.float8_e5m2), "safetensors"),
        (lambda: torch.zeros(2, dtype=torch.complex128), "pickle"),
        (lambda: torch.zeros(2, 3).T, "pickle"),
        (lambda: torch.zeros(2, 3, 4, 5).to(memory_format=torch.channels_last), "pickle"),
        (lambda: torch.zeros(2, dtype=torch.complex64).conj(), "pickle"),
        (lambda: torch.eye(2).to_sparse(), "pickle"),
        (lambda: torch.eye(2).to_sparse_csr(), "pickle"),
        (lambda: torch.zeros(2, device="meta"), "pickle"),
        (quantized, "pickle"),
        (lambda: torch.zeros(2).as_subclass(WithAttribute), "pickle"),
        (with_attribute, "pickle"),
        (lambda: torch.nn.Linear(2, 2), "pickle"),
        (lambda: torch.nn.Linear(2, 2).state_dict(), "safetensors-dict"),
        (lambda: dict(torch.nn.Linear(2, 2).named_parameters()), "safetensors-dict"),
        (lambda: {"a": torch.zeros(2), "b": 1}, "pickle"),
        (lambda: {1: torch.zeros(2)}, "pickle"),
        (lambda: {"__metadata__": torch.zeros(2)}, "pickle"),
        (lambda: {"\ud800": torch.zeros(2)}, "pickle"),
        (lambda: defaultdict(list, a=torch.zeros(2)), "pickle"),
        (dict, "pickle"),
        (tied, "pickle"),
        (state_with_more, "pickle"),
        (lambda: torch.optim.SGD([torch.nn.Parameter(torch.zeros(2))]).state_dict(), "pickle"),
    ],
)
def test_a_tensor_is_written_by_the_codec_that_gives_it_back_as_it_was(make, name):
    assert Codecs(catalogue=Catalogue()).encode(make())[0] == name


def test_what_pytorch_pickles_in_its_own_way_comes_back():
    sparse = torch.tensor([[0.0, 2.0], [3.0, 0.0]])
    for back in (restored(sparse.to_sparse()), restored(sparse.to_sparse_csr())):
        assert back.to_dense().tolist() == sparse.tolist()
    assert restored(torch.zeros(2, device="meta")).device.type == "meta"
    assert restored(with_attribute()).unit == "m"
    assert type(restored(torch.zeros(2).as_subclass(WithAttribute))) is WithAttribute
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert restored(quantized()).int_repr().tolist() == quantized().int_repr().tolist()


def test_a_leaf_that_requires_a_gradient_can_be_trained_on():
    for value in (torch.ones(3, requires_grad=True), torch.nn.Parameter(torch.ones(3))):
        back = restored(value)
        (back * 2).sum().backward()
        assert back.grad.tolist() == [2, 2, 2]
        assert type(back) is type(value)


def test_of_what_requires_a_gradient_through_other_tensors_the_numbers_come_back_and_no_graph():
    weight = torch.ones(3, requires_grad=True)
    back = restored(weight * 2)
    assert back.tolist() == [2, 2, 2]
    assert (back.requires_grad, back.is_leaf) == (True, True)


def test_a_restored_tensor_is_no_view_and_may_be_detached_in_place():
    back = restored(torch.zeros(2, 3))
    assert back._base is None
    back.detach_()


def test_a_model_comes_back_with_its_tied_weights_and_computes_the_same():
    model = torch.nn.Sequential(torch.nn.Linear(100, 100), torch.nn.BatchNorm1d(100), torch.nn.Linear(100, 100))
    model[2].weight = model[0].weight
    back = restored(model.eval())
    inputs = torch.rand(4, 100)
    assert torch.equal(back(inputs), model(inputs))
    assert back[2].weight is back[0].weight


def test_a_state_dict_comes_back_with_the_versions_of_its_modules():
    state = torch.nn.BatchNorm1d(3).state_dict()
    back = restored(state)
    assert type(back) is OrderedDict
    assert back._metadata == state._metadata
    assert type(back._metadata) is OrderedDict
    assert torch.nn.BatchNorm1d(3).load_state_dict(back).missing_keys == []


def test_only_the_view_of_a_large_storage_is_written():
    large = torch.zeros(1_000_000)
    assert sum(map(len, codecs.encode(large[10:20])[1])) < 1_000
    assert sum(map(len, codecs.encode({"a": large[10:20]})[1])) < 1_000


def test_storages_that_tensors_share_are_written_once():
    large = torch.zeros(100_000)
    frames = codecs.encode([large, large[1:], large.reshape(100, 1000).T, large])[1]
    assert large.nbytes < sum(map(len, frames)) < large.nbytes + 2_000


def test_safetensors_reads_what_a_store_holds(tmp_path):
    value = {"weight": torch.rand(30, 40), "mask": torch.tensor([True, False]), "half": torch.ones(3).bfloat16()}
    for stored, expected in ((value, value), (value["weight"], {"tensor": value["weight"]})):
        file = tmp_path / "file.safetensors"
        file.write_bytes(b"".join(codecs.encode(stored)[1]))
        read = safetensors.torch.load_file(file)
        assert sorted(read) == sorted(expected)
        for name, tensor in expected.items():
            assert_same_tensor(read[name], tensor)
        with safetensors.safe_open(file, "pt") as opened:
            assert opened.metadata()["format"] == "pt"


@pytest.mark.parametrize("dtype", safetensors_file.ITEM_BYTES)
def test_a_file_has_types_of_the_size_that_safetensors_gives_them(dtype):
    kind = safetensors.torch._TYPES[dtype]
    written = safetensors.torch.save({"a": torch.zeros(3, dtype=kind)})
    [piece] = safetensors_file.read(memoryview(written))[0].values()
    assert (piece.dtype, len(piece.numbers)) == (dtype, 3 * safetensors_file.ITEM_BYTES[dtype])
    assert safetensors.torch.load(b"".join(safetensors_file.write({"a": piece}, {})))["a"].dtype == kind


def test_a_file_of_another_program_is_no_result():
    with pytest.raises(ValueError, match="jumar did not write it"):
        TensorCodec().decode(memoryview(safetensors.torch.save({"a": torch.zeros(3)})))


@pytest.mark.parametrize(
    "changes",
    [
        {"dtype": "F33"}, {"shape": [4]}, {"shape": [-3]}, {"data_offsets": [0, 16]}, {"data_offsets": [-12, 0]},
        {"data_offsets": [12, 0]}, {"shape": [2], "data_offsets": [0, 8]},
    ],
    ids=str,
)  # fmt: skip
def test_a_header_that_contradicts_the_numbers_is_an_error(changes):
    data = b"".join(TensorCodec().encode(torch.zeros(3)))
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["tensor"].update(changes)
    text = json.dumps(header).encode()
    altered = len(text).to_bytes(8, "little") + text + data[8 + length :]
    with pytest.raises(ValueError, match="cut off or altered"):
        TensorCodec().decode(memoryview(bytearray(altered)))


def test_a_file_of_an_earlier_version_decodes_to_what_was_written():
    values = runpy.run_path(str(DATA / "tensor_values.py"))["VALUES"]
    assert sorted(path.name for path in (DATA / "tensors").iterdir()) == sorted(values)
    for name, expected in values.items():
        memory = memory_of([(DATA / "tensors" / name).read_bytes()])
        back = Codecs(catalogue=Catalogue()).named(name.partition("~")[0]).decode(memory)
        for left, right in zip(_tensors(back), _tensors(expected), strict=True):
            assert_same_tensor(left, right)


def _tensors(value):
    return [value] if isinstance(value, torch.Tensor) else list(value.values() if isinstance(value, dict) else value)


def test_dicts_that_came_before_pytorch_was_imported_do_not_keep_later_ones_from_their_codec():
    code = (
        "import sys; from jumar.codecs.registry import Codecs; codecs = Codecs(); first = codecs.encode({'a': 1})[0];"
        "assert 'torch' not in sys.modules; import torch;"
        "print(first, codecs.encode({'a': torch.zeros(2)})[0], codecs.encode({'a': 1})[0])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "pickle safetensors-dict pickle\n"


def test_a_function_with_a_tensor_in_it_keeps_the_numbers_beside_its_code():
    weight = torch.arange(10_000.0)
    name, frames = codecs.encode(lambda: weight)
    assert name == "cloudpickle"
    memory = memory_of(frames)
    back = codecs.named(name).decode(memory)()
    start = torch.frombuffer(memory, dtype=torch.uint8).data_ptr()
    assert start <= back.data_ptr() < start + len(memory)


def test_pickles_made_outside_of_a_store_stay_those_of_pytorch():
    codecs.encode(torch.zeros(3))
    assert b"jumar" not in pickle.dumps(torch.zeros(3))


WITHOUT_NUMPY = """
import sys, warnings
sys.modules["numpy"] = None
warnings.simplefilter("ignore")  # PyTorch's word about it
import torch
from jumar.codecs.registry import Codecs
codecs = Codecs()
for value in (torch.ones(2), {"a": torch.ones(2)}):
    name, frames = codecs.encode(value)
    print(name, codecs.named(name).decode(memoryview(bytearray(b"".join(frames)))))
try:
    codecs.named("safetensors")
except LookupError as error:
    print(error)
"""


def test_without_numpy_tensors_are_pickled_as_pytorch_does():
    lines = subprocess.check_output([sys.executable, "-c", WITHOUT_NUMPY], text=True).splitlines()
    assert lines[:2] == ["pickle tensor([1., 1.])", "pickle {'a': tensor([1., 1.])}"]
    assert "pip install 'jumar[torch]'" in lines[2]
