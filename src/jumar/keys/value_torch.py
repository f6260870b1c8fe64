"""Tokens of PyTorch's tensors, generators, dtypes and devices.

A tensor is its dtype, shape, kind of device, whether it requires a gradient, and its values in logical order; where it
has attributes of its own, these too. Not its gradient: no copy of a tensor has it, so a value that came out of the store
would be another one than the value that went in. Modules need nothing here: they are plain instances.
"""

from __future__ import annotations

from typing import Any

import torch

from jumar.errors import FingerprintError
from jumar.keys.value_form import digested, record, text
from jumar.keys.value_numpy import digest_values
from jumar.keys.value_object import attributes
from jumar.keys.value_registry import REGISTRY
from jumar.keys.value_walk import Walk

_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64, 16: torch.complex128}
"""Types that NumPy has, by the size of an item in bytes: it knows neither bfloat16 nor the types of 8 bits."""

_COPIED_BYTES = 64 * 1024 * 1024
"""Up to this size a tensor that is not contiguous is copied."""


def _encode_tensor(value: Any, walk: Walk) -> bytes:
    if value.is_quantized:
        raise FingerprintError("a quantized tensor has no identity known here; pass tensor.int_repr() with its scales")
    try:
        return _encoded(value, walk)
    except (NotImplementedError, RuntimeError) as error:  # on the meta device, or not initialised yet
        raise FingerprintError(f"the values of a {type(value).__name__} cannot be read ({error})") from error


def _encoded(value: Any, walk: Walk) -> bytes:
    shape = "nested" if value.is_nested else ",".join(map(str, value.shape))
    kind = [
        walk.token(type(value), ".__class__"),
        text(str(value.dtype)),
        text(shape),
        text(value.device.type),
        walk.token(value.requires_grad),
    ]
    if value.is_nested:
        content = [walk.token(part) for part in value.detach().unbind()]
    else:
        content = [_dense(value)] if value.layout == torch.strided else _sparse(value, walk)
    if vars(value):
        content.append(walk.token(attributes(dict(vars(value)))))
    return digested(f"tensor {value.dtype} ({shape})", b"".join([*kind, *content]))


def _dense(value: Any) -> bytes:
    # Lazily conjugated or negated tensors are made real first.
    plain = value.detach().resolve_conj().resolve_neg().cpu()
    if plain.nbytes <= _COPIED_BYTES:
        plain = plain.contiguous()  # at once, which takes half the time that pieces take
    return digest_values(plain.view(_BITS[plain.element_size()]).numpy())


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
