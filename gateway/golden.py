"""`golden.json`: requests with the answers that a version must give before it is served."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from gateway.errors import GatewayError, RepositoryError
from gateway.query import Query
from gateway.session import Session
from gateway.signature import parse_datatype, shown
from gateway.tensor import DATATYPES, Array, bf16_to_fp32
from gateway.wire.elements import from_json
from gateway.wire.request import parse_request


class _Expected(msgspec.Struct):
    name: str
    datatype: str
    shape: list[int]
    data: msgspec.Raw


class _Response(msgspec.Struct):
    outputs: list[_Expected]


class _Golden(msgspec.Struct):
    request: msgspec.Raw
    response: _Response
    tolerance: float = 1e-4


class _File(msgspec.Struct):
    requests: list[_Golden]


def read_golden(path: Path, label: str) -> list[_Golden]:
    """The golden requests at `path`; none if there is no such file. Raises RepositoryError if it is malformed."""
    if not path.exists():
        return []
    try:
        return msgspec.json.decode(path.read_bytes(), type=_File).requests
    except (msgspec.MsgspecError, UnicodeError) as problem:
        raise RepositoryError(f"{label}: {path.name}: {problem}") from None


def check_golden(session: Session, goldens: list[_Golden]) -> list[Query]:
    """Runs each golden request, and gives the parsed requests, to warm up with.

    Raises RepositoryError at the first answer that is not within `tolerance` (absolute plus relative) of the expected one.
    """
    return [_check(session, golden, index) for index, golden in enumerate(goldens)]


def _check(session: Session, golden: _Golden, index: int) -> Query:
    where = f"{session.signature.label}: golden request {index}"
    try:
        query = parse_request(bytes(golden.request))
        rows, _ = session.signature.fit(query)
        found = session.run(rows)
        for output in golden.response.outputs:
            datatype = parse_datatype(output.datatype, output.name)
            expected = from_json(output.data, datatype, tuple(output.shape), output.name)
            _compare(found.get(output.name), expected, output, golden.tolerance, where)
    except GatewayError as problem:
        message = problem.message if problem.message.startswith(where) else f"{where}: {problem.message}"
        raise RepositoryError(message) from None
    return query


def _compare(found: Array | None, expected: Array, output: _Expected, tolerance: float, where: str) -> None:
    name = shown(output.name)
    if found is None:
        raise RepositoryError(f'{where}: the model has no output "{name}"')
    if found.shape != expected.shape or found.dtype != DATATYPES[output.datatype].dtype:
        raise RepositoryError(
            f'{where}: output "{name}" is {found.dtype} {list(found.shape)}, '
            f"expected {output.datatype} {list(expected.shape)}"
        )
    if output.datatype == "BF16":
        found, expected = bf16_to_fp32(found), bf16_to_fp32(expected)
    if np.issubdtype(found.dtype, np.floating):
        first, second = np.asarray(found, np.float64), np.asarray(expected, np.float64)
        wrong = ~np.isclose(first, second, rtol=tolerance, atol=tolerance, equal_nan=True)
    else:
        wrong = np.asarray(found != expected)
    if wrong.any():
        at: Any = tuple(int(axis[0]) for axis in np.nonzero(wrong))
        raise RepositoryError(
            f'{where}: output "{name}" at {list(at)} is {found[at]}, expected {expected[at]} (tolerance {tolerance})'
        )
