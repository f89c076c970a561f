"""A version that is ready to answer, and the checks that it passed to become so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn, Protocol

from gateway.batching import Batcher, Job, Result, expire
from gateway.config import Limits, ModelConfig
from gateway.errors import Cancelled, DeadlineExceeded, RepositoryError
from gateway.golden import check_golden, read_golden
from gateway.manifest import Manifest
from gateway.query import Rows
from gateway.repository import Folder, check_hash, check_reference, describe
from gateway.session import Session
from gateway.signature import Signature
from gateway.warmup import Measured, warm_up

Watch = Callable[["asyncio.Future[Result]"], Callable[[], None]]
"""Cancels the future if its client goes away; the callable that it gives back ends the watching."""


class Runner(Protocol):
    """Whatever can run a version: here, or in a process of its own."""

    async def run(
        self, rows: Rows, count: int, names: Sequence[str] | None, deadline: float | None, watch: Watch | None
    ) -> Result:
        """deadline: by `time.monotonic()`. Raises GatewayError."""
        ...


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Version:
    """What the catalogue holds: who it is, what it takes, and what runs it."""

    manifest: Manifest
    signature: Signature
    stamp: str
    runner: Runner


class LocalRunner:
    """Runs a version in this process: cheap runs at once on the event loop, others in worker threads."""

    def __init__(self, session: Session, measured: Measured, batcher: Batcher) -> None:
        self._session = session
        self._inline_rows = measured.inline_rows
        self._batcher = batcher
        self.measured = measured

    async def run(
        self, rows: Rows, count: int, names: Sequence[str] | None, deadline: float | None, watch: Watch | None
    ) -> Result:
        """See Runner."""
        if count <= self._inline_rows:
            if deadline is not None and time.monotonic() >= deadline:
                raise DeadlineExceeded("the deadline had passed before the model was run")
            began = time.perf_counter_ns()
            outputs = self._session.run(rows, names)
            return Result(outputs, 0, time.perf_counter_ns() - began, count)
        return await settle(self._batcher.submit(rows, count, names), deadline, watch)


async def settle(job: Job, deadline: float | None, watch: Watch | None) -> Result:
    """Waits for the job's result, for its deadline, or for its client to go away, whichever comes first."""
    loop = asyncio.get_running_loop()
    timer = None if deadline is None else loop.call_later(max(0.0, deadline - time.monotonic()), expire, job)
    unwatch = watch(job.future) if watch else None
    try:
        return await job.future
    except asyncio.CancelledError:
        raise_cancelled()
    finally:
        if timer:
            timer.cancel()
        if unwatch:
            unwatch()


def raise_cancelled() -> NoReturn:
    """Goes on with a cancellation: of this task, or, as `Cancelled`, of the future alone, whose client went away."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
    raise Cancelled("the client closed its connection before its answer was ready") from None


def prepare(folder: Folder, settings: ModelConfig, limits: Limits) -> Version:
    """Loads a version and checks it: hash, signature, reference, golden requests; then warms it up.

    Takes as long as that takes: call it in a thread. Raises RepositoryError saying why the version cannot be served.
    """
    try:
        return _prepared(folder, settings, limits)
    except OSError as problem:
        raise RepositoryError(f"{folder.label} cannot be read: {problem}") from None


def _prepared(folder: Folder, settings: ModelConfig, limits: Limits) -> Version:
    check_hash(folder)
    session = Session(folder.path / "model.onnx", folder.label, settings.threads)
    manifest = describe(folder, session)
    check_reference(folder)
    samples = check_golden(session, read_golden(folder.path / "golden.json", folder.label))
    measured = warm_up(session, samples)
    wanted = manifest.max_batch_size if settings.max_batch_size is None else settings.max_batch_size
    batcher = Batcher(
        session.run,
        folder.label,
        max_batch_size=wanted if measured.mergeable else 0,
        workers=settings.workers,
        max_queue=limits.max_queue,
    )
    return Version(manifest, session.signature, folder.stamp, LocalRunner(session, measured, batcher))
