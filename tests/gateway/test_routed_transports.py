"""Keys and rules are found alike on REST and on gRPC."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from gateway.admission import Admission
from gateway.catalogue import Catalogue
from gateway.config import Limits
from gateway.grpc import inference_pb2 as pb
from gateway.grpc.call import GrpcCall
from gateway.inference import Headers, RestCall, Target
from gateway.journey import Exchange, Plane, infer, trust_everyone
from gateway.routing import Route, Routing
from gateway.rules import rule
from gateway.stickiness import parse_sticky
from tests import onnx_models

HALVES = Routing({1: 1, 2: 1, 3: 0})
GOLD = rule("parameter", "plan", ["gold"], 3)
BETA = rule("header", "X-Cohort", ["beta"], 3)


def rest(headers: dict[str, str], parameters: dict[str, Any], number: int) -> Any:
    """The request on REST, as its bytes."""
    body = {"inputs": [{"name": "x", "datatype": "INT64", "shape": [1], "data": [number]}], "parameters": parameters}
    raw = Headers([(name.encode(), value.encode()) for name, value in headers.items()])
    return RestCall(Target("lookup", None), raw, msgspec.json.encode(body), None, Limits())  # type: ignore[arg-type]


def grpc(headers: dict[str, str], parameters: dict[str, Any], number: int) -> Any:
    """The same on gRPC; its headers are metadata."""
    kinds = {str: "string_param", int: "int64_param", bool: "bool_param"}
    message = pb.ModelInferRequest(
        model_name="lookup",
        inputs=[pb.ModelInferRequest.InferInputTensor(name="x", datatype="INT64", shape=[1])],
        raw_input_contents=[np.array([number], "<i8").tobytes()],
        parameters={name: pb.InferParameter(**{kinds[type(value)]: value}) for name, value in parameters.items()},
    )
    return GrpcCall(message, headers)


@pytest.mark.parametrize("call", [rest, grpc])
@pytest.mark.parametrize(
    ("routing", "headers", "parameters", "number", "route"),
    [
        (HALVES._replace(sticky=parse_sticky("header:X-User-Id")), {"x-user-id": "ann"}, {}, 0, Route(1, "split")),
        (HALVES._replace(sticky=parse_sticky("header:X-User-Id")), {"x-user-id": "bob"}, {}, 0, Route(2, "split")),
        (HALVES._replace(sticky=parse_sticky("cookie:uid")), {"cookie": "uid=ann; t=1"}, {}, 0, Route(1, "split")),
        (HALVES._replace(sticky=parse_sticky("cookie:uid")), {"cookie": "t=1; uid=bob"}, {}, 0, Route(2, "split")),
        (HALVES._replace(sticky=parse_sticky("parameter:user")), {}, {"user": "bob"}, 0, Route(2, "split")),
        (HALVES._replace(sticky=parse_sticky("parameter:user")), {}, {"user": 2}, 0, Route(1, "split")),
        (HALVES._replace(sticky=parse_sticky("field:x")), {}, {}, 1, Route(2, "split")),
        (HALVES._replace(sticky=parse_sticky("field:x")), {}, {}, 2, Route(1, "split")),
        (HALVES._replace(rules=(BETA,)), {"x-cohort": "beta"}, {}, 0, Route(3, "rule")),
        (HALVES._replace(rules=(GOLD,)), {}, {"plan": "gold"}, 0, Route(3, "rule")),
        (HALVES._replace(rules=(rule("parameter", "f", [True], 3),)), {}, {"f": True}, 0, Route(3, "rule")),
    ],
)  # fmt: skip
async def test_a_request_goes_the_same_way_on_both(
    tmp_path: Path,
    call: Any,
    routing: Routing,
    headers: dict[str, str],
    parameters: dict[str, Any],
    number: int,
    route: Route,
) -> None:
    """Every time, wherever the point falls."""
    catalogue, recorded = Catalogue(), list[Exchange]()
    for version in (1, 2, 3):
        catalogue.put(onnx_models.version(tmp_path, "lookup", version, onnx_models.lookup()))
    catalogue.direct({"lookup": routing}, 3)
    plane = Plane(catalogue, Admission(4), Limits(), trust_everyone, recorded.append)
    for _ in range(8):
        await infer(plane, call(headers, parameters, number))
    assert {(exchange.route, exchange.revision, exchange.refusal) for exchange in recorded} == {(route, 3, None)}
