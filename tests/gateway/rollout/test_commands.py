"""What people may do with a rollout."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import BadRequest
from gateway.rollout.commands import COMMANDS, abort, approve, pause, promote, resume, revise
from gateway.rollout.machine import State, begin, step, weights
from tests.gateway.rollout.building import SECOND, plan, verdict

BOTH = (1, 2)


def running(**changes: Any) -> State:
    """On the second step, 10 %, since second 10."""
    state, _ = begin("flights", plan(**changes), "ann", 0)
    state, _ = step(state, (), 0, BOTH, 0)
    return step(state, (verdict(),), 100, BOTH, 10 * SECOND)[0]


def test_pause_keeps_the_shares_and_resume_begins_the_step_again() -> None:
    """Meanwhile no verdict matters."""
    state, events = pause(running(), "bob", "lunch", 12 * SECOND)
    assert (state.phase, state.percent, events[0].who, events[0].why) == ("paused", 10.0, "bob", "lunch")
    assert step(state, (verdict("fail"),), 100, BOTH, 13 * SECOND)[0].phase == "paused"
    state, _ = resume(state, "bob", "", 20 * SECOND)
    assert (state.phase, state.percent, state.since, state.starts[-1]) == ("running", 10.0, 20 * SECOND, 20 * SECOND)


def test_resume_after_a_failed_gate_tries_it_anew() -> None:
    """What was counted before would fail it at the first look."""
    state, _ = step(running(on_fail="pause"), (verdict("fail"),), 100, BOTH, 12 * SECOND)
    state, _ = resume(state, "bob", "", 20 * SECOND)
    assert (state.phase, state.percent, state.starts, state.failed) == ("running", 10.0, (20 * SECOND,), False)


def test_promote_and_approve_give_the_candidate_everything() -> None:
    """Approval has its moment; promotion does not wait for one."""
    assert weights(promote(running(), "bob", "", 12 * SECOND)[0]) == {1: 0, 2: 100}
    with pytest.raises(BadRequest, match="flights: the rollout is running at 10 %; it asks for approval after"):
        approve(running(), "bob", "", 12 * SECOND)
    waiting, _ = step(running(steps=(1, 10), approve="manual"), (verdict(),), 100, BOTH, 20 * SECOND)
    assert approve(waiting, "bob", "", 21 * SECOND)[0].phase == "succeeded"


def test_nothing_is_promoted_that_is_not_ready() -> None:
    """Whoever asks."""
    state, _ = begin("flights", plan(), "ann", 0)
    with pytest.raises(BadRequest, match="version 2 is not ready"):
        promote(state, "bob", "", SECOND)


@pytest.mark.parametrize("name", ["pause", "resume", "promote", "approve"])
def test_what_has_ended_stays_ended(name: str) -> None:
    """Only a changed configuration begins another; `abort` has nothing left to do."""
    over, _ = abort(running(), "bob", "", 12 * SECOND)
    with pytest.raises(BadRequest):
        COMMANDS[name](over, "bob", "", 13 * SECOND)
    assert abort(over, "bob", "", 13 * SECOND) == (over, ())


def test_a_success_is_not_aborted() -> None:
    """Its stable version may be gone by then."""
    done, _ = promote(running(), "bob", "", 12 * SECOND)
    with pytest.raises(BadRequest, match=r"has ended, succeeded at 100 %, and cannot be aborted"):
        abort(done, "bob", "", 13 * SECOND)


@pytest.mark.parametrize(
    ("changes", "percent", "since"),
    [
        ({"min_samples": 7}, 10.0, 10),
        ({"steps": (1, 10, 20, 50)}, 10.0, 10),
        ({"steps": (2, 8, 50)}, 8.0, 15),
        ({"steps": (20, 50)}, 20.0, 15),
    ],
)
def test_an_edit_keeps_the_share_or_takes_the_next_lower_one(
    changes: dict[str, Any], percent: float, since: int
) -> None:
    """What was counted is kept; a share that changes bakes from the beginning."""
    before = running()
    state, events = revise(before, "flights", plan(**changes), "ann", 15 * SECOND)
    assert state is not None
    assert (state.phase, state.percent, state.since) == ("running", percent, since * SECOND)
    assert state.starts[:2] == before.starts
    assert [event.what for event in events] == ["edit"]


def test_an_edit_of_a_paused_rollout_leaves_it_paused() -> None:
    """At the share that the new steps have for it."""
    paused, _ = pause(running(), "bob", "", 12 * SECOND)
    state, _ = revise(paused, "flights", plan(steps=(5, 50)), "ann", 15 * SECOND)
    assert state is not None
    assert (state.phase, state.percent) == ("paused", 5.0)


def test_what_failed_is_tried_again_only_by_another_plan() -> None:
    """Applying the same file again is no reason."""
    failed, _ = step(running(), (verdict("fail"),), 100, BOTH, 12 * SECOND)
    assert revise(failed, "flights", plan(), "ann", 15 * SECOND) == (failed, ())
    paused, _ = step(running(on_fail="pause"), (verdict("fail"),), 100, BOTH, 12 * SECOND)
    assert revise(paused, "flights", plan(on_fail="pause"), "ann", 15 * SECOND) == (paused, ())
    again, events = revise(failed, "flights", plan(min_samples=7), "ann", 15 * SECOND)
    assert revise(paused, "flights", plan(min_samples=7), "ann", 15 * SECOND)[0] == again
    assert again is not None
    assert (again.phase, again.step, again.starts, events[0].what) == ("pending", 0, (), "begin")


def test_a_success_stays_one_when_its_plan_is_edited() -> None:
    """There is nothing left to roll out."""
    done, _ = promote(running(), "bob", "", 12 * SECOND)
    state, _ = revise(done, "flights", plan(bake=99), "ann", 15 * SECOND)
    assert state is not None
    assert (state.phase, state.percent, state.plan.bake) == ("succeeded", 100.0, 99)


def test_another_candidate_supersedes_the_first() -> None:
    """Two rollouts of a model never run at once: the first is told of its end, and gets nothing any more."""
    state, events = revise(running(), "flights", plan(candidate=3), "ann", 15 * SECOND)
    assert state is not None
    assert (state.phase, state.plan.candidate, weights(state)) == ("pending", 3, {1: 100, 3: 0})
    assert [(event.what, event.after) for event in events] == [
        ("supersede", "superseded at 0 %"),
        ("begin", "pending at 0 %"),
    ]


def test_a_configuration_without_rollout_ends_it() -> None:
    """And with it again, it begins from the beginning."""
    state, events = revise(running(), "flights", None, "ann", 15 * SECOND)
    assert state is not None
    assert (state.phase, weights(state), events[0].what) == ("superseded", {1: 100, 2: 0}, "supersede")
    assert revise(state, "flights", None, "ann", 16 * SECOND) == (state, ())
    again, _ = revise(state, "flights", plan(), "ann", 17 * SECOND)
    assert again is not None
    assert (again.phase, again.starts) == ("pending", ())
    assert revise(None, "flights", None, "ann", 17 * SECOND) == (None, ())
