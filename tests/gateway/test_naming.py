"""By which names a gateway on loopback is called."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from gateway.naming import Named

ANSWERING = Starlette(routes=[Route("/", lambda _: PlainTextResponse("here"))])


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("localhost", 200),
        ("LOCALHOST:8000", 200),
        ("[::1]:8000", 200),
        ("10.1.2.3", 200),
        ("models.bank.example:8000", 200),
        ("evil.example:8000", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("", 403),
    ],
)
async def test_a_page_whose_name_leads_here_is_not_answered(host: str, status: int) -> None:
    """Whatever it asks: to its browser, this would be of its own site."""
    transport = httpx.ASGITransport(Named(ANSWERING, ("Models.Bank.example",)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        response = await client.get("/", headers={"host": host})
    assert response.status_code == status
    if status == 403:
        assert response.json()["error"].endswith("expected an address, localhost, or one of listen.names")
