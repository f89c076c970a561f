"""The shadows' actor: a thread that keeps their processes running, and a few questions."""

from __future__ import annotations

import logging
import os
import pickle
import threading
import time
from pathlib import Path
from typing import Any

import ray

from gateway.config import Config
from gateway.log import open_log
from gateway.secret import keep
from gateway.shadow.checkpoint import register, wanted
from gateway.shadow.supervisor import Supervisor

logger = logging.getLogger("driftgate")

NAME, NAMESPACE = "driftgate-shadows", "driftgate"
_POLL_S = 0.25
_NICE = 10


class Shadows:
    """Started once; Ray restarts it when it dies. The processes of its shadows die with it, and are started by the next."""

    def __init__(self, data: Path) -> None:
        config = followed(data)
        open_log(data, config.log.format, config.log.level)
        os.nice(_NICE)
        self._supervisor = Supervisor(config)
        self._data = data
        self._turn = threading.Lock()
        self._stopped = threading.Event()
        threading.Thread(target=self._run, name="shadows", daemon=True).start()

    def follow(self) -> None:
        """From now on, the shadows of the configuration that is followed now."""
        with self._turn:
            self._supervisor.follow(followed(self._data))

    def processes(self) -> dict[str, int]:
        """The process id of each shadow that runs, by `model/version`."""
        with self._turn:
            return {shadow.label: pid for shadow, pid in self._supervisor.processes.items()}

    def finish(self, timeout_s: float) -> list[str]:
        """Has the shadows do what is left; see Supervisor.finish. Returns those that did not, and stops."""
        self._stopped.set()
        with self._turn:
            return [shadow.label for shadow in self._supervisor.finish(timeout_s)]

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                with self._turn:
                    if not self._stopped.is_set():
                        self._supervisor.tend(time.monotonic())
            except OSError as problem:
                logger.error("a shadow could not be started just now: %s", problem)
            self._stopped.wait(_POLL_S)


def start_shadows(config: Config) -> Any:
    """Creates the actor, if there are shadows. Call it before the first request is taken: from then on each is owed."""
    _keep(config)
    register(config)
    if not wanted(config):
        return None
    actor: Any = ray.remote(Shadows)
    return actor.options(
        name=NAME, namespace=NAMESPACE, num_cpus=0, max_restarts=-1, max_concurrency=4, lifetime="detached"
    ).remote(config.data)


def follow(config: Config) -> None:
    """From now on, the shadows of this configuration; the actor is created if there was none."""
    try:
        actor = ray.get_actor(NAME, NAMESPACE)
    except ValueError:
        start_shadows(config)
    else:
        _keep(config)
        register(config)
        actor.follow.remote()


def followed(data: Path) -> Config:
    """The configuration whose shadows run; the one that the actor was created with may have been edited since."""
    found: Config = pickle.loads(_path(data).read_bytes())  # our own file, mode 0600
    return found


def _keep(config: Config) -> None:
    keep(_path(config.data), pickle.dumps(config))


def _path(data: Path) -> Path:
    return data / "state" / "shadows.pickle"


def finish(timeout_s: float) -> None:
    """Has the shadows do what is left, now that no replica writes any more; logs what they leave for the next start."""
    try:
        late: list[str] = ray.get(ray.get_actor(NAME, NAMESPACE).finish.remote(timeout_s), timeout=timeout_s + 10)
    except ValueError:  # there are none
        return
    except ray.exceptions.RayError as problem:
        logger.error("the shadows did not finish (%s); the next start goes on from there", type(problem).__name__)
        return
    for label in late:
        logger.warning("%s has not shadowed all that it is owed; it goes on after the next start", label)
