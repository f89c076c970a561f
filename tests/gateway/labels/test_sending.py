"""Labels on their way: sent again while the gateway cannot take them, and only then."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from gateway.errors import BadRequest, SetupError
from gateway.labels.sending import LONGEST_WAIT_S, TRIES, Outgoing, Receipt, post
from gateway.ports import free_port

DONE = JSONResponse({"accepted": 1, "duplicate": 0, "corrected": 0})


def busy(after: str | None = None, status: int = 503) -> Response:
    """An answer that asks to come back."""
    return JSONResponse({"error": "busy"}, status, {"retry-after": after} if after else None)


async def send(*answers: Response, url: str = "http://gateway/labels") -> tuple[Receipt, list[float]]:
    """Posts to a server that answers so, one after the other; gives the waits between the tries."""
    left: Iterator[Response] = iter(answers)
    waits: list[float] = []

    async def labels(request: Request) -> Response:
        assert await request.json() == {"labels": [{"id": "a", "label": 1}]}
        return next(left)

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    transport = httpx.ASGITransport(Starlette(routes=[Route("/labels", labels, methods=["POST"])]))
    async with httpx.AsyncClient(transport=transport if answers else None, trust_env=False) as client:
        return await post(client, url, [Outgoing("a", 1)], sleep), waits


async def test_what_is_taken_at_once_is_sent_once() -> None:
    """Without what a label does not say."""
    assert await send(DONE) == (Receipt(1, 0, 0), [])


@pytest.mark.parametrize(
    ("after", "wait"), [("3", 3.0), ("0", 0.0), ("99999", LONGEST_WAIT_S), ("soon", 0.25), ("-1", 0.25), (None, 0.25)]
)
@pytest.mark.parametrize("status", [429, 503])
async def test_a_gateway_that_is_busy_is_asked_again(status: int, after: str | None, wait: float) -> None:
    """When it says, within bounds."""
    assert await send(busy(after, status), DONE) == (Receipt(1, 0, 0), [wait])


async def test_tries_are_bounded() -> None:
    """The waits grow; the last refusal is told."""
    with pytest.raises(SetupError, match=r"^the gateway took no labels in 8 tries; the last: 503 busy$"):
        await send(*[busy()] * TRIES)


async def test_a_gateway_that_is_away_is_asked_again() -> None:
    """As one that is busy."""
    with pytest.raises(SetupError, match=r"^the gateway took no labels in 8 tries; the last: ConnectError$"):
        await send(url=f"http://127.0.0.1:{free_port()}/labels")


async def test_labels_that_are_refused_are_not_sent_again() -> None:
    """The gateway's sentence says why."""
    with pytest.raises(BadRequest, match=r"^the gateway answers 400: labels: too many$"):
        await send(JSONResponse({"error": "labels: too many"}, 400))


async def test_what_is_no_gateway_is_told() -> None:
    """A page that answers 200 has taken nothing."""
    with pytest.raises(SetupError, match="is no gateway: '<html>'"):
        await send(PlainTextResponse("<html>"))
