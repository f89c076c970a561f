"""A report made in a process of its own, which takes only the processor time that nobody else wants.

A replica that compiled one itself would answer nobody for seconds: the monitors hold the interpreter.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal

import msgspec

from gateway.config import Config
from gateway.errors import NotFound, NotReady, Overloaded
from gateway.planning import plain

logger = logging.getLogger("driftgate")

Form = Literal["html", "json"]

AGAIN_S = 15
"""After so long it is worth asking again while another report is being made."""

LONGEST_S = 1800.0
FOUND, NOTHING = 0, 3
"""Exit codes of the process; anything else is a failure, told on stderr."""


class Order(msgspec.Struct, frozen=True):
    """What the process reads on stdin. config: as planning.plain gives it. begin, end: ns since the epoch."""

    config: dict[str, object]
    model: str
    begin: int | None
    end: int | None
    versions: tuple[int, ...]
    form: Form
    parent: int


class Child:
    """One report being made. `wait` is for a thread; `kill` may be called by any other."""

    def __init__(self, order: Order, lock: IO[bytes]) -> None:
        command = [sys.executable, "-m", "gateway.report"]
        # It holds the lock too, so that a replica that dies does not let a second one begin beside it.
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=(lock.fileno(),)
        )
        self._order = order

    def wait(self) -> bytes:
        """The file. Raises NotFound if there is nothing to tell, NotReady if it could not be made."""
        try:
            found, said = self._process.communicate(msgspec.json.encode(self._order), timeout=LONGEST_S)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.communicate()
            raise NotReady(f"the report was not ready after {LONGEST_S:g} s; ask for a shorter period") from None
        if self._process.returncode == FOUND:
            return found
        if self._process.returncode == NOTHING:
            raise NotFound(found.decode())
        if self._process.returncode == -signal.SIGKILL:
            logger.warning("a report on %s was given up: its client went away, or memory was short", self._order.model)
            raise NotReady("the report was given up", AGAIN_S)
        words = said.decode(errors="replace").strip()
        logger.error("a report on %s could not be made: %s", self._order.model, words[-2000:])
        raise NotReady("the report could not be made; the gateway's log says more", AGAIN_S)

    def kill(self) -> None:
        """Ends it."""
        self._process.kill()


@contextmanager
def turn(data: Path) -> Iterator[IO[bytes]]:
    """One report at a time of one data folder, whichever replica is asked. Raises Overloaded while another is being made."""
    path = data / "state" / "report.lock"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Overloaded("another report is being made; there is one at a time", AGAIN_S) from None
        yield lock


def order(
    config: Config, model: str, begin: int | None, end: int | None, versions: tuple[int, ...], form: Form
) -> Order:
    """The order of this process."""
    settings: dict[str, object] = json.loads(json.dumps(plain(config)))
    return Order(settings, model, begin, end, versions, form, os.getpid())
