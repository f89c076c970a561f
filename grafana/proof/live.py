"""A gateway as a user starts it, with recorded traffic for all four bundled models, a shadow, and a rollout to begin."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import yaml

from gateway.ports import free_port
from grafana.proof.errors import ProofError
from grafana.proof.recordings import write_credit, write_digits

_COMMAND = (sys.executable, "-m", "gateway.cli")
_MODELS = Path(__file__).parent.parent.parent / "models"
_START_S, _STOP_S = 120.0, 60.0


class Pace(NamedTuple):
    """How fast things go. bake_s: how long the rollout stays on a step at least; window_s: between ends of windows.

    rows: of a window. flights: how much faster than in 2013 they fly, beginning in April.
    """

    bake_s: float
    window_s: float
    rows: int
    flights: float


BRISK = Pace(bake_s=600, window_s=2, rows=600, flights=14400)
"""For a look after a quarter of a minute: the rollout is on its first step."""
STEADY = Pace(bake_s=100, window_s=15, rows=2000, flights=14400)
"""For pictures after some minutes: the rollout takes its steps, and a window holds two days of flights at least."""


class Live(NamedTuple):
    """A gateway under replay. target: `host:port`, for Prometheus. config: its file. pace: of the rollout."""

    target: str
    url: str
    config: Path
    pace: Pace

    def reload(self) -> None:
        """A model is loaded again, and a client sends nonsense."""
        with httpx.Client(base_url=self.url, timeout=30, trust_env=False) as client:
            client.post("/v2/models/flights/infer", content=b"{}")
            client.post("/v2/repository/models/digits/load").raise_for_status()

    def roll_out(self) -> None:
        """A rollout of version 2 of flights begins. Raises ProofError."""
        content = yaml.safe_load(self.config.read_text(encoding="utf-8"))
        flights = content["models"]["flights"]
        flights.pop("traffic", None)
        flights["rollout"] = rollout(self.pace)
        self.config.write_text(yaml.safe_dump(content), encoding="utf-8")
        done = subprocess.run(
            [*_COMMAND, "apply", str(self.config)], capture_output=True, text=True, timeout=_START_S, check=False
        )
        if done.returncode:
            raise ProofError(f"the rollout was refused: {done.stdout}{done.stderr}")


@contextlib.contextmanager
def live(folder: Path, pace: Pace) -> Iterator[Live]:
    """Runs it in `folder`, until the block is left. Raises ProofError if it does not start."""
    folder.mkdir(parents=True, exist_ok=True)
    config, port = folder / "gateway.yaml", free_port()
    config.write_text(yaml.safe_dump(configuration(folder, port, pace)), encoding="utf-8")
    with contextlib.ExitStack() as stack:
        gateway = stack.enter_context(_process(folder / "up.log", "up", str(config)))
        found = Live(f"127.0.0.1:{port}", f"http://127.0.0.1:{port}", config, pace)
        wait_for(lambda: _ready(gateway, found.url, folder / "up.log"), _START_S, "the gateway to be ready")
        for model, words in _replays(folder, pace).items():
            command = ("replay", model, "--config", str(config), "--json", *words)
            stack.enter_context(_process(folder / f"{model}.log", *command))
        yield found


def configuration(folder: Path, port: int, pace: Pace) -> dict[str, Any]:
    """Version 1 answers about flights, and version 2 is its shadow; the other models have one version."""
    watched = {"every": f"{pace.window_s:g}s", "rows": pace.rows, "lateness": "500ms"}
    return {
        "listen": {"http": port, "grpc": free_port()},
        "repository": str(_MODELS),
        "data": str(folder / "var"),
        "store": {"flush": "5s"},
        "models": {
            "flights": {"traffic": {1: 1}, "shadow": [2], "monitor": watched},
            **{
                name: {"monitor": {**watched, "rows": 60 + pace.rows // 20}}
                for name in ("bikeshare", "credit", "digits")
            },
        },
    }


def rollout(pace: Pace) -> dict[str, Any]:
    """From version 1 of flights to version 2, with gates of every kind."""
    return {
        "stable": 1,
        "candidate": 2,
        "steps": [10, 25, 50],
        "bake": f"{pace.bake_s:g}s",
        "min_samples": 200,
        "gates": [
            {"metric": "error_rate", "worse_by": 0.05},
            {"metric": "latency_p99", "ratio": 3},
            {"metric": "accuracy", "worse_by": 0.2},
            {"metric": "disagreement", "above": 0.5},
        ],
    }


def wait_for(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Returns as soon as the condition holds. Raises ProofError, naming `what`, if it does not within so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise ProofError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.1)


def _replays(folder: Path, pace: Pace) -> dict[str, tuple[str, ...]]:
    credit, digits = write_credit(_MODELS, folder / "credit.parquet"), write_digits(folder / "digits.parquet")
    return {
        "flights": ("--speed", f"{pace.flights:g}x", "--from", "2013-04-01"),
        "bikeshare": ("--speed", "50400x", "--from", "2011-02-01"),
        "credit": ("--speed", "20x", "--data", str(credit)),
        "digits": ("--speed", "20x", "--data", str(digits)),
    }


@contextlib.contextmanager
def _process(log: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen([*_COMMAND, *words], stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _ready(gateway: subprocess.Popen[bytes], url: str, log: Path) -> bool:
    if gateway.poll() is not None:
        raise ProofError(f"the gateway ended with {gateway.returncode}:\n{log.read_text(encoding='utf-8')[-2000:]}")
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{url}/v2/health/ready", timeout=5, trust_env=False).status_code == 200
    return False
