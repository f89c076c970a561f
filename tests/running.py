"""Starts a real gateway in a process of its own, as a user would, and stops it again."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml

from gateway.ports import free_port

UP = (sys.executable, "-m", "gateway.cli", "up")
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
def launch(folder: Path, command: Sequence[str] = UP, **settings: Any) -> Iterator[Running]:
    """A gateway on free ports of 127.0.0.1 with its data in `folder`; `settings` are keys of its configuration."""
    content = {
        "listen": {"http": free_port(), "grpc": free_port()},
        "repository": str(MODELS),
        "data": str(folder / "var"),
        **settings,
    }
    config = folder / "gateway.yaml"
    config.write_text(yaml.safe_dump(content))
    with launched(config, folder / "up.log", command) as running:
        yield running


@contextlib.contextmanager
def launched(config: Path, log: Path, command: Sequence[str] = UP) -> Iterator[Running]:
    """A gateway with that configuration, which says on `log` what it has to say."""
    listen = yaml.safe_load(config.read_text())["listen"]
    with log.open("wb") as output:
        process = subprocess.Popen([*command, str(config)], stdout=output, stderr=subprocess.STDOUT)
    running = Running(f"http://127.0.0.1:{listen['http']}", f"127.0.0.1:{listen['grpc']}", config, process, log)
    try:
        wait_for(lambda: ready(running), 90, "the gateway to say that it is ready")
        yield running
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends the gateway, gracefully if it can."""
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        for child in family:
            with contextlib.suppress(psutil.NoSuchProcess):
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


def command_line(process: psutil.Process) -> str:
    """How a process was started; empty for one that has ended meanwhile, buried or not."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
