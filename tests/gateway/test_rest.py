"""Everything on REST but inference."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from gateway.catalogue import Catalogue, Status
from gateway.config import Limits
from gateway.errors import BadRequest, NotFound
from gateway.rest import build, versions_named
from gateway.statistics import Statistics
from tests import onnx_models


class Desk:
    """A control in memory: it notes what it is asked."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.asked: list[tuple[str, str, list[int] | None]] = []
        self.callers: list[str] = []
        self.raises: Exception | None = None

    async def load(self, model: str, versions: list[int] | None, who: str) -> None:
        """See Control."""
        if self.raises:
            raise self.raises
        self.asked.append(("load", model, versions))
        self.callers.append(who)

    async def unload(self, model: str, versions: list[int] | None, who: str) -> None:
        """See Control."""
        if self.raises:
            raise self.raises
        self.asked.append(("unload", model, versions))
        self.callers.append(who)

    async def statistics(self, model: str | None) -> dict[tuple[str, int], dict[str, Any]]:
        """See Control."""
        return {
            (name, number): Statistics().triton(name, number)
            for name, held in self.catalogue.entries().items()
            for number in held
            if model in (None, name)
        }

    async def status(self) -> dict[str, Any]:
        """See Control."""
        return {"revision": 1, "replicas": [], "models": []}


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """scale/1 and scale/2 are ready, scale/3 is loading, lookup/1 is broken."""
    folder = tmp_path_factory.mktemp("rest")
    catalogue = Catalogue()
    for number in (1, 2):
        catalogue.put(onnx_models.version(folder, "scale", number, onnx_models.scale()))
    catalogue.declare("scale", 3, Status("LOADING"))
    catalogue.declare("lookup", 1, Status("UNAVAILABLE", "lookup/1: broken"))
    return catalogue


@pytest.fixture
def desk(catalogue: Catalogue) -> Desk:
    """A control."""
    return Desk(catalogue)


@pytest.fixture
async def client(catalogue: Catalogue, desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application."""
    transport = httpx.ASGITransport(build(catalogue, desk, Limits(max_body=1000)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


SIGNATURE = {
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}],
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 2]}],
}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        ("/v2/models/scale/ready", {"name": "scale", "ready": True}),
        ("/v2/models/scale/versions/1/ready", {"name": "scale", "ready": True}),
        ("/v2/models/scale", {"name": "scale", "versions": ["1", "2"], "platform": "onnxruntime_onnx", **SIGNATURE}),
        ("/gateway/status", {"revision": 1, "replicas": [], "models": []}),
    ],
)
async def test_what_is_there_is_told(client: httpx.AsyncClient, path: str, body: Any) -> None:
    """In the words of the protocol."""
    response = await client.get(path)
    assert (response.status_code, response.json()) == (200, body)


async def test_the_server_names_itself_and_its_extensions(client: httpx.AsyncClient) -> None:
    """Name, version, extensions."""
    found = (await client.get("/v2")).json()
    assert found["name"] == "driftgate"
    assert "binary_tensor_data" in found["extensions"]
    assert set(found) == {"name", "version", "extensions"}


@pytest.mark.parametrize("tail", ["", "/ready", "/config", "/stats"])
@pytest.mark.parametrize(
    ("head", "status", "sentence"),
    [
        ("/v2/models/delays", 404, 'no model "delays"'),
        ("/v2/models/scale/versions/9", 404, "scale has no version 9; it has 1, 2, 3"),
        ("/v2/models/scale/versions/two", 404, 'scale has no version "two"; versions are whole numbers'),
        ("/v2/models/scale/versions/3", 503, "scale/3 is not ready: loading"),
        ("/v2/models/lookup", 503, "lookup: no version is ready: 1: lookup/1: broken"),
    ],
)
async def test_what_is_not_there_is_refused(
    client: httpx.AsyncClient, head: str, tail: str, status: int, sentence: str
) -> None:
    """404 for what the repository lacks, 503 for what is not ready; on every path alike."""
    response = await client.get(head + tail, headers={"x-request-id": "r-1"})
    assert (response.status_code, response.json()) == (status, {"error": sentence})
    assert response.headers["x-request-id"] == "r-1"
    assert ("retry-after" in response.headers) == (status == 503)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v3", 404), ("GET", "/", 404), ("DELETE", "/v2", 405), ("GET", "/v2/repository/index", 405)],
)
async def test_other_paths_and_methods_are_refused_in_json_too(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    """`{"error": …}`, whatever is wrong."""
    response = await client.request(method, path)
    assert response.status_code == status
    assert path in response.json()["error"]


@pytest.mark.parametrize("path", ["/v2/models/stats", "/v2/models/scale/stats", "/v2/models/scale/versions/2/stats"])
async def test_statistics_are_of_all_of_a_model_or_of_a_version(client: httpx.AsyncClient, path: str) -> None:
    """As far as the path names them."""
    found = [(entry["name"], entry["version"]) for entry in (await client.get(path)).json()["model_stats"]]
    assert (
        found
        == {
            "/v2/models/stats": [("scale", "1"), ("scale", "2"), ("scale", "3"), ("lookup", "1")],
            "/v2/models/scale/stats": [("scale", "1"), ("scale", "2"), ("scale", "3")],
            "/v2/models/scale/versions/2/stats": [("scale", "2")],
        }[path]
    )


@pytest.mark.parametrize(
    ("content", "versions"),
    [(b"", ["1", "2", "3", "1"]), (b"{}", ["1", "2", "3", "1"]), (b'{"ready": true}', ["1", "2"])],
)
async def test_the_index_lists_versions_with_their_state(
    client: httpx.AsyncClient, content: bytes, versions: list[str]
) -> None:
    """All of them, or those that are ready."""
    found = (await client.post("/v2/repository/index", content=content)).json()
    assert [entry["version"] for entry in found] == versions
    assert {"name": "scale", "version": "1", "state": "READY", "reason": ""} in found


@pytest.mark.parametrize("verb", ["load", "unload"])
@pytest.mark.parametrize(
    ("body", "versions"),
    [(None, None), ({}, None), ({"parameters": {}}, None), ({"parameters": {"version": "2"}}, [2])],
)
async def test_models_are_loaded_and_unloaded(
    client: httpx.AsyncClient, desk: Desk, verb: str, body: Any, versions: list[int] | None
) -> None:
    """All versions, or the one that is named."""
    content = b"" if body is None else json.dumps(body).encode()
    response = await client.post(
        f"/v2/repository/models/scale/{verb}", content=content, headers={"x-driftgate-user": "ann"}
    )
    assert (response.status_code, response.json()) == (200, {})
    assert (desk.asked, desk.callers) == ([(verb, "scale", versions)], ["ann"])


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'{"parameters": 3}', 400),
        (b'{"parameters": {"version": "two"}}', 400),
        (b'{"parameters": {"version": true}}', 400),
        (b'{"parameters": {"config": "{}"}}', 400),
        (b"[" * 999, 400),
        (bytes(1001), 413),
    ],
)
async def test_a_malformed_load_is_refused(client: httpx.AsyncClient, desk: Desk, content: bytes, status: int) -> None:
    """And control is not asked."""
    response = await client.post("/v2/repository/models/scale/load", content=content)
    assert (response.status_code, list(response.json()), desk.asked) == (status, ["error"], [])


@pytest.mark.parametrize("verb", ["load", "unload"])
async def test_what_control_refuses_is_passed_on(client: httpx.AsyncClient, desk: Desk, verb: str) -> None:
    """With its status and its sentence."""
    desk.raises = NotFound('no model "scale"')
    response = await client.post(f"/v2/repository/models/scale/{verb}")
    assert (response.status_code, response.json()) == (404, {"error": 'no model "scale"'})


async def test_what_is_not_foreseen_is_an_error_in_json(client: httpx.AsyncClient, desk: Desk) -> None:
    """No stack trace reaches the client."""
    desk.raises = KeyError("secret")
    response = await client.post("/v2/repository/models/scale/load")
    assert (response.status_code, response.json()) == (500, {"error": "internal error; the gateway's log says more"})


@pytest.mark.parametrize(
    ("parameters", "versions"),
    [({}, None), ({"unload_dependents": True}, None), ({"version": 2}, [2]), ({"version": "002"}, [2])],
)
def test_the_parameter_version_names_one(parameters: dict[str, Any], versions: list[int] | None) -> None:
    """As a string or as a number."""
    assert versions_named(parameters) == versions


@pytest.mark.parametrize("version", ["", "two", "-1", 1.5, True, "٣", "9" * 19, [1]])
def test_a_version_that_is_no_number_is_malformed(version: Any) -> None:
    """400."""
    with pytest.raises(BadRequest, match="parameter version: expected a whole number"):
        versions_named({"version": version})


@pytest.mark.parametrize("what", ["load", "unload"])
@pytest.mark.parametrize(
    ("origin", "status"), [("http://gateway", 200), ("https://elsewhere.example", 403), ("null", 403), (None, 200)]
)
async def test_a_page_of_another_site_changes_nothing(
    client: httpx.AsyncClient, desk: Desk, what: str, origin: str | None, status: int
) -> None:
    """A browser says whose page sends a request; a gateway on loopback is within reach of every page."""
    headers = {} if origin is None else {"origin": origin}
    response = await client.post(f"/v2/repository/models/scale/{what}", headers=headers)
    assert response.status_code == status
    if status == 403:
        assert "may not change what gateway serves" in response.json()["error"]
