"""Triton's classification extension: the top classes of an output instead of the output."""

from __future__ import annotations

import math

import numpy as np

from gateway.errors import BadRequest
from gateway.query import Answer, Query
from gateway.signature import shown
from gateway.tensor import Tensor, bf16_to_fp32


def classify(answer: Answer, query: Query) -> Answer:
    """The answer with each output that was asked for as classes replaced by its `n` highest, as `"value:index"` strings.

    Raises BadRequest for an output whose elements have no order.
    """
    wanted = {want.name: want.classes for want in query.wanted if want.classes}
    if not wanted:
        return answer
    outputs = [_top(tensor, wanted[tensor.name]) if tensor.name in wanted else tensor for tensor in answer.outputs]
    return answer._replace(outputs=outputs)


def _top(tensor: Tensor, classes: int) -> Tensor:
    name, datatype, array = tensor
    if datatype in ("BYTES", "BOOL"):
        raise BadRequest(f'output "{shown(name)}": classification needs numbers, and it is {datatype}')
    values = bf16_to_fp32(array) if datatype == "BF16" else array
    rows = values.reshape(values.shape[0], math.prod(values.shape[1:])) if values.ndim > 1 else values.reshape(1, -1)
    # argsort holds NaN for the highest value
    keys = np.where(np.isnan(rows), -np.inf, rows) if rows.dtype.kind == "f" else rows
    order = np.argsort(keys, axis=1, kind="stable")[:, ::-1][:, :classes]
    texts = [[f"{row[index]:f}:{index}" for index in top] for row, top in zip(rows, order, strict=True)]
    shape = (values.shape[0], order.shape[1]) if values.ndim > 1 else (order.shape[1],)
    return Tensor(name, "BYTES", np.array(texts, np.object_).reshape(shape))
