"""Tokens of PyTorch's tensors, generators, dtypes and devices.

A tensor is its dtype, shape, kind of device, whether it requires a gradient, and its values in logical order. Modules
need nothing here: they are plain instances.
"""

from __future__ import annotations

from typing import Any

import torch

from jumar.errors import FingerprintError
from jumar.keys.digest import digest
from jumar.keys.value_form import digested, record, text
from jumar.keys.value_registry import REGISTRY
from jumar.keys.value_walk import Walk


def _encode_tensor(value: Any, walk: Walk) -> bytes:
    if value.is_quantized:
        raise FingerprintError("a quantized tensor has no identity known here; pass tensor.int_repr() with its scales")
    kind = [
        walk.token(type(value), ".__class__"),
        text(str(value.dtype)),
        text(",".join(map(str, value.shape))),
        text(value.device.type),
        walk.token(value.requires_grad),
    ]
    content = [_dense(value)] if value.layout == torch.strided else _sparse(value, walk)
    shape = ",".join(map(str, value.shape))
    return digested(f"tensor {value.dtype} ({shape})", b"".join([*kind, *content]))


def _dense(value: Any) -> bytes:
    # Lazily conjugated or negated tensors are made real first. As bytes, since NumPy does not know bfloat16.
    flat = value.detach().resolve_conj().resolve_neg().cpu().contiguous().reshape(-1)
    return digest(memoryview(flat.view(torch.uint8).numpy())) if flat.numel() else digest(b"")


def _sparse(value: Any, walk: Walk) -> list[bytes]:
    ordered = value.detach().to_sparse_coo().coalesce()
    return [text(str(value.layout)), walk.token(ordered.indices()), walk.token(ordered.values())]


def _encode_generator(value: Any, walk: Walk) -> bytes:
    return record("torch.Generator", [text(value.device.type), walk.token(value.get_state())])


def _encode_size(value: Any, walk: Walk) -> bytes:
    return record("torch.Size", [walk.token(tuple(value))])


REGISTRY.provide(torch.Tensor, _encode_tensor, subclasses=True)
REGISTRY.provide(torch.Generator, _encode_generator)
REGISTRY.provide(torch.Size, _encode_size)
for _kind in (torch.dtype, torch.device, torch.layout, torch.memory_format):
    REGISTRY.provide(_kind, lambda value, _walk: record("torch", [text(str(value))]))
