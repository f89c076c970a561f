"""Keeps a process running for each shadow, and starts it again, later each time, when it dies."""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import gateway
from gateway.config import Config
from gateway.log import log_file
from gateway.shadow.attempt import ALARMS
from gateway.shadow.checkpoint import Shadow, register, wanted
from gateway.shadow.process import FINISH, RUN_S, Order
from gateway.shadow.running import CRASHED, TIMED_OUT, Failed

logger = logging.getLogger("driftgate")

FIRST_S, LAST_S = 1.0, 60.0
"""A shadow rests so long after its first death, twice as long after each, and so long at the most; having lived that long it has
recovered."""

_END_S = 5.0


@dataclass(slots=True)
class _Child:
    rest_s: float
    process: subprocess.Popen[bytes] | None = None
    began_s: float = 0.0
    due_s: float = 0.0
    died_of: Failed = CRASHED


class Supervisor:
    """Raises nothing for what a shadow does. Times by `time.monotonic()`. run_s: see Order."""

    def __init__(self, config: Config, rests_s: tuple[float, float] = (FIRST_S, LAST_S), run_s: float = RUN_S) -> None:
        self._children: dict[Shadow, _Child] = {}
        self._config, self._run_s = config, run_s
        self._first_s, self._last_s = rests_s
        self.follow(config)

    def follow(self, config: Config) -> None:
        """From now on, these shadows; the processes of others end. What those that stay go by changes with a restart only."""
        shadows = wanted(config)
        for shadow in self._children.keys() - set(shadows):
            _end(self._children.pop(shadow), 0.0)
        self._config = config
        register(config)
        self._children = {shadow: self._children.get(shadow) or _Child(self._first_s) for shadow in shadows}

    def tend(self, now_s: float) -> None:
        """Starts what is due; to be called a few times a second."""
        for shadow, child in self._children.items():
            process = child.process
            if process is not None and process.poll() is not None:
                _hang_up(process)
                self._buried(shadow, child, process.returncode, now_s)
            if child.process is None and now_s >= child.due_s:
                child.process, child.began_s = self._started(shadow, child), now_s

    @property
    def processes(self) -> dict[Shadow, int]:
        """The process ids of those that run."""
        return {shadow: child.process.pid for shadow, child in self._children.items() if child.process is not None}

    def finish(self, timeout_s: float) -> list[Shadow]:
        """Has each shadow do what is left, now that no replica writes any more; returns those that did not in that time.

        What they have not done, they do after the next start.
        """
        end = time.monotonic() + timeout_s
        for shadow, child in self._children.items():
            if child.process is None:  # it rests: whatever it died of, it may finish in peace
                child.process = self._started(shadow, child)
            _send(child.process, FINISH)
        return [shadow for shadow, child in self._children.items() if not _end(child, end - time.monotonic())]

    def close(self) -> None:
        """Ends all processes at once."""
        for child in self._children.values():
            _end(child, 0.0)

    def _started(self, shadow: Shadow, child: _Child) -> subprocess.Popen[bytes]:
        return start(Order(self._config, shadow, child.died_of, self._run_s))

    def _buried(self, shadow: Shadow, child: _Child, code: int, now_s: float) -> None:
        if now_s - child.began_s >= self._last_s:
            child.rest_s = self._first_s
        child.died_of = TIMED_OUT if -code in ALARMS else CRASHED
        why = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        logger.error(
            "%s: the process of the shadow ended (%s); it is started again in %.1f s", shadow.label, why, child.rest_s
        )
        child.process, child.due_s = None, now_s + child.rest_s
        child.rest_s = min(self._last_s, child.rest_s * 2)


def start(order: Order) -> subprocess.Popen[bytes]:
    """A process that follows the order; it ends when its standard input is closed."""
    root = str(Path(gateway.__file__).parent.parent)
    paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    log = log_file(order.config.data)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway.shadow.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env={**os.environ, "PYTHONPATH": paths},
        )
    _send(process, pickle.dumps(order))
    return process


def _send(process: subprocess.Popen[bytes], content: bytes) -> None:
    assert process.stdin
    with contextlib.suppress(BrokenPipeError):  # it has died: `tend` will see
        process.stdin.write(content)
        process.stdin.flush()


def _hang_up(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()


def _end(child: _Child, patience_s: float) -> bool:
    """Waits for the process, and then ends it; whether it ended by itself, in good order."""
    process = child.process
    if process is None:
        return True
    well = False
    with contextlib.suppress(subprocess.TimeoutExpired):
        well = process.wait(max(0.0, patience_s)) == 0
    _hang_up(process)
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:  # in native code that does not come back
        process.kill()
        process.wait()
    child.process = None
    return well
