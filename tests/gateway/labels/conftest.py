"""A replica's REST application with labels, in memory and behind a real server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.catalogue import Catalogue, Status
from gateway.config import Limits, Listen
from gateway.labels.inbox import Inbox
from gateway.labels.intake import Intake
from gateway.labels.routes import label_routes
from gateway.rest import ASGIApp, build
from tests import onnx_models
from tests.gateway.test_rest import Desk
from tests.running import wait_for


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """flights is binary, rentals a regression, weather has classes with names, free is of no known task, lookup is broken."""
    folder, made, catalogue = tmp_path_factory.mktemp("labels"), onnx_models.scale(), Catalogue()
    for name, more in {
        "flights": {"task": "binary", "classes": [0, 1]},
        "rentals": {"task": "regression"},
        "weather": {"task": "multiclass", "classes": ["rain", "sun"]},
        "free": {},
    }.items():
        manifest = onnx_models.declared(name, 1, made, **more)
        catalogue.put(onnx_models.version(folder, name, 1, made, manifest=manifest))
    catalogue.declare("lookup", 1, Status("UNAVAILABLE", "lookup/1: broken"))
    return catalogue


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where an inbox lies."""
    return tmp_path / "state" / "labels.sqlite"


@pytest.fixture
def inbox(path: Path) -> Iterator[Inbox]:
    """An inbox, as another process would open it."""
    opened = Inbox(path)
    yield opened
    opened.close()


@pytest.fixture
async def intake(path: Path) -> AsyncIterator[Intake]:
    """The door of a replica; its clock stands at 1,000 ns."""
    made = Intake(Inbox(path), clock=lambda: 1000)
    yield made
    await made.close()


def application(catalogue: Catalogue, intake: Intake, *more: Route, **limits: Any) -> ASGIApp:
    """The REST application of a replica."""
    bounds = Limits(**limits)
    return build(catalogue, Desk(catalogue), bounds, *label_routes(catalogue, intake, bounds), *more)


@dataclass
class Served:
    """A server that takes labels and answers inference, all but of the requests in `refused`."""

    listen: Listen
    inbox: Inbox
    asked: list[str]
    refused: set[int]

    @property
    def url(self) -> str:
        """The address of REST."""
        return f"http://{self.listen.host}:{self.listen.http}"


@pytest.fixture
def served(catalogue: Catalogue, path: Path, inbox: Inbox) -> Iterator[Served]:
    """The application behind uvicorn, in a thread."""
    asked: list[str] = []
    refused: set[int] = set()

    async def infer(request: Request) -> Response:
        identifier = (await request.json())["id"]
        asked.append(identifier)
        if int(identifier.rpartition("-")[2]) in refused:
            return JSONResponse({"error": "full"}, 503)
        return JSONResponse({}, headers={"x-model-version": "1"})

    intake = Intake(Inbox(path))
    app = application(catalogue, intake, Route("/v2/models/{model}/infer", infer, methods=["POST"]))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))

    async def serve() -> None:
        await server.serve()
        await intake.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    wait_for(lambda: server.started, 10, "the server to start")
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Served(Listen(http=port), inbox, asked, refused)
    server.should_exit = True
    thread.join()
