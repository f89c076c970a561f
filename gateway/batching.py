"""Merges waiting requests into one run of the model, and splits the result again, exactly."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np

from gateway.errors import DeadlineExceeded, GatewayError, InferenceFailed, Overloaded
from gateway.query import Rows
from gateway.tensor import Array

logger = logging.getLogger("driftgate")

Outputs = dict[str, Array]
Run = Callable[[Rows, Sequence[str] | None], Outputs]


class Result(NamedTuple):
    """What a request got: its outputs, and how long it waited and was computed (ns).

    rows: how many were run together, its own among them. leads: it is the first of that run, the one that counts it.
    """

    outputs: Outputs
    queue_ns: int
    compute_ns: int
    rows: int
    leads: bool = True


class Job:
    """A request that waits or runs. Done early (deadline, client gone), it is skipped when its turn comes."""

    __slots__ = ("count", "future", "names", "queued", "rows", "shapes")

    def __init__(self, rows: Rows, count: int, names: Sequence[str] | None, future: asyncio.Future[Result]) -> None:
        self.rows = rows
        self.count = count
        self.names = names
        self.future = future
        self.queued = time.perf_counter_ns()
        self.shapes = {name: array.shape[1:] for name, array in rows.items()}


class Batcher:
    """Runs jobs on `workers` threads. An idle worker takes a job at once; nobody waits for company.

    run: called in a worker thread. max_batch_size: rows in one merged run; 0 never merges. A job with more rows than that
    runs alone. max_queue: jobs that may wait.
    """

    def __init__(self, run: Run, label: str, *, max_batch_size: int, workers: int = 1, max_queue: int = 512) -> None:
        self._run = run
        self._label = label
        self._max_rows = max_batch_size
        self._max_queue = max_queue
        self._free = workers
        self._queue: deque[Job] = deque()
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix=f"driftgate-{label}")
        self._job_s = 0.001

    @property
    def waiting(self) -> int:
        """How many jobs wait for a worker."""
        return len(self._queue)

    def submit(self, rows: Rows, count: int, names: Sequence[str] | None) -> Job:
        """Starts a job, or lets it wait its turn; its result, or GatewayError, is in `job.future`.

        Raises Overloaded if too many wait already.
        """
        if len(self._queue) >= self._max_queue:
            self._queue = deque(job for job in self._queue if not job.future.done())
        if len(self._queue) >= self._max_queue:
            raise Overloaded(
                f"{self._label}: {len(self._queue)} requests are waiting, the limit (limits.max_queue)",
                retry_after_s=max(1, math.ceil(len(self._queue) * self._job_s)),
            )
        job = Job(rows, count, names, asyncio.get_running_loop().create_future())
        self._queue.append(job)
        self._pump()
        return job

    def _pump(self) -> None:
        while self._free and self._queue:
            jobs = self._take()
            if not jobs:
                return
            self._free -= 1
            work = asyncio.get_running_loop().run_in_executor(self._pool, execute, self._run, jobs)
            work.add_done_callback(partial(self._finish, jobs))

    def _take(self) -> list[Job]:
        """The next job that is still wanted, with as many after it as fit beside it."""
        first = None
        while self._queue and first is None:
            head = self._queue.popleft()
            first = None if head.future.done() else head
        if first is None:
            return []
        jobs, total, kept = [first], first.count, deque[Job]()
        while self._queue and total < self._max_rows:
            job = self._queue.popleft()
            if job.future.done():
                continue
            if total + job.count <= self._max_rows and job.shapes == first.shapes:
                jobs.append(job)
                total += job.count
            else:
                kept.append(job)
        self._queue.extendleft(reversed(kept))
        return jobs

    def _finish(self, jobs: list[Job], work: asyncio.Future[list[Result | GatewayError]]) -> None:
        self._free += 1
        broken = work.exception()  # a waiting client must hear of it
        outcomes = [self._said(broken)] * len(jobs) if broken else work.result()
        for job, outcome in zip(jobs, outcomes, strict=True):
            if job.future.done():
                continue
            if isinstance(outcome, GatewayError):
                job.future.set_exception(outcome)
            else:
                self._job_s = 0.9 * self._job_s + 0.1e-9 * outcome.compute_ns / len(jobs)
                job.future.set_result(outcome)
        self._pump()

    def _said(self, broken: BaseException) -> GatewayError:
        if isinstance(broken, MemoryError):
            return Overloaded(f"{self._label}: there is not enough memory for this request now")
        logger.error("%s: a run failed in a way that is not foreseen", self._label, exc_info=broken)
        return GatewayError(f"{self._label}: {type(broken).__name__}")


def expire(job: Job) -> None:
    """Ends a job whose deadline has come."""
    if not job.future.done():
        waited = (time.perf_counter_ns() - job.queued) / 1e6
        job.future.set_exception(DeadlineExceeded(f"the deadline passed after {waited:.0f} ms"))


def execute(run: Run, jobs: Sequence[Job]) -> list[Result | GatewayError]:
    """Runs the jobs as one, or, should that fail, each alone: a bad request must not fail its neighbours."""
    began = time.perf_counter_ns()
    try:
        parts = merged(run, jobs) if len(jobs) > 1 else [run(jobs[0].rows, jobs[0].names)]
    except GatewayError as refusal:
        return [refusal] if len(jobs) == 1 else [execute(run, [job])[0] for job in jobs]
    took = time.perf_counter_ns() - began
    total = sum(job.count for job in jobs)
    return [
        Result(part, began - job.queued, took, total, job is jobs[0]) for job, part in zip(jobs, parts, strict=True)
    ]


def merged(run: Run, jobs: Sequence[Job]) -> list[Outputs]:
    """One run over the rows of all jobs; each gets its own rows of the outputs it asked for.

    Raises InferenceFailed if an output does not have as many rows: on other values than at warm-up, a model may drop some.
    """
    first, total = jobs[0].rows, sum(job.count for job in jobs)
    outputs = run({name: np.concatenate([job.rows[name] for job in jobs]) for name in first}, _union(jobs))
    for name, array in outputs.items():
        if array.shape[:1] != (total,):
            raise InferenceFailed(f'output "{name}": shape {list(array.shape)} for {total} rows, which cannot be split')
    parts, at = [], 0
    for job in jobs:
        names = outputs if job.names is None else job.names
        parts.append({name: outputs[name][at : at + job.count] for name in names})
        at += job.count
    return parts


def _union(jobs: Sequence[Job]) -> list[str] | None:
    names: dict[str, None] = {}
    for job in jobs:
        if job.names is None:
            return None
        names.update(dict.fromkeys(job.names))
    return list(names)
