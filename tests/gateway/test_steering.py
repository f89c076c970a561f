"""Rollouts under way: what a look at evidence may change, and what reaches the ledger."""

from __future__ import annotations

import inspect
import re
import sqlite3
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from gateway.config import Config, ModelConfig
from gateway.errors import NotReady
from gateway.rollout import commands, machine
from gateway.rollout.evidence import Arm
from gateway.rollout.gates import ProviderFailed
from gateway.rollout.ledger import Ledger
from gateway.steering import EVENTS, Evidence, Steering
from tests.gateway.rollout.building import SECOND, arm, plan

BOTH = {1, 2}
EDIT = machine.Event(1000 * SECOND, "m", "ann", "apply", "newest version", "version 1 100 %", "…")


class Site:
    """A steering at a clock that is set by hand."""

    def __init__(self, folder: Path) -> None:
        self.now = 1000 * SECOND
        self.path = folder / "rollouts.sqlite"
        self.steering = self.another()

    def another(self) -> Steering:
        """One that goes on from the ledger."""
        return Steering(Ledger(self.path), lambda: self.now)

    def look(self, evidence: Evidence | None, ready: set[int] = BOTH, after_s: float = 1) -> None:
        """A second later."""
        self.now += int(after_s * SECOND)
        self.steering.look("m", self.steering.asked()["m"], evidence, ready, silent)

    @property
    def where(self) -> str:
        """The model's rollout."""
        (told,) = self.steering.told()
        return f"{told['phase']} at {told['percent']:g} %"


def silent(url: str, query: str) -> float | None:
    """A Prometheus without a value."""
    return None


def config(**models: Any) -> Config:
    """Rollouts by model; None: a model without one."""
    return Config(models={name: ModelConfig(rollout=rollout) for name, rollout in models.items()})


def evidence(stretches: int, failed: int = 0) -> Evidence:
    """As many answers of both; the candidate failed on some."""
    return Evidence([arm(5000)] * stretches, [arm(5000, failed)] * stretches)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """With a rollout on its first step."""
    found = Site(tmp_path)
    found.steering.adopt(config(m=plan()), "ann")
    found.look(None)
    assert found.where == "running at 1 %"
    return found


def test_passes_advance_and_a_failure_ends_it(site: Site) -> None:
    """Each step with evidence of its own; without any, nothing moves."""
    site.look(None, after_s=100)
    site.look(Evidence([Arm()], [Arm()]), after_s=100)
    assert site.where == "running at 1 %"
    site.look(evidence(1))
    assert site.where == "running at 10 %"
    site.look(evidence(2, failed=500))
    assert site.where == "rolled_back at 0 %"
    assert site.steering.routed() == {"m": {1: 100.0, 2: 0.0}}


def test_evidence_that_was_asked_for_before_a_command_is_not_judged_after_it(site: Site) -> None:
    """A failure that somebody has overruled must not fail the rollout again, nor one step's answers count for the next."""
    site.steering.adopt(config(m=plan(on_fail="pause")), "ann")
    old = site.steering.asked()["m"]
    site.look(evidence(1, failed=500))
    assert site.where == "paused at 0 %"
    site.steering.command("m", "resume", "ann", "")
    site.steering.look("m", old, evidence(1, failed=500), BOTH, silent)
    assert site.where == "running at 1 %"
    site.steering.adopt(config(m=plan(candidate=3)), "ann")
    site.steering.look("m", old, evidence(1), {1, 2, 3}, silent)
    assert site.where == "pending at 0 %"


def test_the_verdicts_of_a_rollout_are_not_shown_for_the_next(site: Site) -> None:
    """Until its own gates have been judged, it has none."""
    site.look(evidence(1))
    assert site.steering.told()[0]["verdicts"]
    site.steering.adopt(config(m=plan(candidate=3)), "ann")
    assert site.steering.told()[0]["verdicts"] == []


def test_what_failed_a_rollout_stays_to_be_read(site: Site) -> None:
    """Until somebody resumes it: evidence goes on coming, but a person decides, and wants to know on what."""
    site.steering.adopt(config(m=plan(on_fail="pause")), "ann")
    site.look(evidence(1, failed=500))
    (failed,) = site.steering.told()
    assert failed["verdicts"][0]["outcome"] == "fail"
    assert (failed["answered"], failed["answered_stable"]) == (5000, 5000)
    site.look(evidence(1))
    assert site.steering.told() == [failed]
    site.steering.command("m", "resume", "ann", "")
    assert site.steering.told()[0]["verdicts"] == []


def test_events_are_counted_from_the_beginning_of_the_ledger(site: Site) -> None:
    """Those that never happened are 0, so that the first one is an increase; an edit that was applied is none of a rollout's."""
    site.steering.adopt(config(m=plan(approve="manual")), "ann", [EDIT])
    site.look(evidence(1), after_s=100)
    site.look(evidence(2, failed=500))
    found = site.steering.events(())
    assert {event for _, event in found} == set(EVENTS)
    happened = {"begin": 1, "start": 1, "edit": 1, "advance": 1, "fail": 1}
    assert {event: n for (_, event), n in found.items() if n} == happened
    assert site.another().events(()) == found
    assert {n for (model, _), n in site.steering.events(["other"]).items() if model == "other"} == {0}


def test_every_event_has_a_name_that_is_counted() -> None:
    """Whatever the machine and the commands call what they do."""
    words = re.compile(r'(?:moved\(\s*\w+, now, |_finish\(state, |Event\(now, [\w.]+, \w+, )"(\w+)"')
    named = {word for module in (machine, commands) for word in words.findall(inspect.getsource(module))}
    assert named == set(EVENTS)


def test_evidence_is_kept_however_often_the_candidate_comes_and_goes(site: Site) -> None:
    """Only so many stretches are told apart, but what they are evidence of has one name until it begins anew."""
    key = site.steering.asked()["m"].key
    for _ in range(100):
        site.look(None, ready={1})
        site.look(None)
    assert site.steering.asked()["m"].key == key
    site.steering.adopt(config(m=plan(on_fail="pause")), "ann")
    site.look(Evidence([arm(5000)] * 64, [arm(5000, 500)] * 64))
    assert site.where == "paused at 0 %"
    assert site.steering.asked()["m"].key == key
    site.now += SECOND
    site.steering.command("m", "resume", "ann", "")
    assert site.steering.asked()["m"].key != key


def test_an_edit_is_in_the_ledger_as_a_whole_or_not_at_all(site: Site) -> None:
    """All its rollouts and its words, in one transaction; a ledger that cannot be written says so."""
    before = site.steering.told()
    quick = Steering(Ledger(site.path, busy_s=0.01), lambda: site.now)
    blocker = sqlite3.connect(site.path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(NotReady, match=r"rollouts\.sqlite cannot be written: database is locked"):
        quick.adopt(config(m=plan(candidate=3), other=plan()), "ann", [EDIT])
    blocker.execute("ROLLBACK")
    refuse = "BEFORE INSERT ON rollouts WHEN new.model = 'other' BEGIN SELECT RAISE(FAIL, 'no'); END"
    blocker.execute(f"CREATE TRIGGER refuse {refuse}")
    with pytest.raises(NotReady):
        quick.adopt(config(m=plan(candidate=3), other=plan()), "ann", [EDIT])
    assert quick.told() == before
    assert [event.what for event in site.steering.history(None, 10)] == ["begin", "start"]
    assert site.another().told()[0]["candidate"] == 2


def test_looks_and_edits_at_once_do_not_meet_in_one_transaction(tmp_path: Path) -> None:
    """They come from several threads, and the ledger has one connection."""
    site, failures, edits = Site(tmp_path), [], count()
    site.steering.adopt(config(m=plan()), "ann")

    def often(act: Callable[[], object]) -> None:
        try:
            for _ in range(60):
                act()
        except Exception as problem:
            failures.append(problem)

    def flicker() -> None:
        site.now += 1
        site.steering.look("m", site.steering.asked()["m"], None, BOTH if next(edits) % 2 else {1}, silent)

    acts = (flicker, lambda: site.steering.adopt(config(m=plan()), "ann", [EDIT]))
    threads = [threading.Thread(target=often, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_new_start_of_the_gateway_begins_the_step_again(site: Site) -> None:
    """The time in which nothing answered is no baking; what was counted is kept."""
    key = site.steering.asked()["m"].key
    site.now += 1000 * SECOND
    site.steering = site.another()
    site.steering.interrupt()
    assert site.where == "pending at 0 %"
    site.look(evidence(1))
    site.look(evidence(2))
    assert site.where == "running at 1 %"
    assert site.steering.asked()["m"].key == key


def test_a_provider_that_failed_is_left_alone_also_while_the_observer_is_away(tmp_path: Path) -> None:
    """Its failures are counted in a row; a look without any evidence asks nobody, and says nothing of it."""
    gate = {"promql": "x", "url": "http://localhost:1", "above": 1}
    site, asked = Site(tmp_path), []

    def broken(url: str, query: str) -> float | None:
        asked.append(site.now)
        raise ProviderFailed("down")

    site.steering.adopt(config(m=plan(gates=(gate,))), "ann")
    site.look(None)
    for _ in range(3):
        site.now += SECOND
        site.steering.look("m", site.steering.asked()["m"], evidence(1), BOTH, broken)
        site.look(None, after_s=0)
    assert len(asked) == 2  # at once, after a second; and then not before two
    for _ in range(1000):
        site.now += SECOND
        site.steering.look("m", site.steering.asked()["m"], evidence(1), BOTH, broken)
    assert site.where == "paused at 1 %"
    assert len(asked) == machine.RETRIES + 1
    assert site.steering.told()[0]["verdicts"][0]["outcome"] == "error"
