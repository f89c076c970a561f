"""Everything on REST but inference: health, metadata, repository, statistics, status."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway import metadata
from gateway.caller import who
from gateway.catalogue import Catalogue
from gateway.config import Limits
from gateway.errors import BadRequest, Forbidden, GatewayError, NotFound
from gateway.identifier import uuid7
from gateway.inference import Headers, Receive, Scope, Send, header_id, read_body, refused, version_number
from gateway.signature import shown

ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Handler = Callable[[Request], Awaitable[Response]]


class Control(Protocol):
    """What all replicas share. Every method may raise GatewayError."""

    async def load(self, model: str, versions: list[int] | None, who: str) -> None:
        """Puts versions (None: all that the repository has) into service on every replica, or raises why it cannot."""
        ...

    async def unload(self, model: str, versions: list[int] | None, who: str) -> None:
        """Takes versions out of service on every replica."""
        ...

    async def statistics(self, model: str | None) -> dict[tuple[str, int], dict[str, Any]]:
        """Statistics of every version (of a model), summed over the replicas."""
        ...

    async def status(self) -> dict[str, Any]:
        """The gateway as a whole: replicas, models, versions."""
        ...


def build(catalogue: Catalogue, control: Control, limits: Limits, *more: Route) -> Starlette:
    """The ASGI application. more: routes of other topics."""
    application = Starlette(
        routes=[
            *_health(),
            *_statistics(catalogue, control),
            *_models(catalogue),
            *_repository(catalogue, control, limits),
            *more,
        ],
        exception_handlers={GatewayError: _refuse, HTTPException: _refuse_http, Exception: _refuse_unforeseen},
    )
    application.router.redirect_slashes = False  # it would send clients to whatever Host a request names
    return application


def _health() -> list[Route]:
    async def live(request: Request) -> Response:
        return JSONResponse({"live": True})

    async def ready(request: Request) -> Response:
        return JSONResponse({"ready": True})

    async def server(request: Request) -> Response:
        return JSONResponse(metadata.server())

    return [Route("/v2", server), Route("/v2/health/live", live), Route("/v2/health/ready", ready)]


def _statistics(catalogue: Catalogue, control: Control) -> list[Route]:
    async def statistics(request: Request) -> Response:
        name, pinned = _target(request) if "model" in request.path_params else (None, None)
        return JSONResponse(await model_statistics(catalogue, control, name, pinned))

    async def status(request: Request) -> Response:
        return JSONResponse(await control.status())

    return [Route("/gateway/status", status), Route("/v2/models/stats", statistics), *_both("stats", statistics)]


def _models(catalogue: Catalogue) -> list[Route]:
    async def model(request: Request) -> Response:
        return JSONResponse(metadata.model(catalogue, *_target(request)))

    async def ready(request: Request) -> Response:
        name, pinned = _target(request)
        catalogue.route(name, pinned, 0.0)
        return JSONResponse({"name": name, "ready": True})

    async def config(request: Request) -> Response:
        return JSONResponse(metadata.configuration(catalogue, *_target(request)))

    return [*_both("ready", ready), *_both("config", config), *_both("", model)]


def _repository(catalogue: Catalogue, control: Control, limits: Limits) -> list[Route]:
    async def index(request: Request) -> Response:
        wanted = await _payload(request, limits)
        return JSONResponse(metadata.index(catalogue, ready_only=_ready(wanted)))

    async def load(request: Request) -> Response:
        same_site(request)
        parameters = _parameters(await _payload(request, limits))
        await control.load(request.path_params["model"], versions_named(parameters), who(request.headers))
        return JSONResponse({})

    async def unload(request: Request) -> Response:
        same_site(request)
        parameters = _parameters(await _payload(request, limits))
        await control.unload(request.path_params["model"], versions_named(parameters), who(request.headers))
        return JSONResponse({})

    return [
        Route("/v2/repository/index", index, methods=["POST"]),
        Route("/v2/repository/models/{model}/load", load, methods=["POST"]),
        Route("/v2/repository/models/{model}/unload", unload, methods=["POST"]),
    ]


def _both(path: str, handler: Handler) -> list[Route]:
    """The path for a model, and for one version of it."""
    head, tail = "/v2/models/{model}", f"/{path}" if path else ""
    return [Route(f"{head}{tail}", handler), Route(f"{head}/versions/{{version}}{tail}", handler)]


def same_site(request: Request) -> None:
    """Raises Forbidden for what a browser sends for another site's page: any page could reach a gateway on loopback."""
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    if origin is not None and origin.partition("://")[2] != host:
        raise Forbidden(f"a page of {shown(origin)} may not change what {shown(host)} serves")


async def model_statistics(
    catalogue: Catalogue, control: Control, model: str | None, pinned: int | None
) -> dict[str, Any]:
    """The body of the statistics extension. Raises NotFound, or NotReady for a version that is not in service."""
    if model is not None:
        catalogue.route(model, pinned, 0.0)
    found = await control.statistics(model)
    return {"model_stats": [entry for (_, version), entry in found.items() if pinned in (None, version)]}


def _target(request: Request) -> tuple[str, int | None]:
    name = request.path_params["model"]
    return name, version_number(name, request.path_params.get("version"))


async def _payload(request: Request, limits: Limits) -> dict[str, Any]:
    body = await read_body(Headers(request.scope["headers"]), request.receive, limits)
    if not body:
        return {}
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("the body is not valid JSON") from None
    if not isinstance(content, dict):
        raise BadRequest(f"the body: expected a JSON object, found {type(content).__name__}")
    return content


def _parameters(payload: dict[str, Any]) -> dict[str, Any]:
    parameters = payload.get("parameters", {})
    if not isinstance(parameters, dict):
        raise BadRequest(f"parameters: expected a JSON object, found {type(parameters).__name__}")
    return parameters


def _ready(payload: dict[str, Any]) -> bool:
    wanted = payload.get("ready", False)
    if not isinstance(wanted, bool):
        raise BadRequest(f"ready: expected true or false, found {type(wanted).__name__}")
    return wanted


def versions_named(parameters: dict[str, Any]) -> list[int] | None:
    """The one version that `{"parameters": {"version": "2"}}` names. Raises BadRequest for what we do not offer."""
    for key in parameters:
        if key not in ("version", "unload_dependents"):
            raise BadRequest(
                f"parameter {shown(key)}: not offered; models are loaded from the repository as they lie there"
            )
    version = parameters.get("version")
    if version is None:
        return None
    text = str(version)
    if isinstance(version, bool) or not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise BadRequest(f"parameter version: expected a whole number, found {shown(text)}")
    return [int(text)]


async def _refuse(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, GatewayError)
    reply = refused(problem, header_id(request.headers) or uuid7())
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in reply.headers}
    return Response(reply.body, reply.status, headers)


async def _refuse_unforeseen(request: Request, problem: Exception) -> Response:
    return await _refuse(request, GatewayError("internal error; the gateway's log says more"))


async def _refuse_http(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    path, method = shown(request.url.path), request.method
    if problem.status_code == 404:
        return await _refuse(request, NotFound(f"no such path: {path}"))
    message = f"{method} is not offered at {path}" if problem.status_code == 405 else str(problem.detail)
    return JSONResponse({"error": message}, problem.status_code, problem.headers)
