"""However many features, groups and names there are: the number of series is bounded, and no id is a label."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from collections import Counter
from typing import Any

import numpy as np
import pytest

from gateway import metrics
from gateway.exposition import expose
from gateway.observer.ledger import Subject
from gateway.observer.readings import MOST, OTHER, foremost, readings, told
from monitors.caption import LONGEST
from monitors.hub import Hub
from monitors.judgement import Judged, Window
from monitors.measurement import Measurement
from monitors.record import Batch
from monitors.reference import Reference
from monitors.registry import hub
from monitors.schema import ColumnSpec, Schema
from monitors.settings import Settings

FEATURES, GROUPS, ROWS = 500, 200, 1_200
SERIES = 1_200
"""So many series a version in one role may have of what monitors found, whatever it is."""

HOSTILE = [
    'quote "',
    "back\\slash",
    "line\nbreak",
    "nul\0",
    "\u202eright to left",
    "é" * 500,
    "x" * 5_000,
    "{a=b}",
    "other",
    "missing",
    "01 ≤ 3",
    "\ud800",
    "#",
    "NaN",
    " ",
    "\U0001f6eb",
]


def _columns(random: np.random.Generator) -> dict[str, Any]:
    words = np.array([*HOSTILE, *(f"v{i}" for i in range(300))], object)
    columns: dict[str, Any] = {f"number {i} {'y' * (i % 120)}": random.normal(size=ROWS) for i in range(FEATURES - 40)}
    for place in range(40):
        columns[f"{HOSTILE[place % len(HOSTILE)]}{place}"] = words[random.integers(0, len(words), ROWS)]
    return columns


def _rows(columns: dict[str, Any], random: np.random.Generator) -> Batch:
    scores = random.random(ROWS)
    labels = (random.random(ROWS) < scores).astype(float)
    cohorts = np.array([f"{HOSTILE[i % len(HOSTILE)]} cohort {i}" for i in range(GROUPS)], object)
    return Batch(
        np.arange(ROWS) * 10**9,
        np.array([f"request-{i:08x}" for i in range(ROWS)], object),
        columns,
        scores,
        (scores >= 0.5).astype(np.int64),
        labels,
        {f"attribute {i}": cohorts[random.integers(0, GROUPS, ROWS)] for i in range(4)},
    )


@pytest.fixture(scope="module")
def enormous() -> Hub:
    """A version that has too much of everything, after a window with labels."""
    random = np.random.default_rng(0)
    columns = _columns(random)
    kinds = [
        ColumnSpec(name, "numeric" if values.dtype.kind == "f" else "categorical") for name, values in columns.items()
    ]
    scores = random.random(ROWS)
    reference = Reference.build(
        columns, Schema(tuple(kinds), "binary"), scores, (random.random(ROWS) < scores).astype(float)
    )
    slices = tuple({"attribute 0": (f"{HOSTILE[i % len(HOSTILE)]} cohort {i}",)} for i in range(12))
    of = hub(reference, tuple(f"attribute {i}" for i in range(4)), Settings(rows=ROWS, slices=slices))
    rows = _rows(_columns(np.random.default_rng(1)), random)
    of.answers(rows)
    of.labelled(rows)
    for number in range(300):
        of.refused(10**9, f"code {number}")
    of.finish()
    return of


def test_the_number_of_series_is_bounded(enormous: Hub) -> None:
    """Of each version by the same number; five models of three versions have fifteen times as many."""
    subjects = [Subject(f"model {m}", version, "primary") for m in range(5) for version in (1, 2, 3)]
    samples = [sample for subject in subjects for sample in readings(subject, enormous)]
    keys = [(sample.metric.name, sample.labels) for sample in samples]
    assert len(set(keys)) == len(keys)
    assert len(samples) <= SERIES * len(subjects)
    statistics = Counter((*sample.labels[:2], sample.labels[4]) for sample in samples if sample.metric is metrics.DRIFT)
    assert max(statistics.values()) <= MOST + 1 + 2  # score and reconstruction error stand beside the features


def test_no_label_is_an_id_or_a_long_text(enormous: Hub) -> None:
    """Nor anything that a terminal, or a browser, would not show; all of it can be sent."""
    samples = list(readings(Subject("flights", 1, "primary"), enormous))
    values = {value for sample in samples for value in sample.labels}
    assert max(map(len, values)) <= LONGEST + 3  # a bin's place stands before its label
    assert all(value.isprintable() for value in values)
    assert not [value for value in values if "request-" in value]
    text = expose(samples, "text/plain").body.decode()
    assert "request-" not in text


def test_the_worst_have_series_and_the_worst_of_the_rest_is_other(enormous: Hub) -> None:
    """Whichever feature drifts most is seen."""
    window = enormous.latest()[0]
    psi = {
        judged.measurement.subject: judged.measurement.value
        for judged in window.judged
        if judged.measurement.key[0] == "drift" and judged.measurement.statistic == "psi" and judged.measurement.enough
    }
    ordered = sorted(psi.values(), reverse=True)
    found = {
        sample.labels[3]: sample.value
        for sample in readings(Subject("flights", 1, "primary"), enormous)
        if sample.metric is metrics.DRIFT and sample.labels[4] == "psi"
    }
    assert len(psi) == FEATURES
    assert set(ordered[:MOST]) <= set(found.values())
    assert found[OTHER] == ordered[MOST]


def test_equals_are_chosen_by_name() -> None:
    """So that series do not come and go where nothing changes."""
    found = {f"f{i:03d}": 0.0 for i in range(100)}
    worst, rest = foremost(found)
    assert [name for name, _ in worst] == [f"f{i:03d}" for i in range(MOST)]
    assert len(rest) == 100 - MOST
    assert foremost(dict(reversed(found.items()))) == (worst, rest)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_has_nothing_to_say_against_it(enormous: Hub) -> None:
    """Hostile names, and all."""
    text = expose(readings(Subject("flights", 1, "primary"), enormous), "text/plain").body
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert (checked.returncode, checked.stderr.decode()) == (0, "")


def test_what_is_told_can_be_written_as_json() -> None:
    """Whatever number is none, wherever it stands: a page that asks gets an answer."""
    wild = Measurement(
        "drift", "x", "psi", math.inf, 3, (-math.inf, math.nan), p=math.nan, detail={"before": math.inf, "after": 1.0}
    )
    window = Window("answers", 0, 10, 3, (Judged(wild, "pending", 10),))
    (found,) = json.loads(json.dumps(told(window), allow_nan=False))["measurements"]
    assert found["value"] is None
    assert found["interval"] == [None, None]
    assert found["p"] is None
    assert found["detail"] == {"before": None, "after": 1.0}


def test_what_was_found_of_a_version_that_answers_no_more_is_of_the_past() -> None:
    """Its alarms are at 0, for their series must not end at what they were; when it last answered is still said."""
    random = np.random.default_rng(2)
    scores, values = random.random(ROWS), random.normal(size=ROWS)
    truth = (random.random(ROWS) < scores).astype(float)
    schema = Schema((ColumnSpec("x", "numeric"),), "binary")
    of = hub(Reference.build({"x": values}, schema, scores, truth), (), Settings(rows=ROWS, at_most=3600.0))
    ids = np.array([str(row) for row in range(ROWS)], object)
    rows = Batch(np.arange(ROWS) * 10**9, ids, {"x": values + 3}, scores, (scores >= 0.5).astype(np.int64), 1 - truth)
    of.answers(rows)
    of.labelled(rows)

    def found(hours: float) -> tuple[set[str], set[str]]:
        of.advance(int(hours * 3600 * 10**9))
        samples = list(readings(Subject("flights", 1, "primary"), of))
        firing = {sample.labels[3] for sample in samples if sample.metric is metrics.ALARM and sample.value}
        return firing, {sample.metric.name for sample in samples}

    firing, names = found(1.5)
    assert {"drift", "performance"} <= firing
    assert {"driftgate_drift_score", "driftgate_performance", "driftgate_feature_share"} <= names
    kept = {metrics.WINDOW_ROWS.name, metrics.WINDOW_END.name, metrics.ALARM.name, metrics.LATE.name}
    for hours in (2.5, 24.0, 720.0):
        assert found(hours) == (set(), kept)
