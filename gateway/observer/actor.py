"""The observer's actor: a thread that folds, and a few questions that replicas ask it."""

from __future__ import annotations

import gc
import logging
import os
import threading
import time
from typing import Any

import pyarrow as pa
import ray

from gateway.config import Config
from gateway.errors import GatewayError, NotReady, SetupError
from gateway.exposition import Exposition, expose
from gateway.log import open_log
from gateway.metrics import Sample
from gateway.observer.fold import Fold
from gateway.observer.samples import samples

logger = logging.getLogger("driftgate")

NAME, NAMESPACE = "driftgate-observer", "driftgate"
_POLL_S = 0.05
_AGAIN_S = 1.0  # after a failure
_SAMPLE_S = 0.5
_NICE = 5  # answers come first: on a machine with no time to spare it falls behind, and catches up
_GC_S = 30.0


class Observer:
    """Started once; Ray restarts it when it dies, and it goes on from its last checkpoint."""

    def __init__(self, config: Config) -> None:
        open_log(config.data)
        os.nice(_NICE)
        pa.set_cpu_count(1)
        # Batches hold millions of small objects for a short time; looking through them for cycles took half of all time.
        gc.disable()
        self._config = config
        self._fold: Fold | None = None
        self._samples: list[Sample] = []
        self._turn = threading.Lock()
        self._stopped = threading.Event()
        threading.Thread(target=self._run, name="fold", daemon=True).start()

    def scrape(self, accept: str) -> Exposition:
        """All metrics, at most a second old."""
        return expose(self._samples, accept)

    def flush(self) -> None:
        """Returns when all that was answered before is in the store, with every label that was accepted."""
        now_ns = time.time_ns()
        with self._turn:
            fold = self._open()
            fold.drain(now_ns)
            fold.store.tidy(time.time_ns(), force=True)

    def forget(self, model: str, ids: list[str] | None, column: str | None, value: str | None) -> int:
        """Removes rows from the store, and says how many. See Store.forget."""
        now_ns = time.time_ns()
        with self._turn:
            fold = self._open()
            fold.drain(now_ns)
            return fold.forget(model, ids, column, value)

    def finish(self) -> None:
        """Folds what is left, now that no replica writes any more, and stops."""
        self._stopped.set()
        with self._turn:
            fold = self._open()
            fold.drain(time.time_ns(), patience_ns=0)
            fold.close()

    def _run(self) -> None:
        sampled = collected = 0.0
        while not self._stopped.is_set():
            try:
                with self._turn:
                    fold = self._open()
                    idle = not self._stopped.is_set() and not fold.step(time.time_ns())
                    if time.monotonic() - sampled > _SAMPLE_S:
                        self._samples, sampled = samples(fold, self._config), time.monotonic()
                if time.monotonic() - collected > _GC_S:
                    gc.collect()
                    collected = time.monotonic()
                time.sleep(_POLL_S if idle else 0.001)  # the lock goes to whoever waits for it
            except (GatewayError, OSError) as problem:
                logger.error("the observer cannot go on just now, and tries again: %s", problem)
                self._stopped.wait(_AGAIN_S)
            except Exception:
                logger.exception(
                    "the observer failed in a way that is not foreseen; it starts again from its checkpoint"
                )
                self._reopen()
                self._stopped.wait(_AGAIN_S)

    def _open(self) -> Fold:
        """The fold. Raises SetupError while another process, an export perhaps, has the store."""
        if self._fold is None:
            self._fold = Fold(self._config)
        return self._fold

    def _reopen(self) -> None:
        """Drops what is in memory: half a step may be in it."""
        fold, self._fold = self._fold, None
        if fold is not None:
            fold.close()


def start_observer(config: Config) -> Any:
    """Creates the actor."""
    actor: Any = ray.remote(Observer)
    return actor.options(
        name=NAME,
        namespace=NAMESPACE,
        num_cpus=0,
        max_restarts=-1,
        max_concurrency=8,
        lifetime="detached",
    ).remote(config)


def finish(timeout_s: float) -> None:
    """Has the observer fold what is left. Raises NotReady if it does not in that time; the next start then will."""
    try:
        ray.get(ray.get_actor(NAME, NAMESPACE).finish.remote(), timeout=timeout_s)
    except (ValueError, ray.exceptions.RayError, SetupError) as problem:
        raise NotReady(
            f"the observer did not finish ({type(problem).__name__}); the next start goes on from there"
        ) from None
