"""The states of a rollout, and what a look makes of them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.errors import BadRequest
from gateway.rollout.commands import COMMANDS, abort, revise
from gateway.rollout.gates import Outcome
from gateway.rollout.machine import ENDED, RETRIES, Change, State, begin, decode, encode, step, waits_for, weights
from tests.gateway.rollout.building import SECOND, plan, verdict

BOTH = (1, 2)


def started(**changes: Any) -> State:
    """Running on the first step since second 0."""
    state, _ = begin("flights", plan(**changes), "ann", 0)
    return step(state, (), 0, BOTH, 0)[0]


def test_it_goes_up_step_by_step_and_gets_everything_in_the_end() -> None:
    """Each step takes its bake time; each change has an event that says from where to where."""
    state, seen = started(), []
    for second in range(1, 40):
        state, events = step(state, (verdict(),), 100, BOTH, second * SECOND)
        seen += [(event.time // SECOND, event.what, event.after) for event in events]
    assert seen == [
        (10, "advance", "running at 10 %"),
        (20, "advance", "running at 50 %"),
        (30, "succeed", "succeeded at 100 %"),
    ]
    assert weights(state) == {1: 0, 2: 100}


@pytest.mark.parametrize(
    ("outcome", "answered", "second", "ready", "waits"),
    [
        ("pass", 100, 9, BOTH, "1 s more on this step"),
        ("pass", 99, 10, BOTH, "1 more answers of version 2 on this step"),
        ("inconclusive", 100, 10, BOTH, "error_rate: inconclusive"),
        ("no_data", 100, 10, BOTH, "error_rate: no_data"),
        ("pass", 100, 10, (2,), "version 1 to be ready again, to compare with"),
        (None, 100, 10, BOTH, "the gates' first verdicts"),
    ],
)
def test_it_waits_and_says_for_what(
    outcome: Outcome | None, answered: int, second: int, ready: tuple[int, ...], waits: str
) -> None:
    """However long that takes: it neither advances nor fails, and goes on by itself."""
    state, verdicts = started(), (verdict(outcome),) if outcome else ()
    after, events = step(state, verdicts, answered, ready, second * SECOND)
    assert (after.phase, after.percent, events) == ("running", 1.0, ())
    assert waits_for(after, verdicts, answered, second * SECOND) == (waits,)
    for later in range(100, 200):
        assert not step(after, (verdict("no_data"),), answered, ready, later * SECOND)[1]
    assert step(after, (verdict(),), 100, BOTH, 300 * SECOND)[0].percent == 10


@pytest.mark.parametrize(("on_fail", "phase"), [("rollback", "rolled_back"), ("pause", "paused")])
def test_a_gate_that_fails_takes_the_traffic_away_at_once(on_fail: str, phase: str) -> None:
    """Without waiting for bake time or samples; the event says why."""
    state, events = step(started(on_fail=on_fail), (verdict("fail"),), 3, BOTH, SECOND)
    assert (state.phase, weights(state), events[0].why) == (phase, {1: 100, 2: 0}, "error_rate: fail")
    assert step(state, (verdict(),), 1000, BOTH, 100 * SECOND)[0] == state


def test_a_provider_that_fails_is_asked_again_and_then_a_person_is() -> None:
    """With growing pauses; shares stay as they are; one answer forgets all failures."""
    state, asked, second = started(), [], 0
    while state.phase == "running":
        second += 1
        state, events = step(state, (verdict("error"),), 100, BOTH, second * SECOND)
        asked += [second] * len(events)
    assert [later - sooner for sooner, later in pairwise(asked)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert (state.phase, state.percent, len(asked)) == ("paused", 1.0, RETRIES + 1)
    once, _ = step(started(), (verdict("error"),), 100, BOTH, SECOND)
    assert once.errors == 1
    assert step(once, (verdict("inconclusive"),), 100, BOTH, 2 * SECOND)[0].errors == 0


def test_a_candidate_that_is_not_ready_gives_all_back_and_returns_to_its_step() -> None:
    """With its bake time from the beginning, and evidence of a new stretch beside what there was."""
    state, _ = step(started(), (verdict(),), 100, BOTH, 10 * SECOND)
    state, events = step(state, (verdict(),), 100, (1,), 12 * SECOND)
    assert (state.phase, weights(state), events[0].what) == ("pending", {1: 100, 2: 0}, "withdraw")
    state, _ = step(state, (), 0, BOTH, 15 * SECOND)
    assert (state.phase, state.percent, state.since) == ("running", 10.0, 15 * SECOND)
    assert state.starts == (0, 10 * SECOND, 12 * SECOND, 15 * SECOND)


@pytest.mark.parametrize("command", [None, "pause"])
def test_answers_while_a_version_stands_in_for_the_other_are_evidence_of_their_own(command: str | None) -> None:
    """What stable answers alone, or the candidate, is not beside what they answered together; also while it is paused."""
    state = started()
    if command:
        state, _ = COMMANDS[command](state, "bob", "", SECOND)
    for second, ready in ((2, (2,)), (3, (2,)), (4, BOTH), (5, BOTH)):
        state, _ = step(state, (), 0, ready, second * SECOND)
    assert state.starts == (0, 2 * SECOND, 4 * SECOND)


def test_a_rollout_that_is_resumed_with_a_version_away_begins_no_comparison() -> None:
    """The answers of the time until it comes back are of one version only."""
    state, _ = COMMANDS["pause"](started(), "bob", "", SECOND)
    state, _ = step(state, (), 0, (2,), 2 * SECOND)
    state, _ = COMMANDS["resume"](state, "bob", "", 3 * SECOND)
    assert (state.phase, state.starts) == ("pending", (0, 2 * SECOND, 3 * SECOND))


def test_a_provider_that_fails_while_somebody_is_asked_to_approve_is_no_endless_question() -> None:
    """It is asked as often as on any step; then a person must look. One answer forgets all failures."""
    state, _ = step(started(approve="manual", steps=(50,)), (verdict(),), 100, BOTH, 10 * SECOND)
    once, _ = step(state, (verdict("error"),), 100, BOTH, 11 * SECOND)
    assert (once.phase, once.errors) == ("waiting_approval", 1)
    assert step(once, (verdict(),), 100, BOTH, 12 * SECOND)[0] == state
    for second in range(11, 1000):
        state, _ = step(state, (verdict("error"),), 100, BOTH, second * SECOND)
    assert (state.phase, state.percent) == ("paused", 50.0)


def test_manual_approval_stands_before_the_last_step_only() -> None:
    """The share stays at the last step's; a gate that fails meanwhile still ends it."""
    state = started(approve="manual", steps=(50,))
    state, events = step(state, (verdict(),), 100, BOTH, 10 * SECOND)
    assert (state.phase, state.percent, events[0].what) == ("waiting_approval", 50.0, "wait")
    assert step(state, (verdict(),), 100, BOTH, 99 * SECOND)[0].percent == 50
    assert step(state, (verdict("fail"),), 100, BOTH, 99 * SECOND)[0].phase == "rolled_back"


def test_where_only_one_version_is_ready_it_takes_all_that_it_may() -> None:
    """A candidate with a share of its own stands in for stable; one that has failed does not."""
    state = step(started(), (), 0, (2,), SECOND)[0]
    assert weights(state) == {1: 0, 2: 100}
    failed, _ = step(started(), (verdict("fail"),), 0, (1, 2), SECOND)
    assert weights(step(failed, (), 0, (2,), 2 * SECOND)[0]) == {1: 100, 2: 0}


def test_a_rollout_that_was_begun_by_another_rule_is_read() -> None:
    """What may not be written any more may have been: the ledger keeps it."""
    kept = encode(started()).replace(b'"worse_by":0.01', b'"worse_by":5.0')
    assert decode(kept).plan.gates[0].limit == 5


class Rollouts(RuleBasedStateMachine):
    """Anything in any order, kept in two places: one that only remembers, one that is written and read at every change."""

    @initialize(approve=st.sampled_from(["auto", "manual"]), on_fail=st.sampled_from(["rollback", "pause"]))
    def begin(self, approve: str, on_fail: str) -> None:
        """A rollout."""
        self.now, self.ready = 0, frozenset(BOTH)
        self.all_passed = False
        self.state, self.events = begin("flights", plan(approve=approve, on_fail=on_fail), "ann", 0)
        self.asked = False

    def become(self, change: Change) -> None:
        """The next state; a process that is killed here goes on from what it wrote."""
        before = self.state
        self.state, self.events = change
        assert decode(encode(self.state)) == self.state
        moved = (before.phase, before.percent) != (self.state.phase, self.state.percent)
        assert bool(self.events) or not moved, "a change without an event"
        if self.state.percent > before.percent and not self.asked and before.phase == "running":
            assert self.all_passed, "promoted without evidence"

    @rule(
        seconds=st.integers(0, 30),
        outcome=st.sampled_from(["pass", "fail", "inconclusive", "no_data", "error", None]),
        answered=st.sampled_from([0, 99, 100, 500]),
        ready=st.sampled_from([BOTH, BOTH, BOTH, (1,), (2,), ()]),
    )
    def look(self, seconds: int, outcome: Outcome | None, answered: int, ready: tuple[int, ...]) -> None:
        """A look at the evidence."""
        self.now += seconds * SECOND
        self.ready = frozenset(ready)
        verdicts = (verdict(outcome),) if outcome else ()
        self.all_passed, self.asked = outcome == "pass" and answered >= 100, False
        change = step(self.state, verdicts, answered, ready, self.now)
        assert change == step(decode(encode(self.state)), verdicts, answered, ready, self.now)
        self.become(change)

    @rule(name=st.sampled_from(sorted(COMMANDS)))
    def command(self, name: str) -> None:
        """A person; the same once more changes nothing."""
        self.asked = True
        try:
            change = COMMANDS[name](self.state, "bob", "", self.now)
        except BadRequest:
            return
        self.become(change)
        assert COMMANDS[name](self.state, "bob", "", self.now) == (self.state, ())

    @rule(changes=st.sampled_from([{}, {"steps": (5, 20)}, {"bake": 1}, {"candidate": 3}]))
    def edit(self, changes: dict[str, Any]) -> None:
        """The configuration is applied again, or another one; never twice with an effect."""
        self.asked = True
        edited = plan(**changes)
        state, events = revise(self.state, "flights", edited, "cy", self.now)
        assert state is not None
        self.become((state, events))
        assert revise(state, "flights", edited, "cy", self.now) == (state, ())

    @invariant()
    def shares_are_whole(self) -> None:
        """They add up to all traffic."""
        if hasattr(self, "state"):
            assert sum(weights(self.state).values()) == 100

    @invariant()
    def nothing_goes_where_nothing_is_ready(self) -> None:
        """Unless no version may take it."""
        if hasattr(self, "state"):
            shares, plan_ = weights(self.state), self.state.plan
            if shares[plan_.candidate]:
                assert plan_.candidate in self.state.ready
            if shares[plan_.stable] and plan_.stable not in self.state.ready:
                assert not self.state.percent or plan_.candidate not in self.state.ready

    @invariant()
    def what_has_failed_gets_nothing(self) -> None:
        """Nor what was aborted."""
        if hasattr(self, "state") and self.state.phase in ("rolled_back", "aborted", "pending"):
            assert weights(self.state)[self.state.plan.candidate] == 0

    @precondition(lambda self: self.state.phase not in ENDED)
    @rule()
    def abort_twice(self) -> None:
        """Once is enough."""
        state, events = abort(self.state, "dee", "", self.now)
        assert len(events) == 1
        assert abort(state, "dee", "", self.now) == (state, ())


TestRollouts = Rollouts.TestCase
