"""The observer's actor, without Ray: it goes on after what fails, and answers what it was asked once that is final."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Iterator
from operator import gt
from pathlib import Path

import pytest

from gateway.errors import NotReady, SetupError
from gateway.journal.reader import HOLD_NS
from gateway.observer import actor
from gateway.observer.actor import Observer
from gateway.observer.fold import Fold
from gateway.observer.trials import Asked
from gateway.store.store import Store
from tests.gateway.journal.conftest import answered
from tests.gateway.journal.test_journal import die
from tests.gateway.observer.test_fold import Site
from tests.gateway.observer.test_standing import standing
from tests.running import wait_for

FAILURES = 'driftgate_observer_failures_total{part="observer"}'
GROWING = ("driftgate_observer_checkpoint_age_seconds", "driftgate_observer_lag_seconds", "driftgate_journal_bytes")


def value(observer: Observer, series: str) -> float:
    """What a scrape says of it."""
    lines = observer.scrape("").body.decode().splitlines()
    return float(next(line for line in lines if line.startswith(f"{series} ")).split()[-1])


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An empty one."""
    return Site(tmp_path)


@pytest.fixture(autouse=True)
def process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process keeps its priority, its log and its collector; and the observer looks often."""
    monkeypatch.setattr(actor, "stand_back", lambda: None)
    monkeypatch.setattr(actor, "open_log", lambda *_: None)
    monkeypatch.setattr(actor, "_POLL_S", 0.01)
    monkeypatch.setattr(actor, "_AGAIN_S", 0.01)
    monkeypatch.setattr(actor, "_SAMPLE_S", 0.0)
    yield
    gc.enable()


@pytest.fixture
def observer(site: Site) -> Iterator[Observer]:
    """One that runs."""
    made = Observer(site.config)
    yield made
    if not made._finished:
        made.finish()


def test_what_was_answered_before_a_flush_is_in_the_store(site: Site, observer: Observer) -> None:
    """But not before it is final: until then its replica may die, and another give the answer."""
    journal = site.journal()
    began = time.time_ns()
    journal.append(answered(began, "a"))
    observer.flush()
    assert time.time_ns() - began >= HOLD_NS
    assert site.rows() == ["a"]


def test_a_flush_waits_for_what_is_in_doubt(site: Site, observer: Observer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replica has just died; its last answers count when nobody has given them again."""
    monkeypatch.setattr("gateway.observer.fold.PATIENCE_NS", HOLD_NS)
    die(site.journal("in doubt", at=time.time_ns()))
    observer.flush()
    assert site.rows() == ["in doubt"]


def test_nothing_is_asked_of_an_observer_that_has_finished(site: Site, observer: Observer) -> None:
    """What was left is in the store, which is free for others."""
    site.journal("a").close()
    observer.finish()
    assert site.rows() == ["a"]
    with pytest.raises(NotReady, match="finished"):
        observer.flush()
    Store(site.config.data).close()


def test_a_store_that_somebody_else_has_is_waited_for(site: Site) -> None:
    """An export, say, that was begun before the gateway."""
    other = Store(site.config.data)
    observer = Observer(site.config)
    with pytest.raises(SetupError, match="process"):
        observer.flush()
    other.close()
    site.journal("a", at=time.time_ns())
    observer.flush()
    assert site.rows() == ["a"]
    observer.finish()


def test_after_a_failure_that_is_not_foreseen_it_starts_from_the_checkpoint(
    site: Site, observer: Observer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asked: half a step may have been done."""
    observer.flush()
    first = observer._fold

    def broken(fold: Fold, now_ns: int) -> None:
        raise KeyError("half done")

    with monkeypatch.context() as patched:
        patched.setattr(Fold, "drain", broken)
        with pytest.raises(KeyError):
            observer.flush()
    site.journal("a", at=time.time_ns())
    observer.flush()
    assert observer._fold is not first
    assert site.rows() == ["a"]


def test_a_full_disk_shows_in_the_metrics(site: Site, observer: Observer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The age of the last checkpoint goes on growing there; what is in memory is kept."""
    observer.flush()
    held = observer._fold

    def full(fold: Fold, now_ns: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Fold, "step", full)
        wait_for(lambda: observer._fold is held, 5, "the fold")
        before = observer._samples
        wait_for(lambda: observer._samples is not before, 5, "new samples")
    assert observer._fold is held


def test_an_observer_that_fails_at_every_step_shows_in_the_metrics(
    site: Site, observer: Observer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What tells of it goes on, though no fold comes far enough to be asked."""
    monkeypatch.setattr("gateway.observer.texts.FRESH_S", 0.0)
    monkeypatch.setattr("gateway.observer.pulse._USUAL_NS", 0)
    observer.flush()

    def broken(fold: Fold, now_ns: int) -> None:
        raise KeyError("half done")

    with monkeypatch.context() as patched:
        patched.setattr(Fold, "step", broken)
        wait_for(lambda: value(observer, FAILURES) > 1, 5, "failures")
        before = [value(observer, name) for name in GROWING]
        site.journal("a", at=time.time_ns())
        wait_for(lambda: all(map(gt, [value(observer, name) for name in GROWING], before)), 5, "what grows meanwhile")
    observer.flush()
    wait_for(lambda: value(observer, "driftgate_observer_rows_total") == 1, 5, "the answer")
    failures = value(observer, FAILURES)
    assert value(observer, "driftgate_observer_checkpoint_age_seconds") < 5
    observer.flush()
    assert value(observer, FAILURES) == failures


def test_a_store_that_cannot_be_opened_shows_in_the_metrics(site: Site) -> None:
    """From the beginning, when there has been no fold yet."""
    other = Store(site.config.data)
    observer = Observer(site.config)
    wait_for(lambda: observer._pulse.failures > 1, 5, "failures")
    assert value(observer, FAILURES) > 1
    assert all(value(observer, name) >= 0 for name in GROWING)
    other.close()
    observer.flush()
    observer.finish()


def test_a_crash_does_not_move_answers_from_one_step_to_the_step_before(site: Site) -> None:
    """What is read again is counted by the steps that were known, not by those of the last checkpoint."""
    journal = site.journal()
    began = time.time_ns()
    for name, at in (("a", began), ("b", began + 1_000_000), ("c", began + 2_000_000)):
        journal.append(answered(at, name))
    observer = Observer(site.config)
    observer.evidence({"scale": Asked("1-2-0", (1, 2), (began,))})
    observer.evidence({"scale": Asked("1-2-0", (1, 2), (began, began + 1_000_000))})
    observer._stopped.set()
    with observer._turn:
        observer._finished = True  # its thread may be waiting for its turn
        observer._drop()
    again = Observer(site.config)
    time.sleep(HOLD_NS / 1e9)
    asked = {"scale": Asked("1-2-0", (1, 2), (began, began + 1_000_000))}
    wait_for(lambda: again.evidence(asked)["scale"][1][1]["answered"] == 2, 10, "the answers")
    assert [arm["answered"] for arm in again.evidence(asked)["scale"][1]] == [1, 2]
    again.finish()


def test_how_everything_stands_is_told_as_long_as_it_is_known(
    observer: Observer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From when the control actor says it until it has been silent for some seconds; the version of the program always."""
    observer.flush()
    assert b"driftgate_info" in observer.scrape("").body
    assert b"driftgate_revision" not in observer.scrape("").body
    observer.tell(standing())
    wait_for(lambda: b"driftgate_revision 7.0" in observer.scrape("").body, 5, "what was told")
    monkeypatch.setattr(actor, "SILENT_S", 0.0)
    wait_for(lambda: b"driftgate_revision" not in observer.scrape("").body, 5, "it to be forgotten")


def test_metrics_that_cannot_be_made_cost_no_record(
    site: Site, observer: Observer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is wrong with what is shown, what was answered is stored; and the failure is counted."""

    def fail(*_: object) -> None:
        raise UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed")

    monkeypatch.setattr(actor, "samples", fail)
    site.journal("a", "b", at=time.time_ns())
    observer.flush()
    assert sorted(site.rows()) == ["a", "b"]
    assert value(observer, FAILURES) > 0


def test_windows_and_distributions_are_json(observer: Observer) -> None:
    """Of a model without a reference, or that nobody knows, there are none."""
    for found in (observer.windows("scale", 5), observer.distributions("scale")):
        assert json.loads(found) == {"model": "scale", "versions": []}


def test_traffic_is_counted_as_it_is_observed(site: Site, observer: Observer) -> None:
    """The same counts as the metrics have."""
    site.journal("a", "b", at=time.time_ns())
    wait_for(lambda: observer.traffic().models, 10, "the answers")
    (found,) = observer.traffic().models
    assert (found["model"], found["version"], found["outcomes"]) == ("scale", 1, {"ok": 2})
