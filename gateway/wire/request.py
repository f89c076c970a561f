"""The body of an inference request on REST: JSON, with Triton's binary tensors behind it where the client says so."""

from __future__ import annotations

import codecs
import re
from collections.abc import Container
from typing import Annotated, Any

import msgspec

from gateway.errors import BadRequest
from gateway.query import Parameter, Parameters, Query, Wanted
from gateway.signature import parse_datatype, shown
from gateway.tensor import MAX_RANK, Tensor
from gateway.wire.elements import from_binary, from_json, said

MAX_TENSORS = 4096
MAX_ID = 128

_Shape = Annotated[list[Annotated[int, msgspec.Meta(ge=0, le=2**40)]], msgspec.Meta(max_length=MAX_RANK)]


class _Input(msgspec.Struct):
    name: str
    datatype: str
    shape: _Shape
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    parameters: dict[str, Parameter] | None = None


class _Output(msgspec.Struct):
    name: str
    parameters: dict[str, Parameter] | None = None


class _Body(msgspec.Struct):
    inputs: Annotated[list[_Input], msgspec.Meta(max_length=MAX_TENSORS)]
    id: str = ""
    outputs: Annotated[list[_Output], msgspec.Meta(max_length=MAX_TENSORS)] | None = None
    parameters: dict[str, Parameter] | None = None


_decode = msgspec.json.Decoder(_Body).decode
_NONE: dict[str, Any] = {}
_NAN = re.compile(rb'((?:"(?:[^"\\]|\\.)*+"?|[^"N]++|N(?!aN))*+)([^"]*+)')
"""What comes before a NaN, strings and all (an unended one too, to stay linear); and from there up to the next string."""


def parse_request(body: bytes, header_length: int | None = None) -> Query:
    """A query from the body of `POST …/infer`.

    header_length: the value of Inference-Header-Content-Length: so many bytes are JSON, the rest binary tensors in the
    order of the inputs; None means that all is JSON. Raises BadRequest with a sentence that names the culprit.
    """
    tail = memoryview(b"")
    if header_length is not None:
        if header_length > len(body):
            raise BadRequest(
                f"Inference-Header-Content-Length says {header_length} bytes, but the body has {len(body)}"
            )
        view = memoryview(body)
        body, tail = bytes(view[:header_length]), view[header_length:]
    if not body.isascii():
        _check_utf8(body)
    try:
        message = _read(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as problem:
        raise BadRequest(f"the request is not a valid inference request: {said(problem)}") from None
    parameters = message.parameters or _NONE
    return Query(
        check_id(message.id),
        _tensors(message.inputs, tail),
        [_wanted(output) for output in message.outputs or ()],
        parameters,
        _flag(parameters, "binary_data_output", "the request"),
        timeout(parameters),
    )


def check_id(identifier: str) -> str:
    """The id itself, if it can travel in a header and serve as a key. Raises BadRequest."""
    if identifier and not (len(identifier) <= MAX_ID and identifier.isascii() and identifier.isprintable()):
        raise BadRequest(
            f"id: expected at most {MAX_ID} printable ASCII characters, found {len(identifier)} characters"
        )
    return identifier


def timeout(parameters: Parameters) -> int:
    """The request's own time limit in µs, as Triton's clients send it; 0 for none. Raises BadRequest."""
    value = parameters.get("timeout", 0)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise BadRequest(f"parameter timeout: expected microseconds as a whole number >= 0, found {shown(str(value))}")
    return value


def _check_utf8(body: bytes) -> None:
    """Raises BadRequest for a byte that is not UTF-8 wherever it stands, also in what is skipped; takes little memory."""
    decoder, step = codecs.getincrementaldecoder("utf-8")(), 65536
    for start in range(0, len(body), step):
        chunk = body[start : start + step]
        try:
            decoder.decode(chunk, final=start + step >= len(body))
        except UnicodeDecodeError as problem:  # its object may begin with what was left of the chunk before
            at = start + len(chunk) - len(problem.object) + problem.start
            raise BadRequest(f"the request is not valid UTF-8: byte {at}") from None


def refuse_shared_memory(parameters: Container[str], where: str) -> None:
    """Raises BadRequest for a tensor that lies in the client's memory, or is to be left there."""
    if "shared_memory_region" in parameters:
        raise BadRequest(f"{where}: shared memory is not offered; send and take the data in the message")


def _read(body: bytes) -> _Body:
    """The message. NaN is no JSON, but Triton's clients write it and Triton reads it; here it is another null."""
    try:
        return _decode(body)
    except msgspec.DecodeError:
        if b"NaN" not in body:
            raise
        return _decode(_NAN.sub(lambda match: match[1] + match[2].replace(b"NaN", b"null"), body))


def _tensors(inputs: list[_Input], tail: memoryview) -> list[Tensor]:
    tensors = []
    at = 0
    for given in inputs:
        datatype, shape = parse_datatype(given.datatype, given.name), tuple(given.shape)
        parameters = given.parameters or _NONE
        refuse_shared_memory(parameters, f'input "{shown(given.name)}"')
        size = parameters.get("binary_data_size")
        if size is None:
            if given.data is msgspec.UNSET:
                raise BadRequest(f'input "{shown(given.name)}": has neither data nor a binary_data_size')
            array = from_json(given.data, datatype, shape, given.name)
        else:
            end = at + _size(size, given, len(tail) - at)
            array = from_binary(tail[at:end], datatype, shape, given.name)
            at = end
        tensors.append(Tensor(given.name, datatype, array))
    if at != len(tail):
        raise BadRequest(f"{len(tail) - at} bytes of binary data are left after the last input took its own")
    return tensors


def _size(size: Parameter, given: _Input, left: int) -> int:
    if given.data is not msgspec.UNSET:
        raise BadRequest(f'input "{shown(given.name)}": has both data and a binary_data_size')
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise BadRequest(f'input "{shown(given.name)}": binary_data_size must be a whole number >= 0')
    if size > left:
        raise BadRequest(
            f'input "{shown(given.name)}": binary_data_size says {size} bytes, but {left} are left in the body'
        )
    return size


def _wanted(output: _Output) -> Wanted:
    parameters = output.parameters
    if not parameters:
        return Wanted(output.name)
    where = f'output "{shown(output.name)}"'
    refuse_shared_memory(parameters, where)
    classes = parameters.get("classification", 0)
    if isinstance(classes, bool) or not isinstance(classes, int) or not 0 <= classes < 2**31:
        raise BadRequest(f"{where}: classification must be a whole number >= 0")
    return Wanted(output.name, _flag(parameters, "binary_data", where), classes)


def _flag(parameters: Parameters, key: str, where: str) -> bool:
    value = parameters.get(key, False)
    if not isinstance(value, bool):
        raise BadRequest(f"{where}: parameter {key} must be true or false")
    return value
