"""Bad input over gRPC: INVALID_ARGUMENT or NOT_FOUND and a sentence that names the culprit, never INTERNAL or UNKNOWN."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from gateway.grpc import inference_pb2 as pb
from tests.running import Running

Input = pb.ModelInferRequest.InferInputTensor
Output = pb.ModelInferRequest.InferRequestedOutputTensor
SERVICE = "/inference.GRPCInferenceService/"


@pytest.fixture(scope="module")
def channel(hostage: Running) -> Iterator[grpc.Channel]:
    """A channel to the gateway."""
    with grpc.insecure_channel(hostage.grpc) as opened:
        yield opened


def ask(
    datatype: str = "FP32",
    shape: tuple[int, ...] = (1,),
    *,
    model: str = "",
    name: str = "x",
    raw: list[bytes] | None = None,
    outputs: list[Any] | None = None,
    version: str = "",
    request_id: str = "",
    parameters: dict[str, pb.InferParameter] | None = None,
    **contents: list[Any],
) -> pb.ModelInferRequest:
    """A request with one input; `contents` are the fields of its typed contents."""
    given = Input(name=name, datatype=datatype, shape=shape)
    if contents:
        given.contents.CopyFrom(pb.InferTensorContents(**contents))
    return pb.ModelInferRequest(
        model_name=model or f"echo_{datatype.lower()}",
        model_version=version,
        id=request_id,
        inputs=[given],
        outputs=outputs or [],
        raw_input_contents=raw or [],
        parameters=parameters or {},
    )


ONE = struct.pack("<f", 1)
HUGE = 2**40
CASES: dict[str, tuple[pb.ModelInferRequest, str]] = {
    "too few raw bytes": (ask(raw=[b"abc"]), 'input "x": 3 bytes'),
    "too many raw bytes": (ask(raw=[b"abcde"]), 'input "x": 5 bytes'),
    "no raw bytes": (ask(raw=[b""]), 'input "x": 0 bytes'),
    "two raw tensors for one input": (ask(raw=[ONE, ONE]), "raw_input_contents holds 2"),
    "raw and typed contents": (ask(raw=[ONE], fp32_contents=[1]), "both contents and raw_input_contents"),
    "contents of another type": (ask(int_contents=[1]), "fp32_contents has 0 elements"),
    "too many typed elements": (ask(fp32_contents=[1, 2]), "2 elements"),
    "no contents": (ask(), "0 elements"),
    "a negative dimension": (ask(shape=(-1,), raw=[ONE]), "negative"),
    "the least dimension": (ask(shape=(-(2**63),), raw=[ONE]), "negative"),
    "the greatest dimension": (ask(shape=(2**63 - 1,), raw=[ONE]), "dimensions"),
    "a product that overflows": (ask(shape=(HUGE,) * 30, raw=[ONE]), 'input "x": 4 bytes'),
    "a product that overflows to nothing": (ask(shape=(2**32, 2**32), raw=[b""]), 'input "x": 0 bytes'),
    "no elements, huge shape, raw": (ask("FP64", (0, HUGE, HUGE), model="free", raw=[b""]), "larger than any array"),
    "no elements, huge shape, typed": (ask("FP64", (0, HUGE, HUGE), model="free"), "larger than any array"),
    "a million dimensions": (ask(shape=(1,) * 10**6, raw=[ONE]), "at most 32 dimensions"),
    "no rows": (ask(shape=(0,), raw=[b""]), "no rows"),
    "an unknown datatype": (ask("FP99", model="echo_fp32"), 'unknown datatype "FP99"'),
    "another datatype": (ask("FP64", model="echo_fp32", fp64_contents=[1]), "expects FP32"),
    "another shape": (ask(shape=(1, 1), raw=[ONE]), "shape [1, 1]"),
    "an unknown input": (ask(name="z", raw=[ONE]), 'input "z"'),
    "an input with a newline in its name": (ask(name="z\n", raw=[ONE]), "z\\n"),
    "no inputs": (pb.ModelInferRequest(model_name="echo_fp32"), "missing input x"),
    "an unknown output": (ask(raw=[ONE], outputs=[Output(name="z")]), 'output "z"'),
    "the same output twice": (ask(raw=[ONE], outputs=[Output(name="y")] * 2), 'output "y": asked for twice'),
    "the same input twice": (
        pb.ModelInferRequest(
            model_name="echo_fp32",
            inputs=[Input(name="x", datatype="FP32", shape=[1])] * 2,
            raw_input_contents=[ONE, ONE],
        ),
        "given twice",
    ),
    "typed FP16": (ask("FP16", fp32_contents=[1]), "FP16 has no typed contents"),
    "typed BF16": (ask("BF16", fp32_contents=[1]), "BF16 has no typed contents"),
    "INT8 of 300": (ask("INT8", int_contents=[300]), "does not fit INT8"),
    "UINT16 of 70,000": (ask("UINT16", uint_contents=[70_000]), "does not fit UINT16"),
    "INT16 below its least": (ask("INT16", int_contents=[-32_769]), "does not fit INT16"),
    "invalid UTF-8": (ask("BYTES", bytes_contents=[b"\xff"]), "not valid UTF-8"),
    "invalid UTF-8, raw": (ask("BYTES", raw=[b"\1\0\0\0\xff"]), "element 0 is not valid UTF-8"),
    "a raw length that lies": (ask("BYTES", raw=[b"\xff\xff\xff\xff"]), "element 0 says"),
    "raw bytes left over": (ask("BYTES", raw=[b"\1\0\0\0ab"]), "bytes are left"),
    "raw words that end early": (ask("BYTES", (3,), raw=[b"\1\0\0\0a\1\0\0\0b\0\0"]), 'input "x"'),
    "an id with a newline": (ask(raw=[ONE], request_id="a\n"), "id"),
    "an id of 10,000 letters": (ask(raw=[ONE], request_id="a" * 10_000), "id"),
    "a timeout that is a word": (
        ask(raw=[ONE], parameters={"timeout": pb.InferParameter(string_param="soon")}),
        "parameter timeout",
    ),
    "a negative timeout": (
        ask(raw=[ONE], parameters={"timeout": pb.InferParameter(int64_param=-1)}),
        "parameter timeout",
    ),
    "a classification that is a word": (
        ask(raw=[ONE], outputs=[Output(name="y", parameters={"classification": pb.InferParameter(string_param="1")})]),
        "classification",
    ),
    "classification of words": (
        ask(
            "BYTES",
            bytes_contents=[b"a"],
            outputs=[Output(name="y", parameters={"classification": pb.InferParameter(int64_param=1)})],
        ),
        "classification needs numbers",
    ),
    "an index outside the table": (ask("INT64", model="lookup", name="index", int64_contents=[99]), "Gather"),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_request_is_an_invalid_argument(channel: grpc.Channel, name: str) -> None:
    """INVALID_ARGUMENT, with a sentence that names the culprit."""
    request, says = CASES[name]
    code, sentence = refusal(channel, request)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert says in sentence
    assert len(sentence) < 1000


@pytest.mark.parametrize(
    ("model", "version", "says"),
    [
        ("nope", "", 'no model "nope"'),
        ("", "", "no model"),
        ("n" * 10_000, "", "…"),
        ("a\n\0", "", "\\n"),
        ("echo_fp32", "99", "version 99"),
        ("echo_fp32", "0", "version 0"),
        ("echo_fp32", "-1", '"-1"'),
        ("echo_fp32", "one", '"one"'),
        ("echo_fp32", "9" * 5000, "…"),
        ("echo_fp32", "١", "versions are whole numbers"),
    ],
)
def test_what_is_not_there_is_not_found(channel: grpc.Channel, model: str, version: str, says: str) -> None:
    """NOT_FOUND for an unknown model or version, by every method that takes one."""
    request = ask(model=model or "?", version=version, raw=[ONE])
    request.model_name = model
    assert says in expect_not_found(channel, "ModelInfer", request)
    assert says in expect_not_found(channel, "ModelMetadata", pb.ModelMetadataRequest(name=model, version=version))
    assert says in expect_not_found(channel, "ModelConfig", pb.ModelConfigRequest(name=model, version=version))
    if model:
        statistics = pb.ModelStatisticsRequest(name=model, version=version)
        assert says in expect_not_found(channel, "ModelStatistics", statistics)


def test_nan_goes_in_and_comes_out(channel: grpc.Channel) -> None:
    """NaN and infinities are values like others."""
    values = [math.nan, math.inf, -math.inf]
    answer = call(channel, ask(shape=(3,), fp32_contents=values))
    found = struct.unpack("<3f", answer.raw_output_contents[0])
    assert math.isnan(found[0])
    assert found[1:] == (math.inf, -math.inf)


def test_the_greatest_unsigned_numbers_keep_every_bit(channel: grpc.Channel) -> None:
    """Small and huge UINT64 side by side do not pass through a float."""
    answer = call(channel, ask("UINT64", (3,), uint64_contents=[1, 2**63 + 1, 2**64 - 1]))
    assert struct.unpack("<3Q", answer.raw_output_contents[0]) == (1, 2**63 + 1, 2**64 - 1)


def test_a_message_that_is_too_large_exhausts_resources(channel: grpc.Channel) -> None:
    """Beyond `limits.max_body` the transport itself refuses, and says how large it may be."""
    code, sentence = refusal(channel, ask(raw=[bytes(12 << 20)]))
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max" in sentence


@pytest.mark.parametrize("method", ["ModelInfer", "ModelMetadata", "ModelReady", "RepositoryModelLoad", "ModelConfig"])
@pytest.mark.parametrize("message", [b"\xff\xfe\xfd" * 10, b"\x0a\x02\xff\xfe", b"\x0a\xff\xff\xff\x0f", b"\x0b"])
def test_bytes_that_are_no_message_are_an_invalid_argument(channel: grpc.Channel, method: str, message: bytes) -> None:
    """What protobuf cannot read is the client's mistake, and the answer says so."""
    code, sentence = refusal(channel, message, method)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert f"inference.{method}Request" in sentence


def test_a_stream_survives_its_bad_requests(channel: grpc.Channel) -> None:
    """On a stream a refusal is an answer in its place; the next request is served."""
    stream = channel.stream_stream(
        f"{SERVICE}ModelStreamInfer",
        request_serializer=pb.ModelInferRequest.SerializeToString,
        response_deserializer=pb.ModelStreamInferResponse.FromString,
    )
    good = ask(raw=[ONE])
    answers = list(stream(iter([good, ask(raw=[b"abc"]), ask(model="nope", raw=[ONE]), good]), timeout=5))
    assert [bool(answer.error_message) for answer in answers] == [False, True, True, False]
    assert 'input "x": 3 bytes' in answers[1].error_message


def call(channel: grpc.Channel, request: Any, method: str = "ModelInfer") -> Any:
    """The response; 5 s are allowed. A request of bytes is sent as it is."""
    function = channel.unary_unary(
        f"{SERVICE}{method}",
        request_serializer=lambda message: message if isinstance(message, bytes) else message.SerializeToString(),
        response_deserializer=getattr(pb, f"{method}Response").FromString,
    )
    return function(request, timeout=5)


def refusal(channel: grpc.Channel, request: Any, method: str = "ModelInfer") -> tuple[grpc.StatusCode, str]:
    """The status and the sentence of a call that must fail."""
    with pytest.raises(grpc.RpcError) as caught:
        call(channel, request, method)
    problem: Any = caught.value
    return problem.code(), problem.details()


def expect_not_found(channel: grpc.Channel, method: str, request: Any) -> str:
    """The sentence of a call that must fail with NOT_FOUND."""
    code, sentence = refusal(channel, request, method)
    assert code == grpc.StatusCode.NOT_FOUND
    return sentence
