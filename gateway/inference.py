"""`POST …/infer` on REST: reading the request off ASGI, and writing the reply."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, MutableMapping
from typing import Any, NamedTuple

import msgspec

from gateway.config import Limits
from gateway.errors import BadRequest, BodyTooLarge, Cancelled, GatewayError, NotFound, Overloaded, RequestTimeout
from gateway.query import Answer, Query
from gateway.routing import Route
from gateway.signature import shown
from gateway.trace import Asked, Span, echo
from gateway.wire.answer import format_answer
from gateway.wire.classification import classify
from gateway.wire.compression import COMPRESS_FROM, choose, pack, unpack
from gateway.wire.request import check_id, parse_request

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_PATH = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]*))?/infer")
_LINGER_S = 2.0
_HEADER_LENGTH = "inference-header-content-length"


class Target(NamedTuple):
    """The model and version that a path names; a `version` of None leaves the choice to routing."""

    model: str
    version: int | None


class Reply(NamedTuple):
    """An HTTP response."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def target(path: str) -> Target | None:
    """What an inference path names; None for any other path. Raises NotFound for a version that is no number."""
    match = _PATH.fullmatch(path)
    return Target(match[1], version_number(match[1], match[2])) if match else None


def posted(model: str, pinned: int | None) -> Asked:
    """What a trace says of an inference request.

    >>> posted("flights", 2).path
    '/v2/models/flights/versions/2/infer'
    """
    if pinned is None:
        return Asked("http", "POST", f"/v2/models/{model}/infer", "/v2/models/{model}/infer")
    path = f"/v2/models/{model}/versions/{pinned}/infer"
    return Asked("http", "POST", path, "/v2/models/{model}/versions/{version}/infer")


def version_number(model: str, text: str | None) -> int | None:
    """The version in a path. Raises NotFound if it cannot be one."""
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise NotFound(f'{shown(model)} has no version "{shown(text)}"; versions are whole numbers')
    return int(text)


class RestCall:
    """One inference request on REST, its body already read. See `journey.Call`."""

    __slots__ = ("_body", "_limits", "_receive", "headers", "model", "pinned", "request_id", "span")

    def __init__(
        self, where: Target, headers: Mapping[str, str], body: bytes, receive: Receive, limits: Limits
    ) -> None:
        self.model, self.pinned = where
        self.headers = headers
        self.request_id = header_id(headers)
        self.span: Span | None = None
        self._body = body
        self._receive = receive
        self._limits = limits

    @property
    def asked(self) -> Asked:
        """See Call."""
        return posted(self.model, self.pinned)

    def parse(self) -> Query:
        """See Call."""
        headers = self.headers
        if not self.request_id and "x-request-id" in headers:
            check_id(headers["x-request-id"])
        encoding = headers.get("content-encoding")
        body = unpack(self._body, encoding.strip().lower(), self._limits.max_body) if encoding else self._body
        length = headers.get(_HEADER_LENGTH)
        return parse_request(body, None if length is None else whole(length, "Inference-Header-Content-Length"))

    def timeout_s(self) -> float | None:
        """The `timeout` header: seconds."""
        text = self.headers.get("timeout")
        if text is None:
            return None
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
            raise BadRequest(f'header timeout: expected seconds, such as 0.5, found "{shown(text)}"')
        return float(text)

    def answer(self, answer: Answer, query: Query, route: Route) -> Reply:
        """See Call."""
        body, json_length = format_answer(classify(answer, query), query)
        headers = [
            (b"content-type", b"application/json" if json_length is None else b"application/octet-stream"),
            (b"x-request-id", answer.id.encode()),
            (b"x-model-version", b"%d" % route.version),
            (b"x-route", route.reason.encode()),
        ]
        if json_length is not None:
            headers.append((_HEADER_LENGTH.encode(), b"%d" % json_length))
        encoding = choose(self.headers.get("accept-encoding", "")) if len(body) >= COMPRESS_FROM else ""
        if encoding:
            body = pack(body, encoding)
            headers.append((b"content-encoding", encoding.encode()))
        return self._reply(200, headers, body)

    def refuse(self, refusal: GatewayError, request_id: str) -> Reply:
        """See Call."""
        return self._reply(*refused(refusal, request_id))

    def watch(self, future: asyncio.Future[Any]) -> Callable[[], None]:
        """Cancels the future when the client closes its connection."""

        async def until_gone() -> None:
            while (await self._receive())["type"] != "http.disconnect":
                pass
            future.cancel()

        task = asyncio.get_running_loop().create_task(until_gone())

        def stop() -> None:
            task.cancel()

        return stop

    def _reply(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> Reply:
        for name, value in echo(self.headers, self.span):
            headers.append((name.encode(), value.encode()))
        headers.append((b"content-length", b"%d" % len(body)))
        return Reply(status, headers, body)


def refused(refusal: GatewayError, request_id: str) -> Reply:
    """The reply of any path that says no: `{"error": "…"}`. Its content-length is left to add."""
    headers = [(b"content-type", b"application/json"), (b"x-request-id", request_id.encode())]
    if isinstance(refusal, Overloaded):
        headers.append((b"retry-after", b"%d" % refusal.retry_after_s))
    return Reply(refusal.status, headers, msgspec.json.encode({"error": refusal.message}))


async def read_body(headers: Mapping[str, str], receive: Receive, limits: Limits) -> bytes:
    """The whole body. Raises BodyTooLarge as soon as it must be, RequestTimeout if the client dawdles, Cancelled if it left."""
    declared = headers.get("content-length")
    if declared is not None and whole(declared, "Content-Length") > limits.max_body:
        await _discard(receive)
        raise BodyTooLarge(f"the body has {declared} bytes, the limit is {limits.max_body} (limits.max_body)")
    try:
        async with asyncio.timeout(limits.body_timeout):
            return await _gather(receive, limits.max_body)
    except BodyTooLarge:
        await _discard(receive)
        raise
    except TimeoutError:
        raise RequestTimeout(
            f"the body did not arrive within {limits.body_timeout:g} s (limits.body_timeout)"
        ) from None


async def _discard(receive: Receive) -> None:
    """Takes the rest of a body for a while and forgets it: hung up on while it sends, a client does not read why."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_S):
            while (await receive()).get("more_body"):
                pass


async def _gather(receive: Receive, limit: int) -> bytes:
    body = bytearray()
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if len(body) > limit:
            raise BodyTooLarge(f"the body has more than {limit} bytes, the limit (limits.max_body)")
        if not message.get("more_body"):
            return bytes(body)
    raise Cancelled("the client closed its connection before it had sent its body")


def whole(text: str, header: str) -> int:
    """A header's value as a whole number >= 0. Raises BadRequest."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise BadRequest(f'{header}: expected a whole number of bytes, found "{shown(text)}"')
    return int(text)


def header_id(headers: Mapping[str, str]) -> str:
    """The client's x-request-id, if it is one that may be echoed."""
    given = headers.get("x-request-id")
    if not given:
        return ""
    try:
        return check_id(given)
    except BadRequest:
        return ""


_ENCODED = {
    name: name.encode()
    for name in (
        "content-encoding",
        "accept-encoding",
        "timeout",
        "traceparent",
        "tracestate",
        "x-request-id",
        "x-cohort",
        _HEADER_LENGTH,
    )
}


class Headers(Mapping[str, str]):
    """ASGI's headers by lower-case name; of a repeated one, the last, but `tracestate` whole: it is a list, and
    `traceparent` not at all: nobody can tell which is right. Decoded only when they are looked at.
    """

    __slots__ = ("_raw",)

    def __init__(self, raw: Collection[tuple[bytes, bytes]]) -> None:
        self._raw = dict(raw)
        if len(self._raw) < len(raw):
            self._join(raw)

    def _join(self, raw: Collection[tuple[bytes, bytes]]) -> None:
        """What W3C Trace Context asks for where its headers are repeated."""
        states = [value for name, value in raw if name == b"tracestate"]
        if states:
            self._raw[b"tracestate"] = b",".join(states)
        if sum(name == b"traceparent" for name, _ in raw) > 1:
            del self._raw[b"traceparent"]

    def __getitem__(self, name: str) -> str:
        return self._raw[name.encode("latin-1")].decode("latin-1")

    def get(self, name: str, default: Any = None) -> Any:
        """As of a dict; without the exception that Mapping's own would raise and catch."""
        value = self._raw.get(_ENCODED.get(name) or name.encode("latin-1"))
        return default if value is None else value.decode("latin-1")

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.encode("latin-1") in self._raw

    def __iter__(self) -> Iterator[str]:
        return (name.decode("latin-1") for name in self._raw)

    def __len__(self) -> int:
        return len(self._raw)
