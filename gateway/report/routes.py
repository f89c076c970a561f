"""`GET /gateway/models/{m}/report` and `…/card` on REST."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.config import Config
from gateway.errors import BadRequest, NotReady, SetupError
from gateway.report.cards import card
from gateway.report.child import AGAIN_S, Child, Form, order, turn
from gateway.signature import shown

_TYPES = {"html": "text/html; charset=utf-8", "json": "application/json"}
_MOST_VERSIONS = 32
_LOOK_S, _FLUSH_S = 0.5, 120.0
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The page has no script, no picture and no other host, and whatever stood in it could not bring one."""


class Flushing(Protocol):
    """Whoever can say that the store is complete. May raise GatewayError."""

    async def flush(self) -> None:
        """Returns when all that was answered before is in the store."""
        ...


def report_routes(flushing: Flushing, config: Config) -> list[Route]:
    """`?from=&to=&version=&format=html|json`; `?version=`. Neither does anything heavy on the replica's own loop."""

    async def report(request: Request) -> Response:
        form = _form(request)
        begin, end = _moment(request, "from"), _moment(request, "to")
        if begin is not None and end is not None and begin >= end:
            raise BadRequest("from: must be before to")
        model = request.path_params["model"]
        with turn(config.data) as lock:
            try:
                await asyncio.wait_for(flushing.flush(), _FLUSH_S)
            except TimeoutError:
                raise NotReady(f"what was answered was not in the store after {_FLUSH_S:g} s", AGAIN_S) from None
            child = await asyncio.to_thread(Child, order(config, model, begin, end, _versions(request), form), lock)
            body = await _made(child, request)
        return Response(body, media_type=_TYPES[form], headers=_headers())

    async def about(request: Request) -> Response:
        versions = _versions(request)
        if len(versions) > 1:
            raise BadRequest("version: may stand once")
        try:
            found: dict[str, Any] = await asyncio.to_thread(
                card, config, request.path_params["model"], versions[0] if versions else None
            )
        except SetupError as problem:
            raise NotReady(problem.message, AGAIN_S) from None
        return JSONResponse(found)

    return [Route("/gateway/models/{model}/report", report), Route("/gateway/models/{model}/card", about)]


async def _made(child: Child, request: Request) -> bytes:
    """What the child makes; it is ended when nobody waits for it any more."""
    waiting = asyncio.create_task(asyncio.to_thread(child.wait))
    try:
        while not (await asyncio.wait({waiting}, timeout=_LOOK_S))[0]:
            if await request.is_disconnected():
                child.kill()
        return waiting.result()
    except asyncio.CancelledError:
        child.kill()
        raise


def _headers() -> dict[str, str]:
    return {
        "cache-control": "no-store",
        "content-security-policy": _POLICY,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }


def _form(request: Request) -> Form:
    wanted = request.query_params.get("format", "html")
    if wanted == "html":
        return "html"
    if wanted == "json":
        return "json"
    raise BadRequest(f'format: expected html or json, found "{shown(wanted)}"')


def _versions(request: Request) -> tuple[int, ...]:
    texts = request.query_params.getlist("version")
    for text in texts:
        if not (text.isascii() and text.isdecimal() and len(text) <= 18):
            raise BadRequest(f'version: expected a whole number, found "{shown(text)}"')
    if len(texts) > _MOST_VERSIONS:
        raise BadRequest(f"version: at most {_MOST_VERSIONS} may be named")
    return tuple(sorted({int(text) for text in texts}))


def _moment(request: Request, name: str) -> int | None:
    """ns since the epoch; a time without a zone is UTC, as on the command line."""
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e6) * 1000
    except (ValueError, OverflowError):
        raise BadRequest(f'{name}: expected a time such as 2026-11-23, found "{shown(text)}"') from None
