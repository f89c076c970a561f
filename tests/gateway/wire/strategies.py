"""Tensors of every datatype and shape, for Hypothesis."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gateway.tensor import DATATYPES, Array, bf16_to_fp32

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


def array_of(datatype: str, min_dims: int = 0) -> st.SearchStrategy[Array]:
    """Arrays of the datatype, of up to three dimensions, empty ones included."""
    kind: Any = DATATYPES[datatype].dtype
    text = datatype == "BYTES"
    shapes = arrays.array_shapes(min_dims=min_dims, max_dims=3, min_side=0, max_side=4)
    return arrays.arrays(kind, shapes, elements=TEXT if text else None, fill=st.nothing() if text else None)


TENSORS = st.sampled_from(sorted(DATATYPES)).flatmap(lambda datatype: st.tuples(st.just(datatype), array_of(datatype)))


def values(array: Array, datatype: str) -> Any:
    """The elements as numbers that can be compared: NaN equals NaN."""
    held = bf16_to_fp32(array) if datatype == "BF16" else array
    return [
        "NaN" if isinstance(value, float) and math.isnan(value) else value
        for value in np.asarray(held).ravel().tolist()
    ]
