"""A version that is ready, and the runs that it makes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway.batching import Batcher, Outputs, Result
from gateway.config import Limits, ModelConfig
from gateway.errors import Cancelled, DeadlineExceeded, GatewayError, RepositoryError
from gateway.query import Rows
from gateway.version import LocalRunner, prepare
from gateway.warmup import Measured
from tests import onnx_models

ROWS: Rows = {"x": np.array([[1, 2]], np.float32)}


class Blocked:
    """A runner of y = 2x in a worker thread, whose first run waits for `go`."""

    def __init__(self, folder: Path) -> None:
        self.session = onnx_models.session(folder, onnx_models.scale())
        self.begun, self.go = threading.Event(), threading.Event()
        self.runs = 0
        self.batcher = Batcher(self.run, "scale/1", max_batch_size=8)
        self.runner = LocalRunner(self.session, Measured(0, 0, True), self.batcher)

    def run(self, rows: Rows, names: Sequence[str] | None) -> Outputs:
        """Runs once it may."""
        self.runs += 1
        self.begun.set()
        assert self.go.wait(10)
        return self.session.run(rows, names)


@pytest.fixture
def blocked(tmp_path: Path) -> Any:
    """A blocked runner; let go at the end."""
    blocked = Blocked(tmp_path)
    yield blocked
    blocked.go.set()


async def under_way(blocked: Blocked) -> asyncio.Task[Result]:
    """A task whose run has begun."""
    task = asyncio.create_task(blocked.runner.run(ROWS, 1, None, None, None))
    assert await asyncio.to_thread(blocked.begun.wait, 10)
    return task


async def test_a_cheap_run_is_made_at_once(tmp_path: Path) -> None:
    """Up to `inline_rows`, the event loop's own thread runs the model; beyond, a worker does."""
    session = onnx_models.session(tmp_path, onnx_models.scale())
    threads: list[str] = []

    def run(rows: Rows, names: Sequence[str] | None) -> Outputs:
        threads.append(threading.current_thread().name)
        return session.run(rows, names)

    runner = LocalRunner(session, Measured(1000, 2, True), Batcher(run, "scale/1", max_batch_size=8))
    inline = await runner.run(ROWS, 1, ["y"], None, None)
    assert (inline.outputs["y"].tolist(), inline.queue_ns, inline.rows, inline.leads) == ([[2.0, 4.0]], 0, 1, True)
    assert threads == []
    three = {"x": np.ones((3, 2), np.float32)}
    assert (await runner.run(three, 3, None, None, None)).rows == 3
    assert [name.rpartition("_")[0] for name in threads] == ["driftgate-scale/1"]


async def test_a_deadline_that_has_passed_stops_a_cheap_run_too(tmp_path: Path) -> None:
    """Nobody waits for the answer any more."""
    session = onnx_models.session(tmp_path, onnx_models.scale())
    runner = LocalRunner(session, Measured(1000, 2, True), Batcher(session.run, "scale/1", max_batch_size=8))
    with pytest.raises(DeadlineExceeded, match=r"^the deadline had passed before the model was run$"):
        await runner.run(ROWS, 1, None, time.monotonic(), None)


async def test_a_deadline_ends_the_wait_for_a_run_that_goes_on(blocked: Blocked) -> None:
    """The client gets its answer, 504, when it said; the run under way cannot be stopped and frees its worker later."""
    with pytest.raises(DeadlineExceeded):
        await blocked.runner.run(ROWS, 1, None, time.monotonic() + 0.02, None)
    blocked.go.set()
    assert (await blocked.runner.run(ROWS, 1, None, None, None)).outputs["y"].tolist() == [[2.0, 4.0]]


async def test_a_deadline_in_the_queue_spares_the_run(blocked: Blocked) -> None:
    """What waited too long is never computed."""
    first = await under_way(blocked)
    with pytest.raises(DeadlineExceeded):
        await blocked.runner.run(ROWS, 1, None, time.monotonic(), None)
    blocked.go.set()
    await first
    assert blocked.runs == 1


async def test_a_client_that_leaves_cancels_its_job(blocked: Blocked) -> None:
    """The watch cancels the future: the caller hears Cancelled, the watching is ended, and nothing is run."""
    first = await under_way(blocked)
    watched: list[asyncio.Future[Result]] = []
    stopped: list[bool] = []

    def watch(future: asyncio.Future[Result]) -> Callable[[], None]:
        watched.append(future)
        asyncio.get_running_loop().call_soon(future.cancel)
        return lambda: stopped.append(True)

    with pytest.raises(Cancelled, match="closed its connection"):
        await blocked.runner.run(ROWS, 1, None, None, watch)
    blocked.go.set()
    await first
    assert (len(watched), stopped, blocked.runs) == (1, [True], 1)


async def test_a_cancelled_task_takes_its_job_with_it(blocked: Blocked) -> None:
    """gRPC cancels the task: CancelledError goes on, and the job is not run."""
    first = await under_way(blocked)
    second = asyncio.create_task(blocked.runner.run(ROWS, 1, None, None, None))
    while not blocked.batcher.waiting:
        await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    blocked.go.set()
    await first
    assert blocked.runs == 1


def test_a_version_is_prepared_from_its_folder(tmp_path: Path) -> None:
    """Hash, signature and golden requests hold: the version knows itself and its folder's stamp."""
    made = onnx_models.scale()
    golden = {
        "requests": [
            {
                "request": {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}]},
                "response": {"outputs": [{"name": "y", "datatype": "FP32", "shape": [1, 2], "data": [2, 4]}]},
            }
        ]
    }
    manifest = onnx_models.declared("scale", 3, made, max_batch_size=4)
    folder = onnx_models.save(tmp_path, "scale", 3, made, manifest=manifest, golden=golden)
    version = prepare(folder, ModelConfig(), Limits())
    assert (version.manifest.label, version.manifest.max_batch_size, version.stamp) == ("scale/3", 4, folder.stamp)
    assert version.signature.batched
    assert isinstance(version.runner, LocalRunner)
    assert version.runner.measured.mergeable


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sha256": "0" * 64}, "model.onnx has sha256"),
        ({"version": 2}, "model.yaml says that it is scale/2"),
        ({"outputs": [{"name": "z", "datatype": "FP32", "shape": [-1, 2]}]}, "model.yaml has the outputs"),
    ],
)
def test_a_version_that_fails_a_check_is_not_served(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    """Whatever is wrong, the error says so and names the version."""
    made = onnx_models.scale()
    folder = onnx_models.save(tmp_path, "scale", 1, made, manifest=onnx_models.declared("scale", 1, made, **change))
    with pytest.raises(RepositoryError, match=rf"^scale/1: {sentence}"):
        prepare(folder, ModelConfig(), Limits())


@pytest.mark.parametrize(("asked", "merged"), [(None, [1, 2]), (8, [1, 2]), (0, [1, 1, 1])])
async def test_the_configuration_decides_over_merging_where_the_model_allows_it(
    tmp_path: Path, asked: int | None, merged: list[int]
) -> None:
    """max_batch_size of the configuration stands above the model's; 0 switches merging off."""
    assert await batches(tmp_path, ModelConfig(max_batch_size=asked), "slow") == merged


async def test_no_configuration_makes_a_model_merge_that_mixes_rows(tmp_path: Path) -> None:
    """Warm-up found that a row's answer depends on its neighbours: max_batch_size is not obeyed."""
    assert await batches(tmp_path, ModelConfig(max_batch_size=8), "centred") == [1, 1, 1]


async def batches(folder: Path, settings: ModelConfig, kind: str) -> list[int]:
    """The rows of each run, as the first of each says, for one job under way and two that wait."""
    made = {"slow": onnx_models.slow, "centred": onnx_models.centred}[kind]()
    version = prepare(onnx_models.save(folder, kind, 1, made), settings, Limits())
    runner: Any = version.runner
    width = version.signature.inputs["x"].shape[1]
    jobs = [runner._batcher.submit({"x": np.ones((1, width), np.float32)}, 1, None) for _ in range(3)]
    found = [await asyncio.wait_for(job.future, 10) for job in jobs]
    return [result.rows for result in found if result.leads]


async def test_refusals_are_gateway_errors(tmp_path: Path) -> None:
    """A failing run inline is the same error as in a thread."""
    session = onnx_models.session(tmp_path, onnx_models.lookup())
    bad = {"x": np.array([99])}
    for inline_rows in (0, 1):
        runner = LocalRunner(session, Measured(1, inline_rows, True), Batcher(session.run, "l/1", max_batch_size=8))
        with pytest.raises(GatewayError, match="out of data bounds"):
            await runner.run(bad, 1, None, None, None)
