"""The observer's paths on REST: metrics, and what the command line asks for."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.config import Limits
from gateway.errors import BadRequest
from gateway.exposition import Exposition
from gateway.inference import Headers, read_body
from gateway.rest import same_site
from gateway.signature import shown


class Questions(Protocol):
    """What can be asked of the observer. Every method may raise GatewayError."""

    async def scrape(self, accept: str) -> Exposition:
        """The metrics of the whole gateway."""
        ...

    async def flush(self) -> None:
        """Returns when all that was answered before is in the store."""
        ...

    async def windows(self, model: str, most: int) -> list[dict[str, Any]]:
        """What the monitors of a model found, by version and role."""
        ...

    async def forget(self, model: str, ids: list[str] | None, column: str | None, value: str | None) -> int:
        """Removes rows from the store, by request ids or by the value of a column; says how many."""
        ...


class Forgetting(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a call to forget: ids, or a column with the value that its rows have."""

    ids: list[str] | None = None
    column: str | None = None
    value: str | None = None


def observer_routes(questions: Questions, limits: Limits) -> list[Route]:
    """`GET /metrics`, `POST /gateway/flush`, `POST /gateway/models/{m}/forget`, `GET …/monitors`."""

    async def metrics(request: Request) -> Response:
        found = await questions.scrape(request.headers.get("accept", ""))
        return Response(found.body, headers={"content-type": found.content_type})

    async def flush(request: Request) -> Response:
        same_site(request)
        await questions.flush()
        return JSONResponse({})

    async def forget(request: Request) -> Response:
        same_site(request)
        body = await read_body(Headers(request.scope["headers"]), request.receive, limits)
        try:
            wanted = msgspec.json.decode(body, type=Forgetting)
        except msgspec.DecodeError as problem:
            raise BadRequest(f"the body: {problem}") from None
        by_value = wanted.column is not None and wanted.value is not None
        if (wanted.ids is not None) == by_value or (wanted.column is None) != (wanted.value is None):
            raise BadRequest('the body: expected {"ids": […]}, or {"column": "…", "value": "…"}')
        rows = await questions.forget(request.path_params["model"], wanted.ids, wanted.column, wanted.value)
        return JSONResponse({"forgotten": rows})

    async def windows(request: Request) -> Response:
        most = request.query_params.get("history", "0")
        if not (most.isascii() and most.isdecimal() and len(most) <= 4):
            raise BadRequest(f'history: expected a number of windows below 10,000, found "{shown(most)}"')
        model = request.path_params["model"]
        return JSONResponse({"model": model, "versions": await questions.windows(model, int(most))})

    return [
        Route("/metrics", metrics),
        Route("/gateway/models/{model}/monitors", windows),
        Route("/gateway/flush", flush, methods=["POST"]),
        Route("/gateway/models/{model}/forget", forget, methods=["POST"]),
    ]
