"""The process of one shadow: `python -m gateway.shadow.process`, with its order on standard input.

It has the lowest priority that there is. It ends at once when its input is closed, as it is when whoever started it dies, and in
good order when it is told to finish.
"""

from __future__ import annotations

import fcntl
import gc
import logging
import os
import pickle
import signal
import threading
import time
from io import FileIO
from typing import NamedTuple

from gateway.config import Config, ModelConfig
from gateway.errors import GatewayError, RepositoryError
from gateway.log import open_log
from gateway.priority import stand_back
from gateway.recorder import recipes
from gateway.repository import Folder, scan
from gateway.secret import redaction_key
from gateway.shadow.checkpoint import Shadow, run_path
from gateway.shadow.running import CRASHED, MOST_ROWS, Failed, Running
from gateway.shadow.shadowing import Ready, Shadowing
from gateway.version import prepare

logger = logging.getLogger("driftgate")

FINISH = b"f"
RUN_S = 30.0
"""So much processor time a batch may take; of a version that is slow, a batch is a row."""

_POLL_S = 0.1
_LOOK_S = 10.0
_AGAIN_S = 60.0
_GC_S = 30.0
_LOAD_S = 300.0
_LOADS = 2


class Order(NamedTuple):
    """What a process is to do. died_of: how the one before it ended. run_s: the processor time that a batch may take."""

    config: Config
    shadow: Shadow
    died_of: Failed = CRASHED
    run_s: float = RUN_S


class Process:
    """Follows its order until it is told to finish."""

    def __init__(self, order: Order) -> None:
        self._config, self._shadow = order.config, order.shadow
        self._shadowing = Shadowing(order.config, order.shadow, order.died_of, order.run_s)
        self._recipes = recipes(order.config, redaction_key(order.config.data))
        self._stamp: str | None = None
        self._look_at = 0.0

    def run(self, finishing: threading.Event) -> None:
        """Until `finishing` is set: no replica writes any more then, and what is left is shadowed before it returns.

        Raises OSError when a checkpoint cannot be written.
        """
        collected = time.monotonic()
        while not finishing.is_set():
            self._look()
            if not self._shadowing.step(time.time_ns()):
                finishing.wait(_POLL_S)
            if time.monotonic() - collected > _GC_S:
                gc.collect()
                collected = time.monotonic()
        self._shadowing.drain(time.time_ns(), patience_ns=0)
        self._shadowing.close()

    def _look(self) -> None:
        """Loads the version, if its files are others than those that were loaded, or failed to be a minute ago."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + _LOOK_S
        try:
            folder = scan(self._config.repository).get(self._shadow.model, {}).get(self._shadow.version)
            if folder is None:
                raise RepositoryError(f"{self._shadow.label} is not in the repository")
            if folder.stamp != self._stamp:
                self._load(folder)
        except (GatewayError, OSError) as problem:
            logger.error("%s does not shadow: %s", self._shadow.label, problem)
            self._stamp = None
            self._shadowing.drop(str(problem))
            self._look_at = time.monotonic() + _AGAIN_S

    def _load(self, folder: Folder) -> None:
        if self._shadowing.kept.unloadable >= _LOADS:  # a minute's grace, in which primaries are counted and not kept
            self._shadowing.kept.unloadable = 0
            raise RepositoryError(f"{folder.label}: loading it ended its process {_LOADS} times")
        settings = self._config.settings(folder.model) or ModelConfig()
        alone = settings.model_copy(update={"threads": 1, "workers": 1})

        def ready() -> Ready:
            version = prepare(folder, alone, self._config.limits)
            most = settings.max_batch_size
            rows = version.manifest.max_batch_size if most is None else most
            recipe = self._recipes(version)
            if recipe is None:
                raise RepositoryError(
                    f"{folder.label}: answers are not recorded (record), so there is nothing to shadow"
                )
            return Ready(Running(version, min(rows, MOST_ROWS)), recipe)

        self._shadowing.load(ready, _LOAD_S)
        self._stamp = folder.stamp
        logger.info("%s shadows", folder.label)


def main(orders: FileIO) -> None:
    """Reads an order, and follows it until `orders` says otherwise."""
    order: Order = pickle.load(orders)
    open_log(order.config.data, order.config.log.format, order.config.log.level)
    stand_back()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # thousands of small objects for each batch, none in cycles
    path = run_path(order.config.data, order.shadow).with_suffix(".lock")
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    threading.Thread(target=_listen, args=(orders,), daemon=True).start()
    fcntl.flock(lock, fcntl.LOCK_EX)  # until the process before has let go
    Process(order).run(_finishing)


_finishing = threading.Event()


def _listen(orders: FileIO) -> None:
    if orders.read(1) == FINISH:
        _finishing.set()
        orders.read(1)
    os._exit(0)  # nobody waits for it any more; what it has not committed, its successor does again


if __name__ == "__main__":
    main(FileIO(0, closefd=False))  # not buffered: what follows the order must not be read with it
