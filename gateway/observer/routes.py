"""The observer's paths on REST: metrics, and what the command line asks for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.config import Limits, Listen
from gateway.errors import BadRequest
from gateway.exposition import Exposition
from gateway.inference import Headers, read_body
from gateway.observer.neighbours import HAPROXY, RAY, Neighbour
from gateway.observer.traffic import Traffic
from gateway.rest import same_site
from gateway.signature import shown

JOB = "driftgate"
"""The label by which rules and dashboards know a gateway's series."""

MOST_WINDOWS = 200
"""Of each version; a window of many features is some hundred kilobytes of JSON."""

_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?P<port>:[0-9]{1,5})?")


class Questions(Protocol):
    """What can be asked of the observer. Every method may raise GatewayError."""

    async def scrape(self, accept: str) -> Exposition:
        """The metrics of the whole gateway."""
        ...

    async def neighbours(self) -> list[Neighbour]:
        """Ray's and HAProxy's own metrics, where they answer."""
        ...

    async def traffic(self) -> Traffic:
        """What was answered and refused since the beginning."""
        ...

    async def flush(self) -> None:
        """Returns when all that was answered before is in the store."""
        ...

    async def windows(self, model: str, most: int) -> bytes:
        """What the monitors of a model found, by version and role: JSON."""
        ...

    async def distributions(self, model: str) -> bytes:
        """How a model's inputs and answers are distributed beside its training data, by version and role: JSON."""
        ...

    async def forget(self, model: str, ids: list[str] | None, column: str | None, value: str | None) -> int:
        """Removes rows from the store, by request ids or by the value of a column; says how many."""
        ...


class Forgetting(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a call to forget: ids, or a column with the value that its rows have."""

    ids: list[str] | None = None
    column: str | None = None
    value: str | None = None


def observer_routes(questions: Questions, limits: Limits, listen: Listen) -> list[Route]:
    """`GET /metrics`, `GET /gateway/{sd,traffic}`, `POST /gateway/flush`, `GET …/models/{m}/{monitors,distributions}`,
    `POST …/forget`."""

    async def metrics(request: Request) -> Response:
        found = await questions.scrape(request.headers.get("accept", ""))
        return Response(found.body, headers={"content-type": found.content_type})

    async def discovery(request: Request) -> Response:
        wanted = {name for name in request.query_params.get("include", "").split(",") if name}
        if unknown := wanted - {RAY, HAPROXY}:
            raise BadRequest(f'include: expected {RAY}, {HAPROXY}, or both with a comma, found "{shown(min(unknown))}"')
        beside = [each for each in await questions.neighbours() if each.job in wanted] if wanted else []
        return JSONResponse(discovered(request.headers.get("host", ""), listen, beside))

    async def traffic(request: Request) -> Response:
        return JSONResponse((await questions.traffic())._asdict())

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
        if not (most.isascii() and most.isdecimal() and len(most) <= 3 and int(most) <= MOST_WINDOWS):
            raise BadRequest(f'history: expected a number of windows up to {MOST_WINDOWS}, found "{shown(most)}"')
        return _json(await questions.windows(request.path_params["model"], int(most)))

    async def distributions(request: Request) -> Response:
        return _json(await questions.distributions(request.path_params["model"]))

    return [
        Route("/metrics", metrics),
        Route("/gateway/sd", discovery),
        Route("/gateway/traffic", traffic),
        Route("/gateway/models/{model}/monitors", windows),
        Route("/gateway/models/{model}/distributions", distributions),
        Route("/gateway/flush", flush, methods=["POST"]),
        Route("/gateway/models/{model}/forget", forget, methods=["POST"]),
    ]


def discovered(host: str, listen: Listen, beside: Sequence[Neighbour] = ()) -> list[dict[str, Any]]:
    """One target for the whole gateway, in the form of Prometheus' HTTP discovery: any replica answers for all of them.

    host: the header Host, the address by which the gateway was reached, so that whoever reaches the list reaches the
    target; where it is none, the address that the configuration listens on. The rules know the gateway by its job.
    beside: others on the same machine.

    >>> discovered("gateway.internal:8000", Listen(), [Neighbour("ray", None, 44461)])[1]
    {'targets': ['gateway.internal:44461'], 'labels': {'job': 'ray'}}
    """
    named = _HOST.fullmatch(host)
    name, port = (named["name"], named["port"] or ":80") if named else (listen.host, f":{listen.http}")
    others = [{"targets": [f"{each.host or name}:{each.port}"], "labels": {"job": each.job}} for each in beside]
    return [{"targets": [f"{name}{port}"], "labels": {"job": JOB}}, *others]


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
