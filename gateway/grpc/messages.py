"""Inference requests and answers between protobuf and the transport-free forms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from gateway.errors import BadRequest
from gateway.grpc import inference_pb2 as pb
from gateway.query import Answer, Parameter, Query, Wanted
from gateway.signature import parse_datatype, shown
from gateway.tensor import DATATYPES, MAX_RANK, Array, Tensor
from gateway.wire.elements import from_binary, shaped, to_binary
from gateway.wire.request import check_id, refuse_shared_memory, timeout

_CONTENTS = {
    "BOOL": "bool_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


def read_query(request: pb.ModelInferRequest) -> Query:
    """The query that a `ModelInferRequest` holds. Raises BadRequest."""
    parameters = _parameters(request.parameters)
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        raise BadRequest(f"raw_input_contents holds {len(raw)} tensors, but there are {len(request.inputs)} inputs")
    inputs = [_tensor(given, raw[index] if raw else None) for index, given in enumerate(request.inputs)]
    wanted = [Wanted(output.name, classes=_classes(output)) for output in request.outputs]
    return Query(check_id(request.id), inputs, wanted, parameters, timeout_us=timeout(parameters))


def write_answer(answer: Answer, request_id: str) -> pb.ModelInferResponse:
    """The response that holds an answer; its tensors are raw bytes. request_id: as the client gave it, perhaps empty."""
    return pb.ModelInferResponse(
        model_name=answer.model,
        model_version=str(answer.version),
        id=request_id,
        outputs=[
            pb.ModelInferResponse.InferOutputTensor(name=name, datatype=datatype, shape=array.shape)
            for name, datatype, array in answer.outputs
        ],
        raw_output_contents=[to_binary(array, datatype) for _, datatype, array in answer.outputs],
    )


def _tensor(given: pb.ModelInferRequest.InferInputTensor, raw: bytes | None) -> Tensor:
    datatype, shape = parse_datatype(given.datatype, given.name), tuple(given.shape)
    refuse_shared_memory(given.parameters, f'input "{shown(given.name)}"')
    if len(shape) > MAX_RANK or any(size < 0 or size > 2**40 for size in shape):
        raise BadRequest(
            f'input "{shown(given.name)}": expected at most {MAX_RANK} dimensions, none of them negative, '
            f"found {shown(str(list(shape[:8])))}"
        )
    if raw is not None:
        if given.HasField("contents") and given.contents.ByteSize():  # MLServer's converter sends them empty
            raise BadRequest(f'input "{shown(given.name)}": has both contents and raw_input_contents')
        return Tensor(given.name, datatype, from_binary(memoryview(raw), datatype, shape, given.name))
    return Tensor(given.name, datatype, _typed(given, datatype, shape))


def _typed(given: pb.ModelInferRequest.InferInputTensor, datatype: str, shape: tuple[int, ...]) -> Array:
    name = shown(given.name)
    field = _CONTENTS.get(datatype)
    if field is None:
        raise BadRequest(f'input "{name}": {datatype} has no typed contents; send it in raw_input_contents')
    values: Any = getattr(given.contents, field)
    if datatype == "BYTES":
        try:
            values = [value.decode() for value in values]
        except UnicodeDecodeError:
            raise BadRequest(f'input "{name}": an element of bytes_contents is not valid UTF-8') from None
    wide = np.array(values, DATATYPES[datatype].dtype if datatype == "BYTES" else None)
    if not values:
        wide = wide.astype(DATATYPES[datatype].dtype)
    if wide.size != math.prod(shape):
        raise BadRequest(
            f'input "{name}": {field} has {wide.size} elements, but shape {list(shape)} takes {math.prod(shape)}'
        )
    array = wide.astype(DATATYPES[datatype].dtype, copy=False)
    if wide.dtype.kind in "iu" and (wide != array).any():
        raise BadRequest(f'input "{name}": {field} holds a value that does not fit {datatype}')
    return shaped(array, shape, given.name)


def _classes(output: pb.ModelInferRequest.InferRequestedOutputTensor) -> int:
    refuse_shared_memory(output.parameters, f'output "{shown(output.name)}"')
    value = _parameters(output.parameters).get("classification", 0)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise BadRequest(f'output "{shown(output.name)}": classification must be a whole number >= 0')
    return value


def _parameters(given: Mapping[str, pb.InferParameter]) -> dict[str, Parameter]:
    chosen = {name: value.WhichOneof("parameter_choice") for name, value in given.items()}
    return {name: getattr(given[name], field) for name, field in chosen.items() if field}
