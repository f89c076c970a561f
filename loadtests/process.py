"""A server as a process group of its own: started, waited for, and stopped to the last child, each by its own id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import psutil

from loadtests.errors import ServerError
from loadtests.target import Target

START_S = 120.0
STOP_S = 60.0
POLL_S = 0.1


class ServerProcess:
    """Runs `command` between enter and exit. What it prints goes to the file `log`.

    Children that leave the process group (Ray's do) are found through their parents, and recognised by process id and
    time of creation, so that no other process can be taken for one of them.
    """

    def __init__(self, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> None:
        self._command = list(command)
        self._log = log
        self._env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._family: set[psutil.Process] = set()

    def __enter__(self) -> Self:
        with self._log.open("wb") as out:
            try:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    env=self._env,
                    start_new_session=True,
                )
            except OSError as problem:
                raise ServerError(f"{self._command[0]}: {problem.strerror}") from None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def wait_ready(self, target: Target, path: str, timeout_s: float = START_S) -> None:
        """Returns as soon as GET `path` answers 200. Raises ServerError with the end of the log."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise ServerError(f"ended before it was ready:\n{self.tail()}")
            try:
                if httpx.get(target.url + path, timeout=5, trust_env=False).status_code == 200:
                    self._meet_family()
                    return
            except httpx.HTTPError:
                pass
            time.sleep(POLL_S)
        raise ServerError(f"not ready after {timeout_s:.0f} s:\n{self.tail()}")

    def tail(self, lines: int = 12) -> str:
        """The last lines that the server printed."""
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def stop(self, grace_s: float = STOP_S) -> None:
        """SIGTERM to the server; what still lives when it is gone, or after `grace_s`, is killed."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            self._meet_family(process.pid)
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(grace_s)
        _, alive = psutil.wait_procs([member for member in self._family if member.is_running()], timeout=2)
        for member in alive:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _meet_family(self, pid: int | None = None) -> None:
        pid = pid if pid is not None or self._process is None else self._process.pid
        with suppress(psutil.NoSuchProcess):
            self._family.update(psutil.Process(pid).children(recursive=True))


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that are free now; all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()
