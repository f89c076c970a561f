"""The ASGI application of one replica: inference answered on the spot, everything else by `rest`."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from gateway.direct import body_at_hand, say, write
from gateway.errors import BadRequest, Cancelled, GatewayError, MethodNotAllowed, RequestTimeout
from gateway.inference import (
    Headers,
    Receive,
    Reply,
    RestCall,
    Scope,
    Send,
    Target,
    header_id,
    posted,
    read_body,
    refused,
    target,
)
from gateway.journey import Exchange, Plane, begin, infer, refuse
from gateway.rest import ASGIApp
from gateway.signature import shown
from gateway.trace import Asked, echo

logger = logging.getLogger("driftgate")

_REMEMBERED = 4096  # paths; a client that makes up names must not fill the memory,
_MEMORABLE = 256  # nor one that makes up long ones


class Front:
    """Called once for each request, by uvicorn itself where the fast path is in place."""

    def __init__(self, plane: Plane, rest: ASGIApp) -> None:
        self._plane = plane
        self._rest = rest
        self._targets: dict[str, Target | None] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._rest(scope, receive, send)
            return
        began_ns = time.perf_counter_ns()
        headers = Headers(scope["headers"])
        try:
            where = self._where(scope["path"])
        except GatewayError as refusal:
            asked = Asked("http", scope["method"], scope["path"])
            await self._refuse(send, "", headers, refusal, began_ns, asked)
            return
        if where is None:
            await self._elsewhere(scope, receive, send)
            return
        try:
            if scope["method"] != "POST":
                raise MethodNotAllowed(f"{shown(scope['method'])} is not offered here; inference is a POST")
            limits = self._plane.limits
            body = body_at_hand(receive, limits.max_body)
            if body is None:
                body = await read_body(headers, receive, limits)
            reply = await infer(self._plane, RestCall(where, headers, body, receive, limits))
        except Cancelled as gone:
            self._note(where.model, headers, gone, began_ns, _asked(scope, where))
            return
        except GatewayError as refusal:
            await self._refuse(send, where.model, headers, refusal, began_ns, _asked(scope, where))
            return
        await write(send, reply)

    async def _refuse(
        self, send: Send, model: str, headers: Mapping[str, str], refusal: GatewayError, began_ns: int, asked: Asked
    ) -> None:
        """Says no before the journey began; that is recorded too."""
        exchange = self._note(model, headers, refusal, began_ns, asked)
        await say(send, _final(refusal, exchange, headers))

    def _note(
        self, model: str, headers: Mapping[str, str], refusal: GatewayError, began_ns: int, asked: Asked
    ) -> Exchange:
        exchange = begin(model, headers, header_id(headers), self._plane.tracer)
        refuse(self._plane, exchange, refusal, began_ns, asked)
        return exchange

    async def _elsewhere(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._rest(scope, receive, send)
        except Exception:  # Starlette has answered with 500 before it raised
            logger.exception("%s %s failed in a way that is not foreseen", scope["method"], shown(scope["path"]))

    def _where(self, path: str) -> Target | None:
        try:
            return self._targets[path]
        except KeyError:
            if len(self._targets) >= _REMEMBERED:
                self._targets.clear()
            found = target(path)
            if len(path) <= _MEMORABLE:
                self._targets[path] = found
            return found


def _asked(scope: Scope, where: Target) -> Asked:
    return posted(*where)._replace(method=scope["method"])


def _final(refusal: GatewayError, exchange: Exchange, headers: Mapping[str, str]) -> Reply:
    """A refusal from before the journey began. Where the body was not read, the connection cannot serve another request."""
    reply = refused(refusal, exchange.request_id)
    reply.headers.extend((name.encode(), value.encode()) for name, value in echo(headers, exchange.span))
    reply.headers.append((b"content-length", b"%d" % len(reply.body)))
    if isinstance(refusal, BadRequest | RequestTimeout):
        reply.headers.append((b"connection", b"close"))
    return reply
