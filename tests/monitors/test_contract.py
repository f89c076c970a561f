"""What every monitor owes, whatever it watches."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, get_args

import numpy as np
import pytest

from monitors.checkpoint import pack, unpack
from monitors.detector import Series, Track
from monitors.monitor import Monitor, State, add
from monitors.record import Batch
from monitors.reference import Reference
from monitors.registry import detectors_for, monitors_for
from monitors.schema import ColumnSpec, Schema
from monitors.settings import Settings, Sliced
from monitors.view import View
from tests.monitors.answering import batch
from tests.monitors.conftest import _example

STATE_BYTES = 512 * 1024
SETTINGS = Settings(slices=({"origin": ("JFK",)},), sliced=get_args(Sliced))
TASKS = ("binary", "multiclass", "regression", "other")


def _reference(task: Any) -> Reference:
    columns, schema, scores, labels = _example()
    random = np.random.default_rng(1)
    if task == "multiclass":
        scores = random.dirichlet((1, 1, 1), 400)
        labels = np.array([random.choice(3, p=row) for row in scores], float)
    elif task == "regression":
        scores, labels = scores * 100, scores * 100 + random.normal(0, 5, 400)
    elif task == "other":
        scores = labels = None
    specs = (*schema.columns, ColumnSpec("output.class", "categorical")) if task in TASKS[:2] else schema.columns
    columns = columns | {"output.class": np.arange(400) % (3 if task == "multiclass" else 2)}
    return Reference.build(columns, Schema(specs, task), scores, labels)


REFERENCES = {task: _reference(task) for task in TASKS}
MONITORS = [
    pytest.param(task, each, id=f"{task}-{type(each).__name__}-{place}")
    for task, reference in REFERENCES.items()
    for place, each in enumerate(monitors_for(reference, ("origin", "sex"), SETTINGS))
]
every_monitor = pytest.mark.parametrize(("task", "monitor"), MONITORS)
every_labelled_monitor = pytest.mark.parametrize(
    ("task", "monitor"), [each for each in MONITORS if each.values[1].feed == "labelled"]
)


def _rows(task: str, n: int = 300, seed: int = 5) -> Batch:
    """Labelled rows, not like those of the reference."""
    random = np.random.default_rng(seed)
    rows = batch(_example(400, seed), np.sort(random.random(n)), labels=True)
    rows.columns["temperature"][: n // 3] += 4  # type: ignore[index]
    if task == "multiclass":
        scores = random.dirichlet((1, 1, 2), n)
        rows = dataclasses.replace(rows, scores=scores, predictions=scores.argmax(1), labels=random.integers(0, 3, n))
    elif task == "regression":
        scores = random.random(n) * 110
        rows = dataclasses.replace(rows, scores=scores, predictions=None, labels=scores + random.normal(0, 8, n))
    elif task == "other":
        rows = dataclasses.replace(rows, scores=None, predictions=None, labels=None)
    known = rows.time + random.integers(0, 10**15, n)
    return dataclasses.replace(rows, columns={**rows.columns, "output.class": np.arange(n) % 2}, label_time=known)


def _hostile(task: str) -> Batch:
    """Missing, infinite, enormous, unseen and empty values, in every column and in scores, groups and labels."""
    rows = _rows(task, 8)
    odd = np.array([np.nan, np.inf, -np.inf, 1e300, -1e300, 0, 5e-324, 1])
    columns: dict[str, Any] = {
        "temperature": odd,
        "distance": odd[::-1].copy(),
        "origin": np.array([None, "", "nowhere", "JFK", float("nan"), "é" * 5000, "EWR", "\x00"], object),
        "image": np.tile(odd[:, None], 12),
    }
    scores = None if rows.scores is None else np.where(np.isfinite(odd), 0.5, np.nan)
    if scores is not None and task == "multiclass":
        scores = np.tile(scores[:, None], 3)
    labels = None if rows.labels is None else np.array([1, None, np.nan, 0, 1, 0, 1, 0], object)
    if labels is not None and task == "regression":
        labels = np.array([1, None, 0, 1e12, -1e300, 1e30, np.inf, -5], object)
    groups = {"sex": np.array([None, "", "x", "f", "m", "f", np.nan, "y" * 4000], object)}
    predictions = None if rows.predictions is None else np.array([0, 1, 1, 0, 1, 0, 1, 7])
    return dataclasses.replace(
        rows, columns=columns, scores=scores, predictions=predictions, labels=labels, groups=groups
    )


def _state(task: str, monitor: Monitor, *batches: Batch, weight: int = 1) -> State:
    state = monitor.begin()
    for rows in batches:
        monitor.fold(state, View(rows, REFERENCES[task]), weight)
    return state


def _plain(state: State) -> Any:
    """A state as something that compares."""
    return {
        name: (cell.dtype.str, cell.tolist()) if isinstance(cell, np.ndarray) else _cells(cell)
        for name, cell in state.items()
    }


def _cells(cell: Any) -> Any:
    names = [name for kind in type(cell).__mro__ for name in getattr(kind, "__slots__", ())]
    return {name: repr(getattr(cell, name)) if name != "counts" else dict(cell.counts) for name in names}


@every_monitor
def test_two_parts_add_up_to_the_whole(task: str, monitor: Monitor) -> None:
    """In whichever way the rows are divided, and in whichever order they come."""
    rows = _rows(task)
    parts = [rows.take(part) for part in np.array_split(np.random.default_rng(0).permutation(len(rows)), 3)]
    sum_ = _state(task, monitor, parts[2])
    add(sum_, _state(task, monitor, parts[0], parts[1]))
    assert _plain(sum_) == _plain(_state(task, monitor, rows))


@every_labelled_monitor
def test_rows_that_are_taken_back_leave_nothing(task: str, monitor: Monitor) -> None:
    """A corrected label is as if it had never been, whatever it was."""
    first, others = _rows(task, 200), (_rows(task, 50, seed=6), _hostile(task))
    state = _state(task, monitor, first, *others)
    for second in others:
        monitor.fold(state, View(second, REFERENCES[task]), -1)
    assert _plain(state) == _plain(_state(task, monitor, first))


@every_monitor
def test_no_rows_change_nothing_and_say_nothing(task: str, monitor: Monitor) -> None:
    """An empty batch folds, and what is measured of nothing is never enough."""
    state = _state(task, monitor, _rows(task, 10).take(np.arange(0)))
    assert _plain(state) == _plain(monitor.begin())
    assert not [found for found in monitor.measure(state) if found.enough and found.p is not None]
    assert not [found for found in monitor.measure(state) if found.matters]
    assert {found.n for found in monitor.measure(state)} <= {0}


@every_monitor
def test_hostile_values_pass(task: str, monitor: Monitor) -> None:
    """Nothing raises, nothing warns, and every p is a probability or none."""
    state = _state(task, monitor, *[_hostile(task)] * 30)
    for found in monitor.measure(state):
        assert found.p is None or 0 <= found.p <= 1
        assert found.interval is None or not found.interval[0] > found.interval[1]
        assert found.n >= 0
        assert isinstance(found.value, float)


@every_monitor
def test_a_batch_without_optional_parts_passes(task: str, monitor: Monitor) -> None:
    """No inputs recorded, no score, no class, no label, no group."""
    rows = _rows(task, 20)
    bare = Batch(rows.time, rows.ids, {})
    monitor.measure(_state(task, monitor, bare))


@every_monitor
def test_a_state_stays_small(task: str, monitor: Monitor) -> None:
    """However many values have passed, never seen ones among them."""
    state = monitor.begin()
    for seed in range(6):
        rows = _rows(task, 400, seed)
        strangers = np.array([f"stranger {seed} {i}" for i in range(400)], object)
        rows = dataclasses.replace(
            rows, ids=strangers, columns={**rows.columns, "origin": strangers}, groups={"sex": strangers}
        )
        monitor.fold(state, View(rows, REFERENCES[task]))
        size = sum(cell.nbytes if isinstance(cell, np.ndarray) else len(repr(_cells(cell))) for cell in state.values())
        assert size < STATE_BYTES


@every_monitor
def test_a_state_survives_a_checkpoint(task: str, monitor: Monitor) -> None:
    """It says the same, and goes on the same."""
    state = _state(task, monitor, _rows(task))
    again = unpack(pack(state))
    assert _plain(again) == _plain(state)
    more = View(_rows(task, 50, seed=7), REFERENCES[task])
    monitor.fold(state, more)
    monitor.fold(again, more)
    assert repr(monitor.measure(again)) == repr(monitor.measure(state))


@every_monitor
def test_measuring_changes_nothing(task: str, monitor: Monitor) -> None:
    """A window may be measured as often as labels come."""
    state = _state(task, monitor, _rows(task))
    before = _plain(state)
    first = repr(monitor.measure(state))
    assert _plain(state) == before
    assert repr(monitor.measure(state)) == first


@pytest.mark.parametrize("task", TASKS)
def test_measurements_are_told_apart(task: str) -> None:
    """No two of one model have the same name: alarms are kept by it."""
    keys: list[Any] = []
    for monitor in monitors_for(REFERENCES[task], ("origin", "sex"), SETTINGS):
        keys += [found.key for found in monitor.measure(_state(task, monitor, _rows(task)))]
    for detector in detectors_for(REFERENCES[task]):
        keys += [found.key for found in detector.follow(detector.begin(), _series(task, detector))]
    assert sorted(key for key in set(keys) if keys.count(key) > 1) == []


DETECTORS = [
    pytest.param(task, each, id=f"{task}-{type(each).__name__}")
    for task, reference in REFERENCES.items()
    for each in detectors_for(reference)
]


def _series(task: str, detector: Any, seed: int = 5) -> Series:
    track = Track(len(detector.subjects), 10**6)
    rows = _rows(task, seed=seed)
    track.add(rows.time, detector.values(View(rows, REFERENCES[task])))
    return track.series()


@pytest.mark.parametrize(("task", "detector"), DETECTORS)
def test_a_detector_survives_a_checkpoint(task: str, detector: Any) -> None:
    """It goes on as it would have; its memory is bounded."""
    memory = detector.begin()
    for seed in range(10):
        detector.follow(memory, _series(task, detector, seed))
    data = detector.dump(memory)
    assert len(data) < STATE_BYTES
    again = detector.load(data)
    following = _series(task, detector, 11)
    assert repr(detector.follow(again, following)) == repr(detector.follow(memory, following))


@pytest.mark.parametrize(("task", "detector"), DETECTORS)
def test_a_detector_is_not_silenced(task: str, detector: Any) -> None:
    """Neither by hostile values, nor by windows that hold none."""
    values = detector.values(View(_hostile(task), REFERENCES[task]))
    assert values.shape == (8, len(detector.subjects))
    memory = detector.begin()
    empty = Track(len(detector.subjects), 1).series()
    for found in detector.follow(memory, empty):
        assert not found.matters
    assert all(math.isfinite(found.value) for found in detector.follow(memory, _series(task, detector)))
