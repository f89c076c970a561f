"""The configuration and rollouts on REST."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from gateway.catalogue import Catalogue
from gateway.config import Limits
from gateway.errors import BadRequest, ConfigError, GatewayError, NotFound, RepositoryError
from gateway.management import MAX_CONFIG, Verb, management_routes, told
from gateway.rest import build
from gateway.rollout.machine import Event
from tests.gateway.test_rest import Desk


class Helm:
    """A steering in memory: it notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.raises: Exception | None = None

    def note(self, *asked: Any) -> None:
        """What it was asked; refused if it is to be."""
        if self.raises:
            raise self.raises
        self.asked.append(asked)

    async def config(self) -> dict[str, Any]:
        """See Steering."""
        self.note("config")
        return {"revision": 3, "config": {"models": {"flights": {"traffic": {1: 90}}}}}

    async def plan(self, text: str) -> dict[str, Any]:
        """See Steering."""
        self.note("plan", text)
        return {"changes": ["flights: shadow 3 is added"], "diff": "+"}

    async def apply(self, text: str, who: str) -> dict[str, Any]:
        """See Steering."""
        self.note("apply", text, who)
        return {"revision": 4, "changes": [], "changed": False}

    async def command(self, model: str, what: Verb, who: str, why: str) -> dict[str, Any]:
        """See Steering."""
        self.note(what, model, who, why)
        return {"model": model, "state": "paused at 10 %"}

    async def rollouts(self) -> list[dict[str, Any]]:
        """See Steering."""
        self.note("rollouts")
        return [{"model": "flights", "verdicts": [{"interval": (-math.inf, 0.5), "value": math.nan}]}]

    async def history(self, model: str | None, limit: int) -> list[dict[str, Any]]:
        """See Steering."""
        self.note("history", model, limit)
        return [told(Event(10**18 + 1500, "flights", "ann", "pause", "a", "b", "why"))]


@pytest.fixture
def helm() -> Helm:
    """A steering."""
    return Helm()


@pytest.fixture
async def client(helm: Helm) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application."""
    catalogue, limits = Catalogue(), Limits()
    application = build(catalogue, Desk(catalogue), limits, *management_routes(helm, limits))
    transport = httpx.ASGITransport(application, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


async def test_what_is_in_force_is_told(client: httpx.AsyncClient) -> None:
    """The configuration with its revision."""
    response = await client.get("/gateway/config")
    assert response.json() == {"revision": 3, "config": {"models": {"flights": {"traffic": {"1": 90}}}}}


async def test_an_edit_is_planned_and_applied(client: httpx.AsyncClient, helm: Helm) -> None:
    """As it was sent; applying says who did it."""
    text = "models: {flights: {}} # für alle"
    planned = await client.post("/gateway/plan", content=text)
    applied = await client.put("/gateway/config", content=text, headers={"x-driftgate-user": "ann"})
    assert (planned.status_code, planned.json()) == (200, {"changes": ["flights: shadow 3 is added"], "diff": "+"})
    assert (applied.status_code, applied.json()) == (200, {"revision": 4, "changes": [], "changed": False})
    assert helm.asked == [("plan", text), ("apply", text, "ann")]


@pytest.mark.parametrize("verb", ["pause", "resume", "promote", "abort", "approve"])
@pytest.mark.parametrize(("body", "why"), [(b"", ""), (b"{}", ""), (b'{"why": " too\\u001b slow\\n"}', "too slow")])
async def test_a_rollout_is_commanded(client: httpx.AsyncClient, helm: Helm, verb: str, body: bytes, why: str) -> None:
    """With a reason, if there is one."""
    response = await client.post(f"/gateway/models/flights/rollout/{verb}", content=body)
    assert (response.status_code, response.json()) == (200, {"model": "flights", "state": "paused at 10 %"})
    assert helm.asked == [(verb, "flights", "api", why)]


@pytest.mark.parametrize(
    ("header", "who"),
    [
        (None, "api"),
        (b"", "api"),
        (b"  ", "api"),
        (b"ann", "ann"),
        (b"a\x1bn\x7fn", "ann"),
        (b"x" * 99, "x" * 64),
        ("jürgen".encode("latin-1"), "jürgen"),
    ],
)
async def test_who_asks_is_a_short_plain_name(
    client: httpx.AsyncClient, helm: Helm, header: bytes | None, who: str
) -> None:
    """It ends up on somebody's terminal."""
    headers = [] if header is None else [(b"x-driftgate-user", header)]
    await client.put("/gateway/config", content=b"models: {}", headers=headers)
    assert helm.asked == [("apply", "models: {}", who)]


async def test_what_has_no_number_is_null(client: httpx.AsyncClient) -> None:
    """An open end of an interval, for JSON knows no infinity."""
    found = (await client.get("/gateway/rollouts")).json()
    assert found == {"rollouts": [{"model": "flights", "verdicts": [{"interval": [None, 0.5], "value": None}]}]}


@pytest.mark.parametrize(
    ("query", "asked"), [("", (None, 100)), ("?model=flights&limit=7", ("flights", 7)), ("?limit=10000", (None, 10000))]
)
async def test_the_history_is_told(client: httpx.AsyncClient, helm: Helm, query: str, asked: tuple[Any, ...]) -> None:
    """Of one model or of all; the newest, as many as are wanted."""
    response = await client.get(f"/gateway/history{query}")
    (event,) = response.json()["events"]
    assert helm.asked == [("history", *asked)]
    assert event == {
        "time": "2001-09-09T01:46:40.000001+00:00",
        "model": "flights",
        "who": "ann",
        "what": "pause",
        "before": "a",
        "after": "b",
        "why": "why",
    }


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "sentence"),
    [
        ("PUT", "config", b"", 400, "the body is empty"),
        ("POST", "plan", b" \n", 400, "the body is empty"),
        ("POST", "plan", b"models: \xff", 400, "the body is not UTF-8: byte 8"),
        ("PUT", "config", bytes(MAX_CONFIG + 1), 413, "the body has 262145 bytes, the limit is 262144"),
        ("POST", "models/m/rollout/restart", b"", 404, 'a rollout has no command "restart"; it has pause, resume'),
        ("POST", "models/m/rollout/pause", b"{", 400, "the body: "),
        ("POST", "models/m/rollout/pause", b'{"who": "ann"}', 400, "the body: Object contains unknown field `who`"),
        ("POST", "models/m/rollout/pause", b'{"why": 3}', 400, "the body: Expected `str`"),
        ("POST", "models/m/rollout/pause", b'{"why": "%s"}' % (b"x" * 501), 400, "why: 501 characters, at most 500"),
        ("GET", "history?limit=0", b"", 400, 'limit: expected a number of changes from 1 to 10,000, found "0"'),
        ("GET", "history?limit=99999", b"", 400, "limit: expected"),
        ("GET", "history?limit=few", b"", 400, "limit: expected"),
        ("DELETE", "config", b"", 405, "DELETE is not offered at /gateway/config"),
        ("GET", "plan", b"", 405, "GET is not offered at /gateway/plan"),
    ],
)
async def test_bad_input_is_refused_with_a_sentence(
    client: httpx.AsyncClient, helm: Helm, method: str, path: str, body: bytes, status: int, sentence: str
) -> None:
    """And nobody is asked."""
    response = await client.request(method, f"/gateway/{path}", content=body)
    assert (response.status_code, helm.asked) == (status, [])
    assert response.json()["error"].startswith(sentence)


@pytest.mark.parametrize(
    ("problem", "status", "sentence"),
    [
        (ConfigError("a: wrong\nb: wrong"), 400, "a: wrong\nb: wrong"),
        (RepositoryError("no such folder"), 400, "no such folder"),
        (BadRequest("it has ended"), 400, "it has ended"),
        (NotFound("flights has no rollout"), 404, "flights has no rollout"),
        (GatewayError("broken"), 500, "broken"),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("PUT", "config"), ("POST", "plan")])
async def test_what_is_refused_is_passed_on(
    client: httpx.AsyncClient, helm: Helm, problem: Exception, status: int, sentence: str, method: str, path: str
) -> None:
    """What is wrong with the configuration is the caller's to mend: 400."""
    helm.raises = problem
    response = await client.request(method, f"/gateway/{path}", content=b"models: {}")
    assert (response.status_code, response.json()) == (status, {"error": sentence})


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "config"), ("POST", "plan"), ("POST", "models/flights/rollout/promote")]
)
@pytest.mark.parametrize(("origin", "status"), [("http://gateway", 200), ("https://elsewhere.example", 403)])
async def test_a_page_of_another_site_changes_nothing(
    client: httpx.AsyncClient, helm: Helm, method: str, path: str, origin: str, status: int
) -> None:
    """A gateway on loopback is within reach of every page."""
    content = b"{}" if "rollout" in path else b"models: {}"
    response = await client.request(method, f"/gateway/{path}", content=content, headers={"origin": origin})
    assert (response.status_code, bool(helm.asked)) == (status, status == 200)
