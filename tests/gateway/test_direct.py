"""Whole bodies and whole replies, past ASGI and by it: the same bytes on the wire."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from gateway import direct
from gateway.inference import Receive, Reply, Scope, Send
from gateway.ports import free_port

HEADERS = [(b"content-type", b"application/json"), (b"x-request-id", b"one"), (b"content-length", b"11")]
REPLY = Reply(200, HEADERS, b'{"error":1}')


class App:
    """Replies to every request, directly or by ASGI, and keeps the bodies that it was sent."""

    def __init__(self) -> None:
        self.bodies: list[bytes | None] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.bodies.append(direct.body_at_hand(receive, 1000))
        if scope["path"] == "/direct":
            await direct.write(send, REPLY)
        else:
            await send({"type": "http.response.start", "status": REPLY.status, "headers": REPLY.headers})
            await send({"type": "http.response.body", "body": REPLY.body})


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[int]:
    """The app on a real uvicorn, as Ray Serve runs it."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, lifespan="off", access_log=False, log_level="error"))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield port
    finally:
        server.should_exit = True
        await task


async def exchange(port: int, *requests: bytes) -> bytes:
    """What comes back on one connection for all requests, sent at once; dates made alike."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"".join(requests))
    answer = b"".join([await reader.readuntil(b"}") for _ in requests])
    writer.close()
    await writer.wait_closed()
    return re.sub(rb"date: [^\r]*", b"date: now", answer)


def post(path: str, body: bytes, *headers: str) -> bytes:
    """A request."""
    head = "\r\n".join((f"POST {path} HTTP/1.1", "host: h", f"content-length: {len(body)}", *headers))
    return head.encode() + b"\r\n\r\n" + body


def test_uvicorn_is_the_one_that_we_know() -> None:
    """With the locked version the direct way is open; should it close, all works, slower, and this says so."""
    assert direct._KNOWN


async def test_a_reply_is_the_same_bytes_either_way() -> None:
    """Status line, headers and body, for one request, for several on a connection, and for the last one on it."""
    app = App()
    async with served(app) as port:
        for extra in ((), ("connection: close",)):
            directly, by_asgi = [await exchange(port, post(path, b"x", *extra)) for path in ("/direct", "/asgi")]
            assert directly == by_asgi
            assert directly.startswith(b"HTTP/1.1 200 OK\r\n")
            assert directly.endswith(b'\r\n\r\n{"error":1}')
        both = await exchange(port, post("/direct", b"1"), post("/asgi", b"22"), post("/direct", b"333"))
        assert both.count(b'{"error":1}') == 3
    assert app.bodies[-3:] == [b"1", b"22", b"333"]


async def test_a_body_that_has_not_arrived_or_is_too_large_is_not_taken() -> None:
    """It must be waited for by ASGI, or refused there."""
    app = App()
    async with served(app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /direct HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\nab")
        await reader.readuntil(b"}")
        writer.close()
        await writer.wait_closed()
        await exchange(port, post("/direct", b"y" * 1001))
        await exchange(port, post("/direct", b"z" * 1000))
    assert app.bodies == [None, None, b"z" * 1000]


@pytest.mark.parametrize("send", [None, lambda message: None])
def test_what_is_not_uvicorn_is_left_to_asgi(send: Any) -> None:
    """A receive or send of unknown make is called, not looked into."""
    assert direct.body_at_hand(send, 10) is None


async def test_a_reply_by_asgi_has_no_body_for_head_and_closes_when_it_says_so() -> None:
    """A body after HEAD would be read as the next answer; what is left of an unread one, as the next request."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await direct.say(send, Reply(413, [*HEADERS, (b"connection", b"close")], REPLY.body))

    async with served(app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HEAD / HTTP/1.1\r\nhost: h\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 10)  # to the end of the connection
        writer.close()
        await writer.wait_closed()
    assert answer.endswith(b"\r\n\r\n")
