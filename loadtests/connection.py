"""One keep-alive HTTP/1.1 connection that parses no more of an answer than it must."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast


class Loop(Protocol):
    """What decides when a connection sends."""

    def answered(self, connection: Connection, status: int, size: int) -> None:
        """The answer to the connection's request is complete; the connection is free."""

    def lost(self, connection: Connection, why: str) -> None:
        """The connection closed, or its answer could not be read."""


class Connection(asyncio.Protocol):
    """At most one request is under way. `began` and `rows` belong to it; `began` may lie before the sending.

    Answers need a Content-Length: chunked ones are refused, since finding their end would cost the client more than
    some servers need to answer.
    """

    __slots__ = ("_head", "_loop", "_missing", "_size", "_status", "_transport", "began", "busy", "rows")

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._head = b""
        self._missing = self._size = self._status = 0
        self.busy = False
        self.began = 0.0
        self.rows = 0

    def send(self, wire: bytes, rows: int, began: float) -> None:
        """Sends a request. The connection must be open and free."""
        assert self._transport is not None
        self.busy, self.began, self.rows = True, began, rows
        self._transport.write(wire)

    def close(self) -> None:
        """Closes at once; nothing is reported for what was under way."""
        self.busy = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        if self._missing:
            self._missing -= len(data)
        elif self.busy:
            data = self._head + data if self._head else data
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._head = data
                return
            self._head = b""
            length = _content_length(data, end)
            if length is None or not data.startswith(b"HTTP/1."):
                self._fail("answer without Content-Length")
                return
            self._status = int(data[9:12])
            self._size = end + 4 + length
            self._missing = self._size - len(data)
        else:
            self._missing = -1
        if self._missing == 0:
            self.busy = False
            self._loop.answered(self, self._status, self._size)
        elif self._missing < 0:
            self._fail("more bytes than the answer has")

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        if self._transport is not None:
            self._transport = None
            self._loop.lost(self, "connection closed before the answer" if self.busy else "")

    def _fail(self, why: str) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
        self._loop.lost(self, why)


def _content_length(data: bytes, end: int) -> int | None:
    at = data.find(b"\r\ncontent-length:", 0, end)
    if at < 0:
        at = data.find(b"\r\nContent-Length:", 0, end)
    if at < 0:
        at = data[:end].lower().find(b"\r\ncontent-length:")
    if at < 0:
        return None
    stop = data.find(b"\r\n", at + 2)
    return int(data[at + 17 : stop])
