"""A log, judged at once: what fired when it was judged is told, whatever came after."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from monitors.judgement import Window
from monitors.log import Rows
from monitors.offline import Judging, judge
from monitors.reference import Reference
from monitors.settings import Settings
from tests.monitors.answering import MINUTE, START, batch


def test_what_fired_on_early_labels_is_told_beside_what_all_labels_say(
    reference: Reference, example: Callable[..., Any]
) -> None:
    """A tenth of the labels comes at once, and is of the hard cases; the others come in the end."""
    random, log, limits = np.random.default_rng(7), [], Settings(rows=600, lateness=0.0)
    for minute in range(20):
        rows = batch(example(), minute + np.arange(600) / 1200)
        assert rows.scores is not None
        early = np.arange(600) < 60
        labels = (random.random(600) < np.where(early, 1 - rows.scores, rows.scores)).astype(np.int64)
        times = np.where(early, rows.time + MINUTE, START + 500 * MINUTE)
        log.append(Rows(1, "primary", dataclasses.replace(rows, labels=labels, label_time=times)))
    judging = Judging(reference, (), limits)
    judged = [window for rows in log for window in judging.take(rows.batch)] + list(judging.finish())
    told = [report.window for report in judge(log, reference, (), limits)]
    assert {window.labelled for window in told if window.about == "labelled"} == {600}
    assert _fired(judged) <= _fired(told)
    assert len(_fired(judged)) > 18


def _fired(windows: Iterable[Window]) -> set[tuple[int, tuple[str, str, str]]]:
    return {(each.start, one.measurement.key) for each in windows if each.about == "labelled" for one in each.firing}
