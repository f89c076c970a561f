"""Discovery and traffic, as those who ask for them read them."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import httpx
import pytest
from starlette.applications import Starlette

from gateway.config import Limits, Listen
from gateway.errors import BadRequest
from gateway.journal import columns
from gateway.observer.histogram import BUCKETS
from gateway.observer.ledger import Ledger
from gateway.observer.neighbours import Neighbour, answering, neighbours
from gateway.observer.routes import Questions, discovered, observer_routes
from gateway.observer.traffic import Traffic, traffic
from gateway.ports import free_port
from tests.gateway.journal.conftest import LAYOUT, answered, refused

LISTEN = Listen(host="0.0.0.0", http=8001)


class Answering:
    """In the observer's place: it has seen one answer of two rows and a refusal."""

    async def neighbours(self) -> list[Neighbour]:
        """Both are there."""
        return [Neighbour("ray", None, 44461), Neighbour("haproxy", "127.0.0.1", 23097)]

    async def traffic(self) -> Traffic:
        """Counted as the observer does."""
        ledger = Ledger(lambda model: True)
        for found in columns.answers([(LAYOUT, answered(rows=2))]):
            ledger.answers(found)
        ledger.refusals(columns.refusals([refused()]))
        return traffic(ledger, 1_800_000_000.5)


async def get(path: str, host: str = "127.0.0.1:8001", status: int = 200) -> Any:
    """The JSON that a GET is answered with."""
    routes = observer_routes(cast(Questions, Answering()), Limits(), LISTEN)
    transport = httpx.ASGITransport(app=Starlette(routes=routes))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        answer = await client.get(path, headers={"host": host})
    assert answer.status_code == status
    return answer.json()


async def test_traffic_has_the_counts_of_each_version() -> None:
    """Since the beginning, with durations in buckets whose bounds stand beside; without a version where none was chosen."""
    found = await get("/gateway/traffic")
    assert found["time"] == 1_800_000_000.5
    refusals, answers = found["models"]
    assert (refusals["model"], refusals["version"], refusals["outcomes"]) == ("scale", None, {"overloaded": 1})
    assert (answers["model"], answers["version"], answers["role"]) == ("scale", 1, "primary")
    assert (answers["outcomes"], answers["routes"], answers["rows"]) == ({"ok": 1}, {"stable": 1}, 2)
    assert answers["bounds"] == list(BUCKETS)
    for part in ("total", "compute", "queue"):
        assert len(answers[part]) == len(BUCKETS) + 1
        assert sum(answers[part]) == 1


async def test_prometheus_finds_the_gateway_where_it_asked_for_it() -> None:
    """One target, whichever replica answers; the job is the one that rules and dashboards name."""
    found = await get("/gateway/sd", "gateway.internal:8000")
    assert found == [{"targets": ["gateway.internal:8000"], "labels": {"job": "driftgate"}}]


@pytest.mark.parametrize(
    ("include", "targets"),
    [
        ("", ["gateway:8000"]),
        ("ray", ["gateway:8000", "gateway:44461"]),
        ("haproxy", ["gateway:8000", "127.0.0.1:23097"]),  # it listens there only
        ("haproxy,ray", ["gateway:8000", "gateway:44461", "127.0.0.1:23097"]),
    ],
)
async def test_others_are_listed_for_those_who_ask_for_them(include: str, targets: list[str]) -> None:
    """Under jobs of their own: a gateway is one target, unless somebody wants to see what is beneath."""
    found = await get(f"/gateway/sd?include={include}", "gateway:8000")
    assert [target for each in found for target in each["targets"]] == targets
    assert len({each["labels"]["job"] for each in found}) == len(targets)


async def test_others_that_there_are_not_are_refused() -> None:
    """With the names of those that there are."""
    with pytest.raises(BadRequest, match='include: expected ray, haproxy, or both with a comma, found "envoy"'):
        await get("/gateway/sd?include=envoy")


async def test_only_those_that_answer_are_listed() -> None:
    """HAProxy where it was told to give metrics, Ray where it has an agent; a port that nobody listens on is left out."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    environ = {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_HAPROXY_METRICS_ENABLED": "1",
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(port),
    }
    assert neighbours(None, {**environ, "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0"}) == []
    both = neighbours(free_port(), environ)
    assert [each.job for each in both] == ["ray", "haproxy"]
    assert await answering(both) == [Neighbour("haproxy", "127.0.0.1", port)]
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("gateway:8000", "gateway:8000"),
        ("gateway", "gateway:80"),
        ("[::1]:8000", "[::1]:8000"),
        ("10.0.0.7:8000", "10.0.0.7:8000"),
        ("", "0.0.0.0:8001"),
        ("a b", "0.0.0.0:8001"),
        ("user@evil.example:80", "0.0.0.0:8001"),
        ("evil.example/metrics?", "0.0.0.0:8001"),
        ("x" * 300, "0.0.0.0:8001"),
    ],
)
def test_a_target_is_an_address_and_nothing_else(host: str, target: str) -> None:
    """Where the header holds none, it is the one that the configuration listens on."""
    assert discovered(host, LISTEN)[0]["targets"] == [target]
