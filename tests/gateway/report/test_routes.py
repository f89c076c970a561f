"""Reports and cards on REST."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import pytest

from gateway.catalogue import Catalogue
from gateway.config import Config, read_config
from gateway.report.child import turn
from gateway.report.content import Report
from gateway.report.routes import report_routes
from gateway.rest import Control, build
from tests.running import MODELS


class Flushed:
    """A store to which nothing is added. calls: how often it was asked to be complete."""

    calls = 0

    async def flush(self) -> None:
        """It is."""
        self.calls += 1


def application(config: Config, flushed: Flushed) -> httpx.AsyncClient:
    """A client of these routes."""
    control: Control = None  # type: ignore[assignment] # nobody asks it here
    routes = report_routes(flushed, config)
    transport = httpx.ASGITransport(build(Catalogue(), control, config.limits, *routes), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=120)


@pytest.fixture
def flushed() -> Flushed:
    """Says how often it was asked."""
    return Flushed()


@pytest.fixture
async def client(config: Config, flushed: Flushed) -> AsyncIterator[httpx.AsyncClient]:
    """For the four weeks of flights."""
    async with application(config, flushed) as client:
        yield client


PATH = "/gateway/models/flights/report"
SHORT = {"from": "2013-04-01", "to": "2013-04-02T00:00:00Z"}


async def test_a_report_is_a_page(client: httpx.AsyncClient, flushed: Flushed) -> None:
    """Of all that was answered up to the call; whatever stood in it, a browser would run nothing."""
    response = await client.get(PATH, params=SHORT)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-security-policy"].startswith("default-src 'none'")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.text.startswith("<!DOCTYPE html>")
    assert flushed.calls == 1


async def test_a_report_is_json_where_that_is_asked_for(client: httpx.AsyncClient) -> None:
    """The same as on the command line."""
    response = await client.get(PATH, params={**SHORT, "format": "json", "version": "2"})
    found = msgspec.json.decode(response.content, type=Report)
    assert (response.headers["content-type"], found.versions) == ("application/json", [2])
    assert found.period.begin == "2013-04-01T00:00:00.000000+00:00"


async def test_one_report_at_a_time(client: httpx.AsyncClient, config: Config) -> None:
    """Whoever comes meanwhile is told when to come again."""
    with turn(config.data):
        response = await client.get(PATH, params=SHORT)
    assert (response.status_code, response.headers["retry-after"]) == (503, "15")
    assert "another report is being made" in response.json()["error"]


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ({"from": "soon"}, 400, 'from: expected a time such as 2026-11-23, found "soon"'),
        ({"from": "2013-04-02", "to": "2013-04-01"}, 400, "from: must be before to"),
        ({"format": "pdf"}, 400, 'format: expected html or json, found "pdf"'),
        ({"version": "-1"}, 400, 'version: expected a whole number, found "-1"'),
        ({"from": "2014-01-01"}, 404, "flights: nothing came from 2014-01-01"),
        ({"version": "9"}, 404, "nothing is recorded of version 9 of flights; there are 1, 2"),
    ],
)
async def test_what_cannot_be_told_is_a_sentence(
    client: httpx.AsyncClient, query: dict[str, str], status: int, sentence: str
) -> None:
    """With the status that fits."""
    response = await client.get(PATH, params=query)
    assert response.status_code == status
    assert sentence in response.json()["error"]


async def test_what_fails_is_no_secret_of_the_server(tmp_path: Path, flushed: Flushed) -> None:
    """Where nothing was ever recorded, the path of the store stays in the log."""
    (tmp_path / "gateway.yaml").write_text(f"repository: {MODELS}\ndata: var\n")
    async with application(read_config(tmp_path / "gateway.yaml"), flushed) as client:
        response = await client.get(PATH)
    assert response.status_code == 503
    assert str(tmp_path) not in response.text


@pytest.mark.parametrize(("query", "version"), [({}, 2), ({"version": "1"}, 1)])
async def test_a_card_comes_with_its_manifest(client: httpx.AsyncClient, query: dict[str, str], version: int) -> None:
    """Of the newest version, or of the one that is named."""
    found = (await client.get("/gateway/models/flights/card", params=query)).json()
    assert (found["model"], found["version"]) == ("flights", version)
    assert found["card"].startswith(f"# flights/{version}\n")
    assert (found["manifest"]["task"], found["manifest"]["groups"]) == ("binary", ["origin"])


@pytest.mark.parametrize(
    ("path", "query", "status", "sentence"),
    [
        ("nobody", {}, 404, 'no model "nobody"'),
        ("..", {}, 404, "no such path"),
        ("%2e%2e", {}, 404, "no"),
        ("flights", {"version": "9"}, 404, "no version 9 of flights; there are 1, 2"),
        ("flights", {"version": "one"}, 400, 'found "one"'),
    ],
)
async def test_a_card_that_is_not_there(
    client: httpx.AsyncClient, path: str, query: dict[str, str], status: int, sentence: str
) -> None:
    """Is told with what is."""
    response = await client.get(f"/gateway/models/{path}/card", params=query)
    assert response.status_code == status
    assert sentence in response.json()["error"]


async def test_a_version_that_says_nothing_of_itself(tmp_path: Path, flushed: Flushed) -> None:
    """As a Triton repository has it: neither card nor manifest."""
    (tmp_path / "models" / "bare" / "1").mkdir(parents=True)
    (tmp_path / "gateway.yaml").write_text("repository: models\n")
    async with application(read_config(tmp_path / "gateway.yaml"), flushed) as client:
        found = (await client.get("/gateway/models/bare/card")).json()
    assert found == {"model": "bare", "version": 1, "card": None, "manifest": None}
