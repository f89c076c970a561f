"""The configuration and rollouts on REST: what is in force, what an edit would change, and commands."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol, TypeVar, cast, get_args

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.caller import printable, who
from gateway.config import Limits
from gateway.errors import BadRequest, NotFound, SetupError
from gateway.finite import finite
from gateway.inference import Headers, read_body
from gateway.rest import same_site
from gateway.rollout.machine import Event
from gateway.signature import shown

Verb = Literal["pause", "resume", "promote", "abort", "approve"]

MAX_CONFIG = 2**18
"""Bytes of a configuration. Hundreds of models fit; reading more as YAML would take longer than a client waits."""

_WHY = 500
_HISTORY, _MOST = 100, 10_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Answer = TypeVar("Answer")


class Steering(Protocol):
    """What can be asked of the one who holds configuration and rollouts. Every method may raise GatewayError.

    A SetupError, such as a ConfigError, is the edit's own fault.
    """

    async def config(self) -> dict[str, Any]:
        """`{"revision": 3, "config": {…}}`: see planning.plain."""
        ...

    async def plan(self, text: str) -> dict[str, Any]:
        """`{"changes": ["flights: …", …], "diff": "…"}`: what an edit would change, once it is known that it could be made."""
        ...

    async def apply(self, text: str, who: str) -> dict[str, Any]:
        """`{"revision": 4, "changes": […], "changed": true}`: all of an edit, or nothing. Doing it again changes nothing."""
        ...

    async def command(self, model: str, what: Verb, who: str, why: str) -> dict[str, Any]:
        """`{"model": "flights", "state": "paused at 10 %"}`. why: may be empty. Doing it again changes nothing."""
        ...

    async def rollouts(self) -> list[dict[str, Any]]:
        """How each stands, as scoreboard.rollout_table takes it."""
        ...

    async def history(self, model: str | None, limit: int) -> list[dict[str, Any]]:
        """The newest changes, of one model or of all, in the order in which they came; each as `told` gives it."""
        ...


class Reason(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a command, if it has one."""

    why: str = ""


def management_routes(steering: Steering, limits: Limits) -> list[Route]:
    """`GET|PUT /gateway/config`, `POST …/plan`, `POST …/models/{m}/rollout/{verb}`, `GET …/rollouts`, `GET …/history`."""
    of_config = limits.model_copy(update={"max_body": min(MAX_CONFIG, limits.max_body)})

    async def config(request: Request) -> Response:
        return JSONResponse(await steering.config())

    async def apply(request: Request) -> Response:
        same_site(request)
        text = await _text(request, of_config)
        return JSONResponse(await _mended(steering.apply(text, who(request.headers))))

    async def plan(request: Request) -> Response:
        same_site(request)
        return JSONResponse(await _mended(steering.plan(await _text(request, of_config))))

    async def command(request: Request) -> Response:
        same_site(request)
        model, verb = request.path_params["model"], request.path_params["verb"]
        if verb not in get_args(Verb):
            raise NotFound(f'a rollout has no command "{shown(verb)}"; it has {", ".join(get_args(Verb))}')
        why = await _why(request, of_config)
        return JSONResponse(await steering.command(model, cast(Verb, verb), who(request.headers), why))

    async def rollouts(request: Request) -> Response:
        return JSONResponse({"rollouts": finite(await steering.rollouts())})

    async def history(request: Request) -> Response:
        limit = request.query_params.get("limit", str(_HISTORY))
        if not (limit.isascii() and limit.isdecimal() and len(limit) <= 5 and 1 <= int(limit) <= _MOST):
            raise BadRequest(f'limit: expected a number of changes from 1 to 10,000, found "{shown(limit)}"')
        found = await steering.history(request.query_params.get("model"), int(limit))
        return JSONResponse({"events": found})

    return [
        Route("/gateway/config", config),
        Route("/gateway/config", apply, methods=["PUT"]),
        Route("/gateway/plan", plan, methods=["POST"]),
        Route("/gateway/models/{model}/rollout/{verb}", command, methods=["POST"]),
        Route("/gateway/rollouts", rollouts),
        Route("/gateway/history", history),
    ]


def told(event: Event) -> dict[str, Any]:
    """An event as plain values, its time in ISO 8601.

    >>> told(Event(1_500_000_000, "flights", "ann", "pause", "running at 10 %", "paused at 10 %", "lunch"))["time"]
    '1970-01-01T00:00:01.500000+00:00'
    """
    time = _EPOCH + timedelta(microseconds=event.time // 1000)
    return {**msgspec.structs.asdict(event), "time": time.isoformat(timespec="microseconds")}


async def _text(request: Request, limits: Limits) -> str:
    body = await read_body(Headers(request.scope["headers"]), request.receive, limits)
    if not body.strip():
        raise BadRequest("the body is empty: expected a configuration, as YAML or JSON")
    try:
        return body.decode()
    except UnicodeDecodeError as problem:
        raise BadRequest(f"the body is not UTF-8: byte {problem.start}") from None


async def _why(request: Request, limits: Limits) -> str:
    body = await read_body(Headers(request.scope["headers"]), request.receive, limits)
    try:
        reason = msgspec.json.decode(body, type=Reason) if body.strip() else Reason()
    except msgspec.DecodeError as problem:
        raise BadRequest(f"the body: {problem}") from None
    if len(reason.why) > _WHY:
        raise BadRequest(f"why: {len(reason.why)} characters, at most {_WHY} are kept")
    return printable(reason.why).strip()


async def _mended(answer: Awaitable[Answer]) -> Answer:
    """What is wrong with a configuration is, on REST, wrong with the request."""
    try:
        return await answer
    except SetupError as problem:
        raise BadRequest(problem.message) from None
