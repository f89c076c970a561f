"""The servers that are compared: how each is started, and what it can do."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from loadtests.mlp import NAME
from loadtests.peers.environment import PEERS, Peer

HERE = Path(__file__).parent
ROOMY = ("--ongoing", "256")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a contender may work: an empty folder, the bench model, and free ports."""

    folder: Path
    repository: Path
    http: int
    spare: tuple[int, int]

    @property
    def model(self) -> Path:
        """The bench model's file."""
        return self.repository / NAME / "1" / "model.onnx"


@dataclass(frozen=True, slots=True)
class Contender:
    """A server. `command` starts it in the foreground; GET `ready` answers 200 when it is.

    binary: whether it takes Triton's binary tensors.
    """

    name: str
    command: Callable[[Place], list[str]]
    ready: str = "/v2/health/ready"
    binary: bool = True
    env: Mapping[str, str] = field(default_factory=dict)


def contenders() -> list[Contender]:
    """The servers that come with the project. The first is what the others are divided by."""
    return [
        Contender("bare", lambda place: _module("loadtests.bare", place)),
        Contender("driftgate", _gateway()),
        Contender("driftgate, shadowed", _gateway(shadow=[2])),
        Contender("driftgate, not watched", _gateway(monitor="none")),
        Contender("driftgate, not recorded", _gateway(monitor="none", record="none")),
        Contender("ray serve, 256 at a time", lambda place: [*_module("loadtests.serve_default", place), *ROOMY]),
        Contender("ray serve, defaults", lambda place: _module("loadtests.serve_default", place)),
    ]


def peers() -> tuple[list[Contender], list[str]]:
    """Other projects' servers: those installed, and the names of those that are not."""
    found = [peer for peer in PEERS if peer.python.exists()]
    return [_peer(peer) for peer in found], [peer.name for peer in PEERS if not peer.python.exists()]


def _module(module: str, place: Place) -> list[str]:
    return [sys.executable, "-m", module, str(place.model), "--port", str(place.http)]


def _gateway(**settings: str | list[int]) -> Callable[[Place], list[str]]:
    """driftgate as it comes, everything recorded and watched, but for `settings` of the model."""

    def command(place: Place) -> list[str]:
        config = {
            "listen": {"host": "127.0.0.1", "http": place.http, "grpc": place.spare[0]},
            "repository": str(place.repository),
            "data": str(place.folder / "var"),
            "replicas": 1,
            "models": {NAME: {"traffic": {1: 1}, **({} if "shadow" in settings else {"versions": [1]}), **settings}},
        }
        path = place.folder / "gateway.yaml"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        return [str(Path(sys.executable).with_name("driftgate")), "up", str(path)]

    return command


def _peer(peer: Peer) -> Contender:
    def command(place: Place) -> list[str]:
        settings = {"model": str(place.model), "folder": str(place.folder), "port": place.http, "spare": place.spare}
        return [str(peer.python), str(HERE / "peers" / f"serve_{peer.name}.py"), json.dumps(settings)]

    # Their own folder first on the path: mosec, mlserver and bentoml start workers by the name of a program.
    return Contender(peer.name, command, peer.ready, binary=False, env={"PATH": f"{peer.python.parent}:/usr/bin:/bin"})
