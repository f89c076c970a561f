"""A server that answers as a gateway would, with what a test puts in its mouth; the console itself is the real one."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.console.routes import console_routes
from gateway.ports import free_port
from tests.running import wait_for

Body = Callable[[], Any] | Any
Answers = dict[str, Body]


class Standin:
    """Answers by path (with its query, or without). What is a function is asked each time; a `Refusal` is sent as one.

    asked: every request but for files, as `GET /gateway/status`. deaf: closes connections without a word.
    """

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.bodies: list[tuple[bytes, str | None]] = []
        self.port = free_port()
        self._server: uvicorn.Server | None = None

    @property
    def url(self) -> str:
        """Of the console."""
        return f"http://127.0.0.1:{self.port}/console"

    @contextlib.contextmanager
    def running(self) -> Iterator[Standin]:
        """Listens while the block runs."""
        self.start()
        try:
            yield self
        finally:
            self.stop()

    def start(self) -> None:
        """Begins to listen, or does so again at the same address."""
        application = Starlette(
            routes=[*console_routes(), Route("/gateway/{path:path}", self._answer, methods=["GET", "POST"])]
        )
        config = uvicorn.Config(
            application, "127.0.0.1", self.port, log_level="error", lifespan="off", timeout_graceful_shutdown=1
        )
        server = self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=server.run)
        self._thread.start()
        wait_for(lambda: server.started, 10, "the stand-in to listen")

    def stop(self) -> None:
        """Ends it, as a gateway that is killed: whoever asks is refused."""
        if self._server is not None:
            self._server.should_exit = self._server.force_exit = True
            self._thread.join(10)
            self._server = None

    async def _answer(self, request: Request) -> Response:
        path = f"/gateway/{request.path_params['path']}"
        self.asked.append(f"{request.method} {path}")
        if request.method == "POST":
            self.bodies.append((await request.body(), request.headers.get("x-driftgate-user")))
        found = self.answers.get(
            f"{path}?{request.url.query}", self.answers.get(path, Refusal(404, f"no such path: {path}"))
        )
        body = found() if callable(found) else found
        if isinstance(body, Refusal):
            return JSONResponse({"error": body.message}, body.status)
        return JSONResponse(body)


class Refusal:
    """A refusal with its status and sentence."""

    def __init__(self, status: int, message: str) -> None:
        self.status, self.message = status, message
