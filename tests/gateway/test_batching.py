"""Requests merged into one run of the model, and split again."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.batching import Batcher, Job, Outputs, Result, execute, expire, merged
from gateway.errors import DeadlineExceeded, GatewayError, InferenceFailed, Overloaded
from gateway.query import Rows
from gateway.session import Session
from tests import onnx_models

PATIENCE_S = 10.0


class Gate:
    """The run function of a real session behind a gate: runs are recorded as they begin, and wait until it is opened."""

    def __init__(self, session: Session, opened: bool = False) -> None:
        self._session = session
        self._open = threading.Event()
        self._begun = threading.Semaphore(0)
        self.runs: list[tuple[int, list[str] | None]] = []
        if opened:
            self._open.set()

    def __call__(self, rows: Rows, names: Sequence[str] | None) -> Outputs:
        """Runs the session once the gate is open."""
        self.runs.append((len(next(iter(rows.values()))), None if names is None else list(names)))
        self._begun.release()
        assert self._open.wait(PATIENCE_S)
        return self._session.run(rows, names)

    async def begun(self) -> None:
        """Returns when one more run has begun."""
        assert await asyncio.to_thread(self._begun.acquire, timeout=PATIENCE_S)

    def open(self) -> None:
        """Lets all runs go on."""
        self._open.set()

    @property
    def sizes(self) -> list[int]:
        """The rows of each run."""
        return [rows for rows, _ in self.runs]


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Session]:
    """The models that are run here."""
    folder = tmp_path_factory.mktemp("batching")
    return {
        "scale": onnx_models.session(folder, onnx_models.scale(), "scale/1"),
        "arithmetic": onnx_models.session(folder, onnx_models.arithmetic(), "arithmetic/1"),
        "lookup": onnx_models.session(folder, onnx_models.lookup(), "lookup/1"),
    }


@pytest.fixture
def gate(sessions: dict[str, Session]) -> Iterator[Gate]:
    """A closed gate before y = 2x; opened at the end, so that no thread is left behind."""
    gate = Gate(sessions["scale"])
    yield gate
    gate.open()


def rows_of(*numbers: float) -> Rows:
    """One row for each number."""
    return {"x": np.array([[number, -number] for number in numbers], np.float32)}


def doubled(*numbers: float) -> list[list[float]]:
    """What the model answers to `rows_of`."""
    return [[2 * number, -2 * number] for number in numbers]


def batcher(gate: Callable[..., Outputs], **settings: Any) -> Batcher:
    """A batcher of up to 8 rows."""
    return Batcher(gate, "scale/1", **{"max_batch_size": 8, **settings})


async def result(job: Job) -> Result:
    """The job's result, in good time."""
    return await asyncio.wait_for(job.future, PATIENCE_S)


async def test_an_idle_worker_takes_a_job_at_once_and_alone(gate: Gate) -> None:
    """Nobody waits for company: the run has begun before another request comes."""
    queue = batcher(gate)
    job = queue.submit(rows_of(1), 1, None)
    assert queue.waiting == 0
    await gate.begun()
    gate.open()
    found = await result(job)
    assert found.outputs["y"].tolist() == doubled(1)
    assert (found.rows, found.leads, gate.sizes) == (1, True, [1])


async def test_jobs_that_wait_for_a_busy_worker_are_run_together(gate: Gate) -> None:
    """While one runs, others gather; the next run takes them all, and each gets its own rows."""
    queue = batcher(gate)
    first = queue.submit(rows_of(0), 1, None)
    await gate.begun()
    others = [queue.submit(rows_of(*numbers), len(numbers), None) for numbers in ([1], [2, 3], [4, 5, 6])]
    assert queue.waiting == 3
    gate.open()
    found = [await result(job) for job in (first, *others)]
    assert [one.outputs["y"].tolist() for one in found] == [doubled(0), doubled(1), doubled(2, 3), doubled(4, 5, 6)]
    assert [one.rows for one in found] == [1, 6, 6, 6]
    assert [one.leads for one in found] == [True, True, False, False]
    assert gate.sizes == [1, 6]


async def test_a_run_never_has_more_rows_than_max_batch_size(gate: Gate) -> None:
    """What does not fit beside the others waits for the next run; a smaller one behind it may take the room."""
    queue = batcher(gate)
    first = queue.submit(rows_of(0), 1, None)
    await gate.begun()
    waiting = [queue.submit(rows_of(*[1.0] * count), count, None) for count in (5, 4, 3, 4)]
    gate.open()
    for job in (first, *waiting):
        await result(job)
    assert gate.sizes == [1, 8, 8]


async def test_what_is_left_over_keeps_its_place(gate: Gate) -> None:
    """Jobs that did not fit are the next to run, in the order in which they came."""
    queue = batcher(gate)
    first = queue.submit(rows_of(0), 1, None)
    await gate.begun()
    waiting = [queue.submit(rows_of(*[1.0] * count), count, None) for count in (7, 6, 5, 4)]
    gate.open()
    for job in (first, *waiting):
        await result(job)
    assert gate.sizes == [1, 7, 6, 5, 4]


async def test_a_job_larger_than_max_batch_size_runs_alone(gate: Gate) -> None:
    """It is neither refused nor joined."""
    queue = batcher(gate)
    first = queue.submit(rows_of(0), 1, None)
    await gate.begun()
    waiting = [queue.submit(rows_of(*[1.0] * count), count, None) for count in (20, 1, 9, 1)]
    gate.open()
    for job in (first, *waiting):
        await result(job)
    assert gate.sizes == [1, 20, 2, 9]


async def test_a_max_batch_size_of_0_never_merges(gate: Gate) -> None:
    """For models whose answers depend on their neighbours."""
    queue = batcher(gate, max_batch_size=0)
    first = queue.submit(rows_of(0), 1, None)
    await gate.begun()
    waiting = [queue.submit(rows_of(number), 1, None) for number in (1, 2, 3)]
    gate.open()
    found = [await result(job) for job in (first, *waiting)]
    assert [one.outputs["y"].tolist() for one in found] == [doubled(number) for number in range(4)]
    assert gate.sizes == [1, 1, 1, 1]


async def test_several_workers_run_at_the_same_time(gate: Gate) -> None:
    """With two workers, two jobs are under way before either ends; the third waits."""
    queue = batcher(gate, workers=2)
    jobs = [queue.submit(rows_of(number), 1, None) for number in range(3)]
    await gate.begun()
    await gate.begun()
    assert queue.waiting == 1
    gate.open()
    assert [(await result(job)).outputs["y"].tolist() for job in jobs] == [doubled(n) for n in range(3)]


async def test_jobs_of_different_shapes_are_not_merged(sessions: dict[str, Session]) -> None:
    """Rows of two widths fit the model, but not one array; each width gets its own run."""
    gate = Gate(sessions["arithmetic"])
    queue = batcher(gate)

    def wide(width: int) -> Rows:
        return {"a": np.full((1, width), 3, np.float32), "b": np.full((1, width), 1, np.float32)}

    first = queue.submit(wide(1), 1, None)
    await gate.begun()
    waiting = [queue.submit(wide(width), 1, None) for width in (2, 3, 2, 3)]
    gate.open()
    await result(first)
    found = [await result(job) for job in waiting]
    assert [one.outputs["sum"].tolist() for one in found] == [[[4.0] * width] for width in (2, 3, 2, 3)]
    assert gate.sizes == [1, 2, 2]


async def test_neighbours_may_ask_for_different_outputs(sessions: dict[str, Session]) -> None:
    """The run computes what any of them wants; each gets what it asked for, in its order, and no more."""
    gate = Gate(sessions["arithmetic"])
    queue = batcher(gate)

    def pair(number: float) -> Rows:
        return {"a": np.full((1, 1), number, np.float32), "b": np.ones((1, 1), np.float32)}

    first = queue.submit(pair(0), 1, ["sum"])
    await gate.begun()
    one = queue.submit(pair(1), 1, ["difference"])
    two = queue.submit(pair(2), 1, ["sum"])
    both = queue.submit(pair(3), 1, ["difference", "sum"])
    gate.open()
    assert [list((await result(job)).outputs) for job in (first, one, two, both)] == [
        ["sum"],
        ["difference"],
        ["sum"],
        ["difference", "sum"],
    ]
    assert one.future.result().outputs["difference"].tolist() == [[0.0]]
    assert two.future.result().outputs["sum"].tolist() == [[3.0]]
    assert gate.runs == [(1, ["sum"]), (3, ["difference", "sum"])]


async def test_one_that_wants_all_outputs_makes_the_run_compute_all(sessions: dict[str, Session]) -> None:
    """None stands for every output, whatever the neighbours ask for."""
    gate = Gate(sessions["arithmetic"], opened=True)
    rows = {"a": np.ones((1, 1), np.float32), "b": np.ones((1, 1), np.float32)}
    loop = asyncio.get_running_loop()
    parts = merged(gate, [Job(rows, 1, names, loop.create_future()) for names in (["sum"], None)])
    assert [list(part) for part in parts] == [["sum"], ["sum", "difference"]]
    assert gate.runs == [(2, None)]


async def test_a_bad_neighbour_does_not_fail_others(sessions: dict[str, Session]) -> None:
    """A merged run that fails is done again, each job alone: only the culprit hears of it."""
    gate = Gate(sessions["lookup"])
    queue = batcher(gate)
    first = queue.submit({"x": np.array([0])}, 1, None)
    await gate.begun()
    good, bad, also_good = (queue.submit({"x": np.array([number])}, 1, None) for number in (1, 99, 3))
    gate.open()
    await result(first)
    assert (await result(good)).outputs["y"].tolist() == [10]
    assert (await result(also_good)).outputs["y"].tolist() == [30]
    assert (await result(good)).rows == 1
    with pytest.raises(InferenceFailed, match="out of data bounds"):
        await result(bad)
    assert gate.sizes == [1, 3, 1, 1, 1]


async def test_the_worker_goes_on_after_a_failure(sessions: dict[str, Session]) -> None:
    """A job that fails frees its worker."""
    queue = batcher(Gate(sessions["lookup"], opened=True))
    with pytest.raises(InferenceFailed):
        await result(queue.submit({"x": np.array([99])}, 1, None))
    assert (await result(queue.submit({"x": np.array([2])}, 1, None))).outputs["y"].tolist() == [20]


@pytest.mark.parametrize(("crash", "kind"), [(MemoryError, Overloaded), (KeyError, GatewayError)])
async def test_a_crash_in_the_worker_is_told_to_all_who_wait_for_it(
    crash: type[Exception], kind: type[GatewayError]
) -> None:
    """No client is left waiting, none learns more than it should, and the worker is free again."""

    def run(rows: Rows, names: Sequence[str] | None) -> Outputs:
        raise crash("allocating 3 GB at 0xdeadbeef")

    queue = batcher(run)
    for _ in range(2):
        with pytest.raises(kind, match=r"^scale/1: ") as told:
            await result(queue.submit(rows_of(1), 1, None))
        assert type(told.value) is kind
        assert "0xdeadbeef" not in told.value.message


async def test_a_job_whose_deadline_passes_while_it_waits_is_never_run(gate: Gate) -> None:
    """It ends with DeadlineExceeded at once, and the rows that run are those of the others."""
    queue = batcher(gate)
    first = queue.submit(rows_of(0), 1, None)
    await gate.begun()
    late, kept = queue.submit(rows_of(1), 1, None), queue.submit(rows_of(2), 1, None)
    expire(late)
    with pytest.raises(DeadlineExceeded, match=r"^the deadline passed after \d+ ms$"):
        await result(late)
    gate.open()
    await result(first)
    assert (await result(kept)).outputs["y"].tolist() == doubled(2)
    assert gate.sizes == [1, 1]


async def test_a_cancelled_job_is_never_run(gate: Gate) -> None:
    """Its client is gone: at the head of the queue or in its middle, it is skipped."""
    queue = batcher(gate)
    first = queue.submit(rows_of(0), 1, None)
    await gate.begun()
    jobs = [queue.submit(rows_of(number), 1, None) for number in range(1, 6)]
    for at in (0, 2, 4):
        jobs[at].future.cancel()
    gate.open()
    await result(first)
    assert [(await result(jobs[at])).outputs["y"].tolist() for at in (1, 3)] == [doubled(2), doubled(4)]
    assert gate.sizes == [1, 2]


async def test_nothing_is_run_where_everybody_has_gone(gate: Gate) -> None:
    """A queue of cancelled jobs costs no run, and the worker is free for the next."""
    queue = batcher(gate)
    first = queue.submit(rows_of(0), 1, None)
    await gate.begun()
    for number in range(3):
        queue.submit(rows_of(number), 1, None).future.cancel()
    gate.open()
    await result(first)
    assert (await result(queue.submit(rows_of(7), 1, None))).outputs["y"].tolist() == doubled(7)
    assert gate.sizes == [1, 1]


async def test_a_job_cancelled_while_it_runs_leaves_its_neighbours_their_answers(gate: Gate) -> None:
    """The answer of one who left is dropped; the others get theirs."""
    queue = batcher(gate)
    first = queue.submit(rows_of(0), 1, None)
    await gate.begun()
    first.future.cancel()
    second = queue.submit(rows_of(1), 1, None)
    gate.open()
    assert (await result(second)).outputs["y"].tolist() == doubled(1)


async def test_an_expired_job_keeps_its_answer_if_it_has_one(gate: Gate) -> None:
    """The timer that comes too late changes nothing."""
    gate.open()
    job = batcher(gate).submit(rows_of(1), 1, None)
    await result(job)
    expire(job)
    assert job.future.exception() is None


async def test_the_queue_is_bounded(gate: Gate) -> None:
    """With max_queue jobs waiting, the next is refused with a time to try again, and nothing else changes."""
    queue = batcher(gate, max_queue=2)
    jobs = [queue.submit(rows_of(0), 1, None)]
    await gate.begun()
    jobs += [queue.submit(rows_of(number), 1, None) for number in (1, 2)]
    with pytest.raises(Overloaded, match=r"^scale/1: 2 requests are waiting, the limit \(limits\.max_queue\)$") as full:
        queue.submit(rows_of(3), 1, None)
    assert full.value.retry_after_s >= 1
    gate.open()
    assert [(await result(job)).outputs["y"].tolist() for job in jobs] == [doubled(number) for number in (0, 1, 2)]
    await result(queue.submit(rows_of(4), 1, None))


async def test_retry_after_grows_with_the_time_that_the_queue_will_take(sessions: dict[str, Session]) -> None:
    """The estimate follows the runs that were measured."""
    gate = Gate(sessions["scale"], opened=True)

    def slowly(rows: Rows, names: Sequence[str] | None) -> Outputs:
        outputs = gate(rows, names)
        began = time.perf_counter()
        while time.perf_counter() - began < 0.1:  # the work of a slow model
            pass
        return outputs

    queue = batcher(slowly, max_queue=200, max_batch_size=0)
    await result(queue.submit(rows_of(0), 1, None))
    jobs = [queue.submit(rows_of(0), 1, None) for _ in range(201)]
    with pytest.raises(Overloaded) as full:
        queue.submit(rows_of(0), 1, None)
    assert (
        3 <= full.value.retry_after_s <= 30
    )  # 200 jobs; the mean has moved a tenth of the way from 1 ms to 100 ms or more
    for job in jobs:
        job.future.cancel()


async def test_waiting_and_computing_are_told_apart(gate: Gate) -> None:
    """The time in the queue is not charged to the model."""
    queue = batcher(gate)
    first = queue.submit(rows_of(0), 1, None)
    await gate.begun()
    second = queue.submit(rows_of(1), 1, None)
    held_ns = time.perf_counter_ns() - first.queued
    gate.open()
    one, two = await result(first), await result(second)
    assert one.compute_ns >= held_ns - one.queue_ns
    assert two.queue_ns > 0
    assert two.queue_ns + two.compute_ns <= time.perf_counter_ns() - second.queued


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.integers(0, 16), st.integers(1, 3))
def test_every_job_gets_exactly_its_own_rows(
    sessions: dict[str, Session], counts: list[int], max_batch_size: int, workers: int
) -> None:
    """Whatever the sizes and however they are merged, splitting undoes stacking."""
    gate = Gate(sessions["scale"])

    async def run() -> list[Result]:
        queue = batcher(gate, max_batch_size=max_batch_size, workers=workers)
        at, jobs = 0, []
        for count in counts:
            jobs.append(queue.submit(rows_of(*range(at, at + count)), count, None))
            at += count
        gate.open()
        return [await result(job) for job in jobs]

    found = asyncio.run(run())
    assert np.concatenate([one.outputs["y"] for one in found]).tolist() == doubled(*range(sum(counts)))
    assert [len(one.outputs["y"]) for one in found] == counts
    assert all(size <= max_batch_size or size in counts for size in gate.sizes)
    assert sum(gate.sizes) == sum(counts)
    assert sum(one.leads for one in found) == len(gate.sizes)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=8))
def test_split_undoes_stack(sessions: dict[str, Session], counts: list[int]) -> None:
    """`merged` over any sizes gives what the model gives to each job alone."""
    gate = Gate(sessions["scale"], opened=True)
    jobs = [
        Job(rows_of(*range(count)) if count else {"x": np.zeros((0, 2), np.float32)}, count, None, None)
        for count in counts
    ]  # type: ignore[arg-type]
    together = merged(gate, jobs)
    alone = [gate(job.rows, None) for job in jobs]
    assert [part["y"].tolist() for part in together] == [part["y"].tolist() for part in alone]
    assert gate.sizes[0] == sum(counts)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=8))
def test_exactly_the_bad_jobs_fail(sessions: dict[str, Session], numbers: list[int]) -> None:
    """In any company, a job fails if and only if it fails alone."""
    jobs = [Job({"x": np.array([number])}, 1, None, None) for number in numbers]  # type: ignore[arg-type]
    outcomes = execute(sessions["lookup"].run, jobs)
    assert [isinstance(outcome, InferenceFailed) for outcome in outcomes] == [number > 3 for number in numbers]
    answered = [outcome.outputs["y"].tolist() for outcome in outcomes if isinstance(outcome, Result)]
    assert answered == [[10 * number] for number in numbers if number <= 3]
    assert sum(outcome.leads for outcome in outcomes if isinstance(outcome, Result)) >= min(1, len(answered))


def test_strings_are_merged_too(tmp_path: Path) -> None:
    """Rows of BYTES are objects, and no shorter or longer for their neighbours."""
    session = onnx_models.session(tmp_path, onnx_models.identity("BYTES", ("N", 1)))
    jobs = [Job({"x": np.array([[text]], object)}, 1, None, None) for text in ("a", "", "größe")]  # type: ignore[arg-type]
    assert [part["y"].tolist() for part in merged(session.run, jobs)] == [[["a"]], [[""]], [["größe"]]]


async def test_a_merged_run_that_drops_rows_is_done_again_each_job_alone() -> None:
    """No request gets another's rows, nor too few: the model answers each of them by itself."""

    def positive(rows: Rows, names: Sequence[str] | None) -> Outputs:
        return {"y": rows["x"][rows["x"][:, 0] > 0]}

    loop = asyncio.get_running_loop()
    jobs = [Job(rows_of(number), 1, None, loop.create_future()) for number in (-1, 2)]
    found = execute(positive, jobs)
    assert [one.outputs["y"].tolist() for one in found if isinstance(one, Result)] == [[], [[2, -2]]]
