"""What monitoring costs: each monitor by itself, all of them in the hub, and other projects' drift reports beside."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from loadtests.costs import SHARED, WINDOW, Cost, Report
from loadtests.machine import machine
from loadtests.peers.environment import Peer
from loadtests.traffic import Traffic, traffic
from monitors.detector import Detector, Track
from monitors.measurement import Measurement
from monitors.monitor import Monitor, State
from monitors.record import Batch
from monitors.registry import detectors_for, hub, monitors_for
from monitors.settings import Settings
from monitors.tally import Tally
from monitors.view import View

SIZES = (256, 2048)
GRAIN = 10**9
"""ns, the slots of a detector."""


@dataclass(frozen=True, slots=True)
class Watcher(Peer):
    """A project that reports on drift; `loadtests/peers/watch_NAME.py` runs with its interpreter."""

    @property
    def requirements(self) -> list[str]:
        # Evidently 0.7.23 does not import beside pandas 3; NannyML 0.13.1 imports statsmodels and does not ask for it.
        return [f"{self.name}=={self.version}", "pandas<3", "statsmodels"]


WATCHERS = (Watcher("evidently", "0.7.23", ""), Watcher("nannyml", "0.13.1", ""))


def measure(
    rows: int = 40_960, rounds: int = 3, *, peers: bool = False, step: Callable[[str], None] = lambda what: None
) -> Report:
    """Measures everything on `rows` rows of 30 correlated features, the best of so many rounds.

    step: is told what comes next.
    """
    facts, made = machine(), traffic(rows)
    monitors = monitors_for(made.reference, made.groups, Settings())
    costs = [_shared(made, rounds)]
    for monitor in monitors:
        step(type(monitor).__name__)
        costs.append(_cost(monitor, made, rounds))
    for detector in detectors_for(made.reference):
        step(type(detector).__name__)
        costs.append(_detector_cost(detector, made, rounds))
    speeds, size = {}, 0
    for batch in SIZES:
        step(f"all, in batches of {batch}")
        speeds[batch], size = _hub(made, batch, rounds)
    found, skipped = _peers(made, step) if peers else ({}, tuple(peer.name for peer in WATCHERS))
    return Report(
        machine=facts,
        columns=len(made.reference.schema.columns),
        rows=rows,
        costs=tuple(costs),
        hub_rows_per_s=speeds,
        hub_bytes=size,
        peers=found,
        skipped=skipped,
    )


def _shared(made: Traffic, rounds: int) -> Cost:
    return Cost(name=SHARED, fold_us=_each(made, rounds, _prepare, prepared=False), measure_us=0.0, state_bytes=0)


def _cost(monitor: Monitor, made: Traffic, rounds: int) -> Cost:
    state = monitor.begin()
    fold = _each(made, rounds, lambda view: monitor.fold(state, view))
    window = monitor.begin()
    monitor.fold(window, View(made.batch.take(np.arange(WINDOW)), made.reference))
    return Cost(
        name=_name(monitor),
        fold_us=fold,
        measure_us=_best(lambda: monitor.measure(window)) / WINDOW * 1e6,
        state_bytes=size_of(state),
    )


def _detector_cost(detector: Detector, made: Traffic, rounds: int) -> Cost:
    track, window = (Track(len(detector.subjects), GRAIN) for _ in range(2))
    fold = _each(made, rounds, lambda view: track.add(view.batch.time, detector.values(view)))
    rows = made.batch.take(np.arange(WINDOW))
    window.add(rows.time, detector.values(View(rows, made.reference)))
    memory, series = detector.begin(), window.series()
    follow = _best(lambda: detector.follow(memory, series))
    size = track.sums.nbytes + track.counts.nbytes + len(detector.dump(memory))
    return Cost(name=_name(detector), fold_us=fold, measure_us=follow / WINDOW * 1e6, state_bytes=size)


def _each(made: Traffic, rounds: int, act: Callable[[View], None], *, prepared: bool = True) -> dict[int, float]:
    """µs of processor time for each row of what is done to views, the best of all rounds, by batch size."""
    found = {}
    for size in SIZES:
        batches = list(_cut(made.batch, size))
        best = np.inf
        for _ in range(rounds):
            views = [View(batch, made.reference) for batch in batches]
            for view in views if prepared else ():
                _prepare(view)
            gc.collect()
            start = process_time()
            for view in views:
                act(view)
            best = min(best, process_time() - start)
        found[size] = float(best) / len(made.batch) * 1e6
    return found


def _hub(made: Traffic, size: int, rounds: int) -> tuple[float, int]:
    """Rows for each second through the hub, and the bytes of its checkpoint."""
    best, saved = 0.0, 0
    for _ in range(rounds):
        watched = hub(made.reference, made.groups)
        start = process_time()
        for number, batch in enumerate(_cut(made.batch, size)):
            watched.answers(batch)
            if number % 2:
                watched.labelled(batch)
            watched.advance()
        best = max(best, len(made.batch) / (process_time() - start))
        saved = len(watched.checkpoint())
    return best, saved


def _peers(made: Traffic, step: Callable[[str], None]) -> tuple[dict[str, float], tuple[str, ...]]:
    found, skipped = {}, []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npz"
        made.save(path, WINDOW)
        for peer in WATCHERS:
            if not peer.python.exists():
                skipped.append(peer.name)
                continue
            step(peer.name)
            program = Path(__file__).with_name("peers") / f"watch_{peer.name}.py"
            done = subprocess.run(
                [str(peer.python), str(program), str(path)], capture_output=True, text=True, check=False
            )
            if done.returncode:
                skipped.append(f"{peer.name} (failed: {(done.stderr.strip().splitlines() or ['?'])[-1]})")
                continue
            said = json.loads(done.stdout.strip().splitlines()[-1])
            found[f"{peer.name} {said['version']}"] = said["seconds"] / WINDOW * 1e6
    return found, tuple(skipped)


def size_of(state: State) -> int:
    """Bytes that a state holds: of arrays their cells, of the other kinds of cells roughly what their entries take."""
    total = 0
    for cell in state.values():
        if isinstance(cell, np.ndarray):
            total += cell.nbytes
        elif isinstance(cell, Tally):
            total += sys.getsizeof(cell.counts) + sum(sys.getsizeof(value) + 32 for value in cell.counts)
        else:
            total += sum(sys.getsizeof(row) + sys.getsizeof(row[1]) for row in cell.rows)
    return total


def _prepare(view: View) -> None:
    view.counts()
    for name in view.names:
        view.ranks(name)
    view.plane()


def _best(act: Callable[[], Sequence[Measurement]]) -> float:
    times = []
    for _ in range(5):
        start = process_time()
        act()
        times.append(process_time() - start)
    return min(times)


def _cut(batch: Batch, size: int) -> Sequence[Batch]:
    return [batch.take(np.arange(start, min(start + size, len(batch)))) for start in range(0, len(batch), size)]


def _name(monitor: Any) -> str:
    return f"{monitor.name}: {type(monitor).__name__}"
