"""The ASGI application of one replica: inference answered on the spot, everything else by `rest`."""

from __future__ import annotations

import logging

from gateway.errors import BadRequest, BodyTooLarge, Cancelled, GatewayError, MethodNotAllowed
from gateway.identifier import uuid7
from gateway.inference import (
    Receive,
    Reply,
    RestCall,
    Scope,
    Send,
    Target,
    decode_headers,
    header_id,
    read_body,
    refused,
    target,
)
from gateway.journey import Plane, infer
from gateway.rest import ASGIApp

logger = logging.getLogger("driftgate")

_REMEMBERED = 4096  # paths; a client that makes up names must not fill the memory


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
        headers = decode_headers(scope["headers"])
        try:
            where = self._where(scope["path"])
            if where is None:
                await self._rest(scope, receive, send)
                return
            if scope["method"] != "POST":
                raise MethodNotAllowed(f"{scope['method']} is not offered here; inference is a POST")
            body = await read_body(headers, receive, self._plane.limits)
            reply = await infer(self._plane, RestCall(where, headers, body, receive, self._plane.limits))
        except Cancelled:
            return
        except GatewayError as refusal:
            reply = _final(refusal, headers)
        except Exception:
            logger.exception("an inference request failed in a way that is not foreseen")
            reply = _final(GatewayError("internal error; the gateway's log says more"), headers)
        await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
        await send({"type": "http.response.body", "body": reply.body})

    def _where(self, path: str) -> Target | None:
        try:
            return self._targets[path]
        except KeyError:
            if len(self._targets) >= _REMEMBERED:
                self._targets.clear()
            found = self._targets[path] = target(path)
            return found


def _final(refusal: GatewayError, headers: dict[str, str]) -> Reply:
    """A refusal from before the journey began. Where the body was not read, the connection cannot serve another request."""
    reply = refused(refusal, header_id(headers) or uuid7())
    reply.headers.append((b"content-length", b"%d" % len(reply.body)))
    if isinstance(refusal, BodyTooLarge | BadRequest):
        reply.headers.append((b"connection", b"close"))
    return reply
