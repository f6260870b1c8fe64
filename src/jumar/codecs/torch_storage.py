"""Pickles whose tensors keep their numbers beside the stream, in whatever value they are held.

PyTorch pickles a tensor as its strides and its *storage*, and a storage as bytes in a format of its own: copied three
times, and once for each tensor that shares it. Here only that last step is replaced. All the rest is PyTorch's own:
strides, subclasses, sparse and quantized tensors, parameters, attributes.
"""

from __future__ import annotations

import pickle
from typing import Any

import torch
from torch.storage import TypedStorage

from jumar.codecs.dispatch import Reducers

_ALIGNMENT_BYTES = 16
"""Where a storage must start for all types of numbers; the longest (complex128) takes as much."""


def _reduce_untyped(storage: Any) -> Any:
    if storage.device.type != "cpu":
        return storage.__reduce__()
    return untyped, (pickle.PickleBuffer(numbers(storage)),)


def _reduce_typed(storage: Any) -> Any:
    # The typed one is made anew for each tensor; what they share is the untyped one, which pickle then meets again.
    inner = storage._untyped_storage  # noqa: SLF001 # its public name warns of its removal
    return (typed, (inner, storage.dtype)) if inner.device.type == "cpu" else storage.__reduce__()


def _reduce_tensor(tensor: Any) -> Any:
    rebuild, arguments, *rest = tensor.__reduce_ex__(pickle.HIGHEST_PROTOCOL)
    if rebuild is getattr(torch._utils, "_rebuild_tensor_v3", None):  # noqa: SLF001 # what stands in its pickles
        rebuild = of_new_type
    return rebuild, arguments, *rest


REDUCERS: Reducers = {
    torch.UntypedStorage: _reduce_untyped,
    TypedStorage: _reduce_typed,
    torch.Tensor: _reduce_tensor,
}
"""How storages are written. Tensors that share one share it again; storages on devices are written as PyTorch does."""


def numbers(storage: Any) -> memoryview:
    """The bytes of a storage in the memory of the machine, as they lie there."""
    if storage.nbytes() == 0:
        return memoryview(bytearray())
    seen: memoryview = torch.empty(0, dtype=torch.uint8).set_(storage).numpy().data
    return seen


def untyped(buffer: Any) -> Any:
    """A storage on the memory of a buffer; on a copy where no tensor may start there. Pickles name this function."""
    if len(view := memoryview(buffer)) == 0:
        return torch.UntypedStorage(0)
    if view.readonly:
        buffer = bytearray(view)
    storage = torch.frombuffer(buffer, dtype=torch.uint8).untyped_storage()
    return storage.clone() if storage.data_ptr() % _ALIGNMENT_BYTES else storage


def typed(storage: Any, dtype: torch.dtype) -> Any:
    """What a tensor is rebuilt from. Pickles name this function."""
    return TypedStorage(wrap_storage=storage, dtype=dtype, _internal=True)


def of_new_type(storage: Any, *arguments: Any) -> Any:
    """A tensor of numbers that have no typed storage: ``uint16``, ``float8_e5m2``. Pickles name this function.

    PyTorch itself reads such a tensor from its own files only, not from a pickle, where it looks for a typed storage.
    """
    return torch._utils._rebuild_tensor_v3(typed(storage, torch.uint8), *arguments)  # noqa: SLF001
