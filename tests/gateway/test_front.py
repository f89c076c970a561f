"""The ASGI application of one replica."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.admission import Admission
from gateway.catalogue import Catalogue
from gateway.config import Limits
from gateway.errors import Cancelled
from gateway.front import Front
from gateway.inference import Receive, Scope, Send
from gateway.journey import Exchange, Plane, trust_everyone
from gateway.version import Version
from tests import onnx_models

X = {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}
PATH = "/v2/models/scale/infer"


class Elsewhere:
    """What stands behind the front: it says so, or raises after it has answered, as Starlette does."""

    raises: Exception | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await send({"type": "lifespan.startup.complete"})
            return
        status = 500 if self.raises else 299
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"elsewhere"})
        if self.raises:
            raise self.raises


class Replica:
    """A front with scale/1, and what it recorded."""

    def __init__(self, folder: Path) -> None:
        self.catalogue = Catalogue()
        self.catalogue.put(onnx_models.version(folder, "scale", 1, onnx_models.scale()))
        self.recorded: list[Exchange] = []
        self.limits = Limits(max_body=4096, body_timeout=0.05)
        self.admission = Admission(self.limits.max_in_flight)
        plane = Plane(self.catalogue, self.admission, self.limits, trust_everyone, self.recorded.append)
        self.elsewhere = Elsewhere()
        self.front = Front(plane, self.elsewhere)

    async def raw(self, *messages: dict[str, Any], path: str = PATH, **scope: Any) -> list[dict[str, Any]]:
        """Calls the application as uvicorn does; gives what it sent."""
        left, sent = list(messages), []

        async def receive() -> dict[str, Any]:
            if not left:
                await asyncio.Event().wait()
            return left.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        await asyncio.wait_for(
            self.front({"type": "http", "method": "POST", "path": path, "headers": [], **scope}, receive, send), 10
        )
        return sent


@pytest.fixture
def replica(tmp_path: Path) -> Replica:
    """A replica."""
    return Replica(tmp_path)


@pytest.fixture
async def client(replica: Replica) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the replica."""
    transport = httpx.ASGITransport(replica.front)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


async def test_inference_is_answered_on_the_spot(client: httpx.AsyncClient, replica: Replica) -> None:
    """And recorded; the id of the header is the answer's."""
    response = await client.post(PATH, json={"inputs": [X]}, headers={"x-request-id": "r-1"})
    assert response.status_code == 200
    assert response.json()["outputs"][0]["data"] == [2, 4]
    assert (response.headers["x-route"], response.headers["x-model-version"]) == ("stable", "1")
    assert response.headers["x-request-id"] == "r-1"
    (exchange,) = replica.recorded
    assert (exchange.request_id, exchange.refusal, replica.admission.in_flight) == ("r-1", None, 0)


async def test_a_pinned_version_is_answered_by_its_path(client: httpx.AsyncClient) -> None:
    """The route says so."""
    response = await client.post("/v2/models/scale/versions/1/infer", json={"id": "b-1", "inputs": [X]})
    assert (response.headers["x-route"], response.json()["id"], response.headers["x-request-id"]) == (
        "pinned",
        "b-1",
        "b-1",
    )


@pytest.mark.parametrize(
    ("method", "path", "content", "headers", "status"),
    [
        ("GET", PATH, b"", {}, 405),
        ("POST", PATH, b"{", {}, 400),
        ("POST", PATH, b"{}", {}, 400),
        ("POST", PATH, b"", {"timeout": "soon"}, 400),
        ("POST", PATH, bytes(5000), {}, 413),
        ("POST", "/v2/models/delays/infer", b'{"inputs":[]}', {}, 404),
        ("POST", "/v2/models/scale/versions/2/infer", b'{"inputs":[]}', {}, 404),
        ("POST", "/v2/models/scale/versions/two/infer", b'{"inputs":[]}', {}, 404),
        ("POST", PATH, json.dumps({"inputs": [X]}).encode(), {"timeout": "0"}, 504),
    ],
)
async def test_every_refusal_is_a_sentence_in_json(
    client: httpx.AsyncClient, method: str, path: str, content: bytes, headers: dict[str, str], status: int
) -> None:
    """With an id, the client's own where it gave one."""
    response = await client.request(method, path, content=content, headers={**headers, "x-request-id": "r-2"})
    assert response.status_code == status
    assert list(response.json()) == ["error"]
    assert response.json()["error"]
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-request-id"] == "r-2"
    assert response.headers["content-length"] == str(len(response.content))


async def test_a_refusal_without_an_id_gets_one(client: httpx.AsyncClient) -> None:
    """So that it can be asked about."""
    response = await client.get(PATH, headers={"x-request-id": "\t"})
    assert len(response.headers["x-request-id"]) == 36


async def test_everything_else_is_answered_elsewhere(client: httpx.AsyncClient, replica: Replica) -> None:
    """The front passes it on, unread and unrecorded."""
    response = await client.get("/v2/health/live")
    assert (response.status_code, response.text) == (299, "elsewhere")
    assert replica.recorded == []


async def test_what_is_not_http_is_passed_on(replica: Replica) -> None:
    """Lifespan, say."""
    assert await replica.raw(type="lifespan") == [{"type": "lifespan.startup.complete"}]


async def test_what_fails_elsewhere_is_not_answered_twice(replica: Replica, caplog: pytest.LogCaptureFixture) -> None:
    """Starlette answers 500, then raises; the log has it, and the connection sees one answer."""
    replica.elsewhere.raises = KeyError("secret")
    sent = await replica.raw(path="/v2/health/live")
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert "KeyError: 'secret'" in caplog.text


@pytest.mark.parametrize(
    ("messages", "status"),
    [
        ([{"type": "http.request", "body": b"{", "more_body": True}], 408),
        ([{"type": "http.request", "body": bytes(5000), "more_body": True}], 413),
    ],
)
async def test_a_connection_whose_body_was_not_read_is_closed(
    replica: Replica, messages: list[dict[str, Any]], status: int
) -> None:
    """What is left of the body must not be taken for the next request."""
    start, _ = await replica.raw(*messages)
    assert start["status"] == status
    assert (b"connection", b"close") in start["headers"]


async def test_nobody_is_answered_who_left_before_sending(replica: Replica) -> None:
    """There is no one to answer."""
    assert await replica.raw({"type": "http.disconnect"}) == []
    assert replica.admission.in_flight == 0


async def test_a_client_that_leaves_while_its_request_runs_is_recorded(replica: Replica) -> None:
    """The run's future is cancelled by the watch; the exchange says Cancelled."""
    old = replica.catalogue.route("scale", 1, 0)[2]

    class Waiting:
        async def run(self, rows: Any, count: int, names: Any, deadline: Any, watch: Any) -> Any:
            future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            stop = watch(future)
            try:
                return await future
            except asyncio.CancelledError:
                raise Cancelled("the client closed its connection") from None
            finally:
                stop()

    replica.catalogue.put(Version(old.manifest, old.signature, old.stamp, Waiting()))
    body = json.dumps({"inputs": [X]}).encode()
    await replica.raw({"type": "http.request", "body": body}, {"type": "http.disconnect"})
    (exchange,) = replica.recorded
    assert isinstance(exchange.refusal, Cancelled)
    assert replica.admission.in_flight == 0


async def test_paths_that_clients_make_up_do_not_fill_the_memory(replica: Replica) -> None:
    """Only so many are remembered, and none that is long; what was forgotten works all the same."""
    body = {"type": "http.request", "body": b"{}"}
    for number in range(5000):
        await replica.raw(path=f"/v2/{number}")
    await replica.raw(body, path=f"/v2/models/{'x' * 5000}/infer")
    assert len(replica.front._targets) <= 4096
    assert max(map(len, replica.front._targets)) <= 256
    start, _ = await replica.raw({"type": "http.request", "body": json.dumps({"inputs": [X]}).encode()})
    assert start["status"] == 200
