"""PyTorch's tensors, and dicts of them, as safetensors files."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from jumar.codecs import safetensors_file, torch_storage
from jumar.codecs.codec import Codec, Frame
from jumar.codecs.safetensors_file import Piece

_MARK = "jumar"
"""Key in the file's metadata under which it says what a plain tensor does not tell."""
_ONLY = "tensor"
"""The name of the tensor, where the value is one."""

_NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
    torch.complex64: "C64",
}
for _name in ("U16", "U32", "U64"):
    _dtype = getattr(torch, f"uint{_name[1:]}", None)  # PyTorch 2.3 and newer
    if _dtype is not None:
        _NAMES[_dtype] = _name
_DTYPES = {name: dtype for dtype, name in _NAMES.items()}
_DICTS: dict[str, type] = {"dict": dict, "OrderedDict": OrderedDict}


class TensorCodec:
    """Writes tensors and parameters that lie in memory without gaps, in C order.

    Example:
        >>> codec = TensorCodec()
        >>> tensor = torch.tensor([1.0, 2.0], dtype=torch.bfloat16)
        >>> codec.decode(memoryview(bytearray(b"".join(codec.encode(tensor)))))
        tensor([1., 2.], dtype=torch.bfloat16)

    *Guarantees*: the numbers are written from the tensor's own memory, and restored as a view of the memory given. Of a
    view only the view is written. Type, dtype, shape and ``requires_grad`` come back. As in a pickle, the gradient and
    the graph that the tensor was computed by do not. A restored tensor cannot be resized in place.
    """

    name = "safetensors"

    def encode(self, value: Any) -> Sequence[Frame] | None:
        """The file; None for what such a file does not give back as it was.

        Those are other strides, devices and layouts, subclasses, attributes and hooks of the program's, conjugates and
        negatives that are not computed yet, quantized numbers and those of complex128.
        """
        if not _is_plain(value):
            return None
        return _written({_ONLY: value}, {"kind": _ONLY})

    def decode(self, data: memoryview) -> Any:
        """The tensor, or the dict of them, on views of ``data``.

        Raises:
            ValueError: It is no safetensors file, is cut off, or was written by something else.
        """
        pieces, metadata = safetensors_file.read(data)
        if _MARK not in metadata:
            raise ValueError("the safetensors file does not say what kind of result it holds: jumar did not write it")
        said = json.loads(metadata[_MARK])
        tensors = {name: _tensor(name, piece, said) for name, piece in pieces.items()}
        if said["kind"] == _ONLY:
            return tensors[_ONLY]
        result: Any = _DICTS[said["kind"]](tensors)
        if "state" in said:
            result._metadata = OrderedDict(said["state"])  # noqa: SLF001 # PyTorch's own name for it
        return result


class TensorsCodec(TensorCodec):
    """Writes dicts of such tensors, as ``Module.state_dict()`` gives them, into one file.

    Example:
        >>> codec = TensorsCodec()
        >>> codec.decode(memoryview(bytearray(b"".join(codec.encode({"bias": torch.zeros(2)})))))
        {'bias': tensor([0., 0.])}
    """

    name = "safetensors-dict"

    def encode(self, value: Any) -> Sequence[Frame] | None:
        """The file; None for what is no such dict, or whose tensors share memory: the format knows no sharing."""
        kind = type(value)
        if kind not in _DICTS.values() or not value:
            return None
        if not all(type(name) is str and _is_plain(tensor) for name, tensor in value.items()):
            return None
        filled = [tensor.untyped_storage().data_ptr() for tensor in value.values() if tensor.numel()]
        if len({*filled}) < len(filled) or len({*map(id, value.values())}) < len(value):
            return None
        said = {"kind": kind.__name__}
        if kind is OrderedDict and value.__dict__:
            if not _is_versions(value.__dict__):
                return None
            said["state"] = value.__dict__["_metadata"]
        return _written(value, said)


def _is_plain(value: Any) -> bool:
    """Whether a tensor is nothing but numbers in C order."""
    return (
        type(value) in (torch.Tensor, torch.nn.Parameter)
        and value.dtype in _NAMES
        and value.layout is torch.strided
        and value.device.type == "cpu"
        and not value.__dict__
        and not _is_special(value)
        and value.stride() == _strides(value.shape)
    )


def _is_special(value: Any) -> bool:
    return bool(
        value.is_nested
        or value.is_conj()
        or value.is_neg()
        or value._is_zerotensor()  # noqa: SLF001 # it has no memory, and no public name
        or any(getattr(value, "names", ()))  # dimensions have names in older PyTorch
        or value._backward_hooks  # noqa: SLF001 # PyTorch's pickling warns of them, which is then heard
    )


def _strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Those of a new tensor of the shape."""
    strides, step = [], 1
    for length in reversed(shape):
        strides.append(step)
        step *= max(length, 1)
    return tuple(reversed(strides))


def _is_versions(attributes: dict[str, Any]) -> bool:
    """Whether a dict's attributes are those of a ``state_dict``: the versions of modules, as JSON can hold them."""
    versions = attributes.get("_metadata")
    return (
        len(attributes) == 1
        and type(versions) is OrderedDict
        and all(
            type(module) is str
            and type(entries) is dict
            and all(type(key) is str and type(number) is int for key, number in entries.items())
            for module, entries in versions.items()
        )
    )


def _written(tensors: Mapping[str, Any], said: dict[str, Any]) -> Sequence[Frame] | None:
    said["parameters"] = [name for name, tensor in tensors.items() if type(tensor) is torch.nn.Parameter]
    said["requires_grad"] = [name for name, tensor in tensors.items() if tensor.requires_grad]
    metadata = {"format": "pt", _MARK: json.dumps(said, separators=(",", ":"))}
    return safetensors_file.write({name: _piece(tensor) for name, tensor in tensors.items()}, metadata)


def _piece(tensor: Any) -> Piece:
    raw = tensor.detach().reshape(-1).view(torch.uint8).numpy().data
    return Piece(_NAMES[tensor.dtype], tuple(tensor.shape), raw)


def _tensor(name: str, piece: Piece, said: dict[str, Any]) -> Any:
    dtype = _DTYPES.get(piece.dtype)
    if dtype is None:
        raise ValueError(f"tensor {name!r} is of {piece.dtype}, which PyTorch {torch.__version__} does not have")
    # Made as PyTorch makes one from a pickle. A reshaped one would be a view, which some methods refuse.
    tensor: Any = torch.empty(0, dtype=dtype)
    tensor.set_(torch_storage.untyped(piece.numbers), 0, piece.shape, _strides(piece.shape))
    requires_grad = name in said["requires_grad"]
    if name in said["parameters"]:
        return torch.nn.Parameter(tensor, requires_grad)
    return tensor.requires_grad_() if requires_grad else tensor


def codecs() -> dict[Codec, tuple[type, ...]]:
    """The codecs of tensors and of dicts."""
    return {TensorCodec(): (torch.Tensor,), TensorsCodec(): (dict,)}
