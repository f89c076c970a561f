"""`POST …/infer` on REST: from ASGI's messages to a query, and from an answer to a reply."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import zlib
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import pytest

from gateway.config import Limits
from gateway.errors import BadRequest, BodyTooLarge, Cancelled, GatewayError, NotFound, Overloaded, RequestTimeout
from gateway.inference import Headers, Receive, Reply, RestCall, Target, header_id, read_body, refused, target
from gateway.query import Answer, Query, Wanted
from gateway.routing import Route
from gateway.tensor import Tensor

BODY = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}]}).encode()
ANSWER = Answer("scale", 3, "id-1", [Tensor("y", "FP32", np.array([[1.5]], np.float32))])


def receiving(*messages: dict[str, Any]) -> Receive:
    """ASGI's receive: these messages, then nothing for ever."""
    left = list(messages)

    async def receive() -> dict[str, Any]:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    return receive


def part(body: bytes, more: bool = False) -> dict[str, Any]:
    """One message of a body."""
    return {"type": "http.request", "body": body, "more_body": more}


GONE = {"type": "http.disconnect"}


def call(headers: Mapping[str, str] | None = None, body: bytes = BODY, receive: Receive | None = None) -> RestCall:
    """A call with this body."""
    return RestCall(Target("scale", None), headers or {}, body, receive or receiving(), Limits(max_body=4096))


def header(reply: Reply, name: str) -> str | None:
    """The one header of this name."""
    found = [value.decode() for key, value in reply.headers if key == name.encode()]
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/v2/models/scale/infer", Target("scale", None)),
        ("/v2/models/scale/versions/2/infer", Target("scale", 2)),
        ("/v2/models/größe/infer", Target("größe", None)),
        ("/v2/models/a b/infer", Target("a b", None)),
        ("/v2/models/scale/versions/002/infer", Target("scale", 2)),
        ("/v2/models/scale", None),
        ("/v2/models/scale/infer/", None),
        ("/v2/models//infer", None),
        ("/v2/models/a/b/infer", None),
        ("/v2/models/scale/versions/2/3/infer", None),
        ("/x/v2/models/scale/infer", None),
        ("/v2/models/scale/infer\n", None),
    ],
)
def test_a_path_names_model_and_version(path: str, found: Target | None) -> None:
    """Or it is no inference path."""
    assert target(path) == found


@pytest.mark.parametrize("version", ["", "two", "-1", "1.0", "٣", "9" * 19, " 1"])
def test_a_version_that_is_no_number_is_not_found(version: str) -> None:
    """404, as for any version that is not there."""
    with pytest.raises(NotFound, match="scale has no version"):
        target(f"/v2/models/scale/versions/{version}/infer")


def test_headers_are_known_by_their_lower_case_names() -> None:
    """ASGI lowers them; of a repeated one, the last counts, and bytes beyond ASCII are kept."""
    headers = Headers([(b"x-a", b"1"), (b"x-b", b"\xe9"), (b"x-a", b"2")])
    assert dict(headers) == {"x-a": "2", "x-b": "é"}
    assert (headers["x-b"], headers.get("x-a"), headers.get("x-c"), headers.get("x-c", "")) == ("é", "2", None, "")
    assert ("x-a" in headers, "x-c" in headers, 3 in headers, len(headers)) == (True, False, False, 2)
    with pytest.raises(KeyError):
        headers["x-c"]


@pytest.mark.parametrize(
    ("given", "echoed"),
    [("abc-1", "abc-1"), ("", ""), ("x" * 128, "x" * 128), ("x" * 129, ""), ("a\tb", ""), ("größe", ""), ("\x7f", "")],
)
def test_only_ids_that_can_travel_are_echoed(given: str, echoed: str) -> None:
    """Anything else is left out."""
    assert header_id({"x-request-id": given}) == echoed


@pytest.mark.parametrize(
    "messages",
    [
        [part(b"abc")],
        [part(b"a", True), part(b"b", True), part(b"c")],
        [part(b"abc", True), part(b"")],
        [part(b"", True), part(b"abc")],
    ],
)
async def test_a_body_is_read_whole(messages: list[dict[str, Any]]) -> None:
    """In one message or many."""
    assert await read_body({}, receiving(*messages), Limits(max_body=3)) == b"abc"


async def test_a_message_may_leave_out_its_body() -> None:
    """ASGI's default for `body` is none."""
    assert await read_body({}, receiving({"type": "http.request"}), Limits()) == b""


async def test_a_declared_length_beyond_the_limit_is_refused() -> None:
    """What comes all the same is forgotten."""
    with pytest.raises(BodyTooLarge, match=r"^the body has 4 bytes, the limit is 3 \(limits\.max_body\)$"):
        await read_body({"content-length": "4"}, receiving(), Limits(max_body=3))


@pytest.mark.parametrize("messages", [[part(b"abcd")], [part(b"abc", True), part(b"d", True)]])
async def test_a_body_beyond_the_limit_is_refused_as_soon_as_it_is_seen(messages: list[dict[str, Any]]) -> None:
    """Whatever was declared, or in how many messages it comes: the rest is taken for a while, and forgotten."""
    with pytest.raises(BodyTooLarge):
        await asyncio.wait_for(read_body({}, receiving(*messages), Limits(max_body=3)), 5)


@pytest.mark.parametrize("length", ["-1", "abc", "1.0", "", "9" * 19, "٣"])
async def test_a_length_that_is_no_number_is_malformed(length: str) -> None:
    """400."""
    with pytest.raises(BadRequest, match="Content-Length: expected a whole number of bytes"):
        await read_body({"content-length": length}, receiving(part(b"")), Limits())


@pytest.mark.parametrize("messages", [[], [part(b"a", True)]])
async def test_a_client_that_dawdles_is_refused(messages: list[dict[str, Any]]) -> None:
    """408, once the body has not arrived in its time."""
    with pytest.raises(RequestTimeout, match=r"^the body did not arrive within 0\.01 s \(limits\.body_timeout\)$"):
        await read_body({}, receiving(*messages), Limits(body_timeout=0.01))


@pytest.mark.parametrize("messages", [[GONE], [part(b"a", True), GONE]])
async def test_a_client_that_leaves_before_its_body_has_come_is_cancelled(messages: list[dict[str, Any]]) -> None:
    """Nobody waits for an answer."""
    with pytest.raises(Cancelled):
        await read_body({}, receiving(*messages), Limits())


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("identity", BODY),
        ("gzip", gzip.compress(BODY, mtime=0)),
        (" GZIP ", gzip.compress(BODY, mtime=0)),
        ("deflate", zlib.compress(BODY)),
    ],
)
def test_a_compressed_body_is_unpacked(encoding: str, body: bytes) -> None:
    """As Content-Encoding says."""
    query = call({"content-encoding": encoding}, body).parse()
    assert query.inputs[0].array.tolist() == [1]


def test_a_body_that_unpacks_to_too_much_is_refused() -> None:
    """A few bytes must not fill the memory."""
    with pytest.raises(BodyTooLarge):
        call({"content-encoding": "gzip"}, gzip.compress(bytes(5000))).parse()


def test_binary_tensors_follow_the_json_part() -> None:
    """Inference-Header-Content-Length says where they begin."""
    head = json.dumps(
        {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "parameters": {"binary_data_size": 4}}]}
    ).encode()
    query = call({"inference-header-content-length": str(len(head))}, head + np.array([7], "<f4").tobytes()).parse()
    assert query.inputs[0].array.tolist() == [7]


@pytest.mark.parametrize(
    ("headers", "sentence"),
    [
        ({"inference-header-content-length": "x"}, "Inference-Header-Content-Length: expected a whole number of bytes"),
        ({"inference-header-content-length": "-1"}, "Inference-Header-Content-Length: expected a whole number"),
        ({"inference-header-content-length": "9999"}, "Inference-Header-Content-Length says 9999 bytes, but the body has"),
        ({"content-encoding": "br"}, 'Content-Encoding: found "br", expected gzip, deflate or identity'),
        ({"content-encoding": "gzip"}, "the body is not valid gzip data"),
        ({"x-request-id": "ü"}, "id: expected at most 128 printable ASCII characters"),
    ],
)  # fmt: skip
def test_malformed_headers_are_refused(headers: dict[str, str], sentence: str) -> None:
    """The message names the header."""
    with pytest.raises(BadRequest, match=re.escape(sentence)):
        call(headers).parse()


@pytest.mark.parametrize(("text", "seconds"), [("1", 1.0), ("0.5", 0.5), ("0", 0.0), ("999999999.999999999", 1e9)])
def test_the_timeout_header_is_in_seconds(text: str, seconds: float) -> None:
    """Whole or not."""
    assert call({"timeout": text}).timeout_s() == pytest.approx(seconds)
    assert call().timeout_s() is None


@pytest.mark.parametrize("text", ["", "soon", "-1", "1s", "inf", "nan", "1e3", "9" * 10, ".5", "٣"])
def test_a_timeout_that_is_no_number_is_malformed(text: str) -> None:
    """400, and not silently ignored."""
    with pytest.raises(BadRequest, match="header timeout: expected seconds"):
        call({"timeout": text}).timeout_s()


def test_an_answer_says_where_it_came_from() -> None:
    """Version and route, the id, and the client's trace, with the body's length."""
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    reply = call({"traceparent": trace}).answer(ANSWER, Query("", []), Route(3, "split"))
    assert reply.status == 200
    assert {name.decode(): value.decode() for name, value in reply.headers} == {
        "content-type": "application/json",
        "x-request-id": "id-1",
        "x-model-version": "3",
        "x-route": "split",
        "traceparent": trace,
        "content-length": str(len(reply.body)),
    }
    assert msgspec.json.decode(reply.body) == {
        "model_name": "scale",
        "model_version": "3",
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [1, 1], "data": [1.5]}],
    }


def test_binary_outputs_follow_the_json_part() -> None:
    """The reply is octets, and its header says where they begin."""
    reply = call().answer(ANSWER, Query("", [], [Wanted("y", binary=True)]), Route(3, "pinned"))
    length = int(header(reply, "inference-header-content-length") or 0)
    assert header(reply, "content-type") == "application/octet-stream"
    assert reply.body[length:] == np.array([1.5], "<f4").tobytes()
    assert msgspec.json.decode(reply.body[:length])["outputs"][0]["parameters"] == {"binary_data_size": 4}


def long_answer() -> Answer:
    """One that is worth packing."""
    return ANSWER._replace(outputs=[Tensor("y", "FP32", np.zeros((1, 1000), np.float32))])


@pytest.mark.parametrize(
    ("accepted", "encoding"), [("gzip", "gzip"), ("deflate", "deflate"), ("br", None), ("gzip;q=0", None), ("", None)]
)
def test_long_answers_are_packed_if_the_client_wants_it(accepted: str, encoding: str | None) -> None:
    """As Accept-Encoding says; what is unpacked is the same."""
    plain = call().answer(long_answer(), Query("", []), Route(3, "stable"))
    reply = call({"accept-encoding": accepted}).answer(long_answer(), Query("", []), Route(3, "stable"))
    assert header(reply, "content-encoding") == encoding
    assert header(reply, "content-length") == str(len(reply.body))
    unpack = {"gzip": gzip.decompress, "deflate": zlib.decompress}.get(encoding or "", lambda body: body)
    assert unpack(reply.body) == plain.body


def test_short_answers_are_not_packed() -> None:
    """It would cost more than it saves."""
    reply = call({"accept-encoding": "gzip"}).answer(ANSWER, Query("", []), Route(3, "stable"))
    assert header(reply, "content-encoding") is None


@pytest.mark.parametrize("trace", ["x" * 513, "a\r\nset-cookie: b", "ü"])
def test_a_trace_that_cannot_be_a_header_is_not_echoed(trace: str) -> None:
    """Too long, or not plain text."""
    assert header(call({"traceparent": trace}).refuse(BadRequest("no"), "r"), "traceparent") is None


def test_a_refusal_is_an_error_in_json() -> None:
    """With the id, and with the time to try again where there is one."""
    reply = refused(Overloaded("full", 7), "r")
    assert (reply.status, json.loads(reply.body)) == (503, {"error": "full"})
    assert (header(reply, "retry-after"), header(reply, "x-request-id")) == ("7", "r")
    assert header(refused(BadRequest("no"), "r"), "retry-after") is None
    assert refused(GatewayError("oh"), "r").status == 500


async def test_the_watch_cancels_the_future_when_the_client_leaves() -> None:
    """Whatever else comes before it."""
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    stop = call(receive=receiving(part(b""), GONE)).watch(future)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(future, 5)
    stop()


async def test_the_watch_can_be_ended() -> None:
    """The future is left alone, and no task remains."""
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    before = asyncio.all_tasks()
    stop = call().watch(future)
    (task,) = asyncio.all_tasks() - before
    stop()
    await asyncio.wait([task])
    assert task.cancelled()
    assert not future.done()
