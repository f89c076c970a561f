"""The observer's actor: a thread that folds, and a few questions that replicas ask it."""

from __future__ import annotations

import gc
import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version as installed
from typing import Any

import pyarrow as pa
import ray

from gateway import metrics
from gateway.config import Config
from gateway.errors import GatewayError, NotReady, SetupError
from gateway.exposition import Exposition
from gateway.journal.reader import HOLD_NS
from gateway.log import open_log
from gateway.metrics import Sample
from gateway.observer.asking import NAME, NAMESPACE
from gateway.observer.distributions import distributions
from gateway.observer.fold import Fold
from gateway.observer.pulse import Pulse
from gateway.observer.readings import told
from gateway.observer.samples import samples
from gateway.observer.standing import SILENT_S, Standing
from gateway.observer.standing import samples as told_samples
from gateway.observer.texts import Texts
from gateway.observer.traffic import Traffic, traffic
from gateway.observer.trials import Asked
from gateway.priority import stand_back
from gateway.shadow.report import reports

logger = logging.getLogger("driftgate")

QUICK = "quick"
"""Questions that are answered at once, by threads of their own: others wait for the fold."""
_POLL_S = 0.2  # a few thousand rows at once cost half of what hundreds do
_AGAIN_S = 1.0  # after a failure
_SAMPLE_S = 1.0
_GC_S = 30.0


class Observer:
    """Started once; Ray restarts it when it dies, and it goes on from its last checkpoint."""

    def __init__(self, config: Config) -> None:
        open_log(config.data, config.log.format, config.log.level)
        stand_back()  # with no time to spare it falls behind; the journal is its buffer
        pa.set_cpu_count(1)
        # Batches hold millions of small objects for a short time; looking through them for cycles took half of all time.
        gc.disable()
        self._config = config
        self._fold: Fold | None = None
        self._samples: list[Sample] = []
        self._sampled = 0.0
        self._pulse = Pulse(config, time.time_ns())
        self._standing: tuple[float, Standing] | None = None
        self._traffic = Traffic(time.time(), [])
        self._version = installed("driftgate")
        self._texts = Texts(self._all)
        self._finished = False
        self._turn = threading.Lock()
        self._stopped = threading.Event()
        threading.Thread(target=self._run, name="fold", daemon=True).start()

    @ray.method(concurrency_group=QUICK)
    def scrape(self, accept: str) -> Exposition:
        """All metrics, at most two seconds old."""
        return self._texts.text(accept)

    @ray.method(concurrency_group=QUICK)
    def tell(self, standing: Standing) -> None:
        """Takes how everything stands, from the control actor; without news it is forgotten after SILENT_S."""
        self._standing = time.monotonic(), standing

    @ray.method(concurrency_group=QUICK)
    def traffic(self) -> Traffic:
        """What was answered and refused since the beginning, at most a second old."""
        return self._traffic

    def flush(self) -> None:
        """Returns when all that was answered before is in the store, with every label that was accepted."""
        with self._caught_up() as fold:
            fold.store.tidy(time.time_ns(), force=True)

    def forget(self, model: str, ids: list[str] | None, column: str | None, value: str | None) -> int:
        """Removes rows from the store, and says how many. See Store.forget."""
        with self._caught_up() as fold:
            return fold.forget(model, ids, column, value, time.time_ns())

    def windows(self, model: str, most: int) -> bytes:
        """What the monitors of a model found, as JSON: of each version and role the newest windows, up to `most` of them."""
        with self._folding() as fold:
            found = [
                (subject, hub.latest(), hub.history(most) if most else [])
                for subject, hub in fold.watching.hubs()
                if subject.model == model
            ]
        versions = [
            {
                "version": subject.version,
                "role": subject.role,
                "latest": [told(window) for window in latest],
                "history": [told(window) for window in history],
            }
            for subject, latest, history in found
        ]
        return _json(model, versions)

    def distributions(self, model: str) -> bytes:
        """What is distributed how in a model's newest windows, as JSON, by version and role. See observer.distributions."""
        with self._folding() as fold:
            found = [distributions(subject, hub) for subject, hub in fold.watching.hubs() if subject.model == model]
        return _json(model, found)

    def evidence(self, asked: dict[str, Asked]) -> dict[str, dict[int, list[dict[str, Any]]]]:
        """What rollouts look at, by model, version and stretch; evidence of others is dropped. See Trials."""
        with self._folding() as fold:
            trials = fold.trials
            trials.keep(asked)
            now_ns = time.time_ns()
            trials.compared(reports(self._config.data, now_ns), now_ns)
            found = {model: trials.ask(model, each) for model, each in asked.items()}
            if trials.changed:
                with suppress(OSError):  # no room: the next step of the fold says so
                    fold.commit(now_ns)
            return found

    def finish(self) -> None:
        """Folds what is left, now that no replica writes any more, and stops."""
        self._stopped.set()
        with self._folding() as fold:
            fold.drain(time.time_ns(), patience_ns=0)
            self._finished = True
            self._drop()

    def _run(self) -> None:
        collected = 0.0
        while not self._stopped.is_set():
            try:
                with self._folding() as fold:
                    behind = self._step(fold)
                if time.monotonic() - collected > _GC_S:
                    gc.collect()
                    collected = time.monotonic()
                time.sleep(0.001 if behind else _POLL_S)  # the lock goes to whoever waits for it
            except Exception as problem:
                self._pulse.failures += 1
                if isinstance(problem, GatewayError | OSError):
                    logger.error("the observer cannot go on just now, and tries again: %s", problem)
                else:
                    logger.exception(
                        "the observer failed in a way that is not foreseen; it starts again from its checkpoint"
                    )
                self._stopped.wait(_AGAIN_S)

    def _step(self, fold: Fold) -> bool:
        """Whether there is more to be read at once."""
        if self._stopped.is_set():
            return False
        try:
            fold.step(time.time_ns())
        except OSError:  # a full disk shows in the metrics too
            self._sample(fold)
            raise
        self._sample(fold)
        return fold.behind

    def _sample(self, fold: Fold) -> None:
        self._pulse.beat(fold)
        if time.monotonic() - self._sampled <= _SAMPLE_S:
            return
        self._sampled = time.monotonic()
        try:
            self._samples = samples(fold, self._config.data)
            self._traffic = traffic(fold.ledger, time.time())
            self._texts.prepare()
        except OSError:
            raise
        except Exception:  # what is shown must not cost what is recorded
            self._pulse.failures += 1
            logger.exception("the metrics could not be made in a way that is not foreseen")

    def _all(self) -> list[Sample]:
        found = [Sample(metrics.INFO, (self._version,), 1), *self._pulse.samples(time.time_ns()), *self._samples]
        held = self._standing
        if held is not None and time.monotonic() - held[0] < SILENT_S:
            found += told_samples(held[1])
        return found

    @contextmanager
    def _caught_up(self) -> Iterator[Fold]:
        """The fold, once all that was answered before is in the store, and final; nobody else has it meanwhile."""
        asked_ns = time.time_ns()
        time.sleep(HOLD_NS / 1e9)  # sooner, a replica may die before it sends what it recorded, and another is asked
        while True:
            with self._folding() as fold:
                fold.drain(asked_ns)
                if not fold.doubted:
                    yield fold
                    return
            time.sleep(_POLL_S)

    @contextmanager
    def _folding(self) -> Iterator[Fold]:
        """The fold, alone. After a failure that is not foreseen it is dropped: half a step may be in it.

        Raises SetupError while another process, an export perhaps, has the store, NotReady once all is finished.
        """
        with self._turn:
            if self._finished:
                raise NotReady("the observer has finished: the gateway is stopping")
            if self._fold is None:
                self._fold = Fold(self._config)
            try:
                yield self._fold
            except (GatewayError, OSError):
                raise
            except Exception:
                self._drop()
                raise

    def _drop(self) -> None:
        fold, self._fold = self._fold, None
        if fold is not None:
            fold.close()


def _json(model: str, versions: list[dict[str, Any]]) -> bytes:
    """Written here, where time is nobody's, so that the replica that hands it on does not."""
    return json.dumps({"model": model, "versions": versions}, allow_nan=False).encode()


def start_observer(config: Config) -> Any:
    """Creates the actor."""
    decorate: Any = ray.remote  # its stubs do not know of groups without other options
    return (
        decorate(concurrency_groups={QUICK: 2})(Observer)
        .options(
            name=NAME,
            namespace=NAMESPACE,
            num_cpus=0,
            max_restarts=-1,
            max_concurrency=8,
            lifetime="detached",
        )
        .remote(config)
    )


def finish(timeout_s: float) -> None:
    """Has the observer fold what is left. Raises NotReady if it does not in that time; the next start then will."""
    try:
        ray.get(ray.get_actor(NAME, NAMESPACE).finish.remote(), timeout=timeout_s)
    except (ValueError, ray.exceptions.RayError, SetupError) as problem:
        raise NotReady(
            f"the observer did not finish ({type(problem).__name__}); the next start goes on from there"
        ) from None
