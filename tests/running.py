"""Starts a real gateway in a process of its own, as a user would, and stops it again."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml

from gateway.environment import free_port

MODELS = Path(__file__).parent.parent / "models"


@dataclass(frozen=True)
class Running:
    """A gateway that answers."""

    url: str
    grpc: str
    config: Path
    process: subprocess.Popen[bytes]
    log: Path

    def client(self, **options: Any) -> httpx.Client:
        """An HTTP client for it."""
        return httpx.Client(base_url=self.url, timeout=30, trust_env=False, **options)

    def status(self) -> dict[str, Any]:
        """What `GET /gateway/status` says."""
        with self.client() as client:
            found: dict[str, Any] = client.get("/gateway/status").raise_for_status().json()
        return found

    def replicas(self) -> list[psutil.Process]:
        """The living processes of its ingress replicas."""
        known = [replica["pid"] for replica in self.status()["replicas"]]
        return [psutil.Process(pid) for pid in known if psutil.pid_exists(pid)]


@contextlib.contextmanager
def launch(folder: Path, **settings: Any) -> Iterator[Running]:
    """A gateway on free ports of 127.0.0.1 with its data in `folder`; `settings` are keys of its configuration."""
    http, grpc = free_port(), free_port()
    content = {
        "listen": {"http": http, "grpc": grpc},
        "repository": str(MODELS),
        "data": str(folder / "var"),
        **settings,
    }
    config = folder / "gateway.yaml"
    config.write_text(yaml.safe_dump(content))
    log = folder / "up.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway.cli", "up", str(config)], stdout=output, stderr=subprocess.STDOUT
        )
    running = Running(f"http://127.0.0.1:{http}", f"127.0.0.1:{grpc}", config, process, log)
    try:
        wait_for(lambda: ready(running), 90, f"the gateway to answer; it says:\n{log.read_text()}")
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
            process.wait()
            raise


def ready(running: Running) -> bool:
    """Whether it has said that it is ready; raises if it has ended instead."""
    if running.process.poll() is not None:
        raise AssertionError(f"the gateway ended with {running.process.returncode}:\n{running.log.read_text()}")
    return b"Ready in" in running.log.read_bytes()


def wait_for(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Returns as soon as the condition holds; fails, naming `what`, if it does not within so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.05)
