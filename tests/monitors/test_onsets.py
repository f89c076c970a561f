"""What all monitors together say of simulated traffic: nothing while nothing changes, and at once what did."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from monitors.budget import MONTH_S
from monitors.hub import Hub
from monitors.record import Batch
from monitors.reference import Reference
from monitors.registry import hub
from monitors.rehearsal import rehearse
from monitors.schema import ColumnSpec, Schema
from monitors.settings import Settings

NUMBERS, CATEGORIES = 24, 6
ROWS, WINDOW = 12_000, 1_000
MINUTE = 60 * 10**9
MONTH = round(MONTH_S / 60)
"""Windows of a minute in a month."""

SCHEMA = Schema(
    tuple(ColumnSpec(f"x{i}", "numeric") for i in range(NUMBERS))
    + tuple(ColumnSpec(f"c{i}", "categorical") for i in range(CATEGORIES)),
    "binary",
)
NAMES = np.array(["a", "b", "c", "d", "e"], object)
LOADINGS = np.random.default_rng(1).normal(0, 0.6, (5, NUMBERS + CATEGORIES))

Key = tuple[str, str, str]


def rows(random: np.random.Generator, n: int) -> Batch:
    """Features that correlate by five factors, one of them with missing values; a score, and labels that agree with it."""
    factors = random.normal(size=(n, 5))
    z = (factors @ LOADINGS + random.normal(0, 0.7, (n, NUMBERS + CATEGORIES))) / np.sqrt((LOADINGS**2).sum(0) + 0.49)
    columns: dict[str, NDArray[Any]] = {f"x{i}": z[:, i].astype(np.float32) for i in range(NUMBERS)}
    columns["x1"] = np.where(random.random(n) < 0.02, np.nan, columns["x1"]).astype(np.float32)
    columns["x2"] = np.exp(columns["x2"])
    cuts = np.array([-0.5, 0.4, 1.1, 1.7])
    columns |= {f"c{i}": NAMES[np.searchsorted(cuts, z[:, NUMBERS + i])] for i in range(CATEGORIES)}
    scores = 1 / (1 + np.exp(1.6 - 1.2 * factors[:, 0] - 0.8 * factors[:, 1]))
    return Batch(
        np.zeros(n, np.int64),
        np.array([f"r{random.integers(2**62)}" for _ in range(n)], object),
        columns,
        scores,
        (scores >= 0.5).astype(np.int64),
        (random.random(n) < scores).astype(np.int64),
    )


@pytest.fixture(scope="module")
def reference() -> Reference:
    """Of rows drawn at random: there are no times, so what is natural is what chance does."""
    batch = rows(np.random.default_rng(0), ROWS)
    return rehearse(Reference.build(batch.columns, SCHEMA, batch.scores, batch.labels), batch)


def minute(batch: Batch, place: int) -> Batch:
    """The rows spread over the minute of that place."""
    return dataclasses.replace(
        batch, time=MINUTE * (1_000_000 + place) + np.arange(len(batch)) * (MINUTE // len(batch))
    )


def judged(watched: Hub, batch: Batch) -> set[Key]:
    """What fires once the rows and their labels are in, which make one window."""
    watched.answers(dataclasses.replace(batch, labels=None))
    watched.labelled(batch)
    windows = watched.finish()
    return {one.measurement.key for window in windows for one in window.firing}


def onset(batch: Batch, change: str, random: np.random.Generator) -> Batch:
    """The rows, changed."""
    columns, n = dict(batch.columns), len(batch)
    some = random.random(n) < 0.02
    if change == "mean":
        columns["x0"] = columns["x0"] + np.float32(0.5)
    elif change == "category":
        columns["c0"] = np.where(some, "new", columns["c0"])
    elif change == "missing":
        columns["x0"] = np.where(some, np.nan, columns["x0"])
    elif change == "infinite":
        columns["x0"] = np.where(some, np.inf, columns["x0"])
    elif change == "rate of a category":
        # "c" rises from 0.2 to half as many again, at the cost of the others.
        share = (columns["c0"] == "c").mean()
        columns["c0"] = np.where(random.random(n) < 0.5 * share / (1 - share), "c", columns["c0"])
    elif change == "base rate":
        assert batch.labels is not None
        rate = batch.labels.mean()
        labels = np.where(random.random(n) < 0.5 * rate / (1 - rate), 1, batch.labels)
        return dataclasses.replace(batch, labels=labels)
    return dataclasses.replace(batch, columns=columns)


EXPECTED: dict[str, tuple[Key, set[str]]] = {
    "mean": (("drift", "x0", "psi"), {"x0", "reconstruction_error"}),
    "category": (("quality", "c0", "unseen"), {"c0", "inputs"}),
    "missing": (("quality", "x0", "missing"), {"x0", "inputs"}),
    "infinite": (("quality", "x0", "nonfinite"), {"x0", "inputs", "reconstruction_error"}),
    "rate of a category": (("drift", "c0", "psi"), {"c0"}),
    "base rate": (("label_drift", "label", "psi"), {"label", "roc_auc"}),
}
"""What must fire, and the subjects that may: rows that are strange as a whole, or labels that no longer fit the scores."""


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("change", EXPECTED)
def test_an_onset_is_found_within_two_windows_and_nothing_else(reference: Reference, change: str, seed: int) -> None:
    """Half a standard deviation in one of 30 features, a new category or missing values in 2 % of the rows, a base rate
    that rose by half: with the default settings, three quiet windows and two changed ones of 1,000 rows."""
    random = np.random.default_rng([seed, 7])
    watched = hub(reference)
    for place in range(3):
        assert not judged(watched, minute(rows(random, WINDOW), place))
    must, may = EXPECTED[change]
    found = [judged(watched, onset(minute(rows(random, WINDOW), 3 + i), change, random)) for i in range(2)]
    assert must in found[-1]
    assert {subject for keys in found for _, subject, _ in keys} <= may


def alarms(reference: Reference, windows: int, n: int, per_window: float, seed: int) -> Counter[Key]:
    """How often each series began to fire in windows of n unchanged rows, where `per_window` false alarms are put up with."""
    random, before = np.random.default_rng([seed, n]), set[Key]()
    watched = hub(reference, settings=Settings(false_alarms_per_month=per_window * MONTH))
    found: Counter[Key] = Counter()
    for place in range(windows):
        now = judged(watched, minute(rows(random, n), place))
        found.update(now - before)
        before = now
    return found


def test_nothing_fires_while_nothing_changes(reference: Reference) -> None:
    """With the defaults, which expect one false alarm a month, no alarm in an hour; with one a window put up with, not more."""
    assert not alarms(reference, 40, WINDOW, 1 / MONTH, 2)
    assert alarms(reference, 40, WINDOW, 0.5, 3).total() <= 0.5 * 40


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("n", "windows"), [(150, 500), (1_000, 500), (5_000, 200)])
def test_false_alarms_stay_within_what_was_asked_for(reference: Reference, n: int, windows: int) -> None:
    """Hundreds of windows of 30 features that correlate: at most as many alarms as are put up with, a tenth a window."""
    assert alarms(reference, windows, n, 0.1, 4).total() <= 0.1 * windows
