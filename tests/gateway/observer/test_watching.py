"""The monitors of each version, as the record feeds them."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

from gateway.config import Config, Monitoring
from gateway.observer.batches import batch
from gateway.observer.watching import Watching, settings
from gateway.record import Answers
from gateway.store.joining import Joined
from monitors.settings import Settings
from tests.gateway.store.answering import START, answers, refusals

MODELS = Path(__file__).parents[3] / "models"
SECOND = 1_000_000_000


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """With a version that has a reference."""
    (tmp_path / "flights" / "1").mkdir(parents=True)
    shutil.copy(MODELS / "flights" / "1" / "reference.npz", tmp_path / "flights" / "1")
    return Config(repository=tmp_path, data=tmp_path)


def told(stamp: str, after_s: float, count: int = 10) -> Answers:
    """Rows from these files."""
    found = answers([f"{stamp}{one}" for one in range(count)], time=START + int(after_s * SECOND))
    layout = msgspec.structs.replace(found.layout, stamp=stamp, inputs=(), groups=())
    return dataclasses.replace(found, layout=layout, inputs={}, groups={})


def labelled(rows: Answers) -> Joined:
    """All of them."""
    n = len(rows)
    return Joined(rows, [0] * n, [None] * n, rows.time, rows.time)


def rows(watching: Watching) -> int:
    """In all windows that are open, of the version's only hub."""
    ((_, hub),) = watching.hubs()
    hub.advance(START + 200_000 * SECOND)
    return sum(window.n for window in hub.latest() if window.about == "answers")


def test_while_replicas_load_new_files_the_monitors_of_these_go_on(config: Config) -> None:
    """Answers of the old ones come between; so do, for weeks, their labels. None of it makes them forget."""
    watching = Watching(config, {})
    watching.answers(told("old", 0))
    watching.answers(told("new", 1))
    ((_, hub),) = watching.hubs()
    watching.answers(told("old", 2))
    watching.answers(told("new", 3))
    watching.joined(labelled(told("old", 0)))
    watching.joined(labelled(told("new", 1)))
    assert [each for _, each in watching.hubs()] == [hub]
    assert rows(watching) == 20


def test_files_that_are_put_back_are_watched_again(config: Config) -> None:
    """Once no replica can still be loading."""
    watching = Watching(config, {})
    watching.answers(told("old", 0))
    watching.answers(told("new", 1))
    watching.answers(told("old", 400, count=7))
    assert rows(watching) == 7
    assert np.array_equal(list(watching.export()), ["monitors/flights/1/primary/old"])


def test_refusals_without_a_version_count_where_the_newest_row_is(config: Config) -> None:
    """Else a version that traffic was taken from would seem to be asked still."""
    shutil.copytree(config.repository / "flights" / "1", config.repository / "flights" / "2")
    watching = Watching(config, {})
    watching.answers(told("one", 0))
    newer = told("two", 1)
    watching.answers(dataclasses.replace(newer, layout=msgspec.structs.replace(newer.layout, version=2)))
    watching.answers(told("one", 2))
    watching.refusals(dataclasses.replace(refusals(["r"]), time=[START + 5 * SECOND]))
    newest = {subject.version: (hub.newest - START) // SECOND for subject, hub in watching.hubs()}
    assert newest == {1: 5, 2: 1}


def test_a_score_that_was_not_asked_for_is_told_from_none() -> None:
    """Neither is a number, and only one is the model's fault."""
    told = answers(["a", "b", "c"])
    told.outputs["score"][1:] = np.nan
    found = batch(dataclasses.replace(told, absent={"output.score": np.array([False, False, True])}))
    assert found.scores is not None
    assert found.unscored is not None
    assert np.isnan(found.scores).tolist() == [False, True, True]
    assert found.unscored.tolist() == [False, False, True]


def test_what_watches_slices_is_told() -> None:
    """By the configuration to the monitors."""
    assert settings(Monitoring()).sliced == Settings().sliced
    assert settings(Monitoring(sliced=("drift", "outlier"))).sliced == ("drift", "outlier")
