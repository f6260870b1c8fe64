"""Tokens of SciPy's sparse matrices and arrays: format, shape, dtype and the stored values in canonical order."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from jumar.keys.value_form import record
from jumar.keys.value_numpy import array_token
from jumar.keys.value_registry import REGISTRY
from jumar.keys.value_walk import Walk


def _encode_sparse(value: Any, walk: Walk) -> bytes:
    # As rows: entries sorted and summed, whichever format holds them and however it was filled. Indices are widened,
    # since SciPy takes 32 or 64 bits as it sees fit.
    rows = value.reshape((1, -1)).tocsr(copy=True) if value.ndim == 1 else value.tocsr(copy=True)
    rows.sum_duplicates()
    arrays = (rows.indptr.astype("<i8"), rows.indices.astype("<i8"), np.asarray(rows.data))
    return record(
        "sparse",
        [walk.token(type(value), ".__class__"), walk.token(value.shape), *(array_token(part, walk) for part in arrays)],
        f"{value.format} {value.dtype} {value.shape}",
    )


REGISTRY.provide(sparse.sparray, _encode_sparse, subclasses=True)
REGISTRY.provide(sparse.spmatrix, _encode_sparse, subclasses=True)
