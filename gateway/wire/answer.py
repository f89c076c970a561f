"""The body of an inference answer on REST: JSON, with binary tensors behind it where the client asked for them."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.query import Answer, Query
from gateway.tensor import Tensor
from gateway.wire.elements import to_binary, to_json

_encode = msgspec.json.Encoder().encode


def format_answer(answer: Answer, query: Query) -> tuple[bytes, int | None]:
    """The body, and the length of its JSON part where binary tensors follow it (else None).

    A NaN or an infinity in JSON data is null: JSON has no other word for it. Binary data keeps it.
    """
    head: dict[str, Any] = {"model_name": answer.model, "model_version": str(answer.version)}
    if query.id:
        head["id"] = query.id
    binary = {want.name for want in query.wanted if want.binary}
    if not query.wanted and query.binary_default:
        binary = {tensor.name for tensor in answer.outputs}
    elif query.binary_default:
        binary = {want.name for want in query.wanted}
    if not binary:
        head["outputs"] = [_inline(tensor) for tensor in answer.outputs]
        return _encode(head), None
    tail: list[bytes] = []
    head["outputs"] = [_behind(tensor, tail) if tensor.name in binary else _inline(tensor) for tensor in answer.outputs]
    text = _encode(head)
    return b"".join((text, *tail)), len(text)


def _inline(tensor: Tensor) -> dict[str, Any]:
    name, datatype, array = tensor
    return {"name": name, "datatype": datatype, "shape": array.shape, "data": to_json(array, datatype)}


def _behind(tensor: Tensor, tail: list[bytes]) -> dict[str, Any]:
    name, datatype, array = tensor
    raw = to_binary(array, datatype)
    tail.append(raw)
    return {"name": name, "datatype": datatype, "shape": array.shape, "parameters": {"binary_data_size": len(raw)}}
