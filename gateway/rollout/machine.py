"""The states of a rollout, and what a look at the evidence makes of them. Nothing here waits, asks or writes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal

import msgspec

from gateway.rollout.gates import Verdict
from gateway.traffic import KEPT, RolloutConfig

Phase = Literal["pending", "running", "paused", "waiting_approval", "succeeded", "rolled_back", "aborted", "superseded"]

ENDED = frozenset({"succeeded", "rolled_back", "aborted", "superseded"})
LOOKING = frozenset({"running", "waiting_approval"})
"""The phases in which what the gates say has consequences."""

ITSELF = "driftgate"
"""Who does what nobody asked for."""

RETRIES = 8
"""So often in a row may a gate's provider fail; after that a person must look."""

MOST_STARTS = 64
_SECOND = 1_000_000_000
_LONGEST_S = 60


class Event(msgspec.Struct, frozen=True):
    """A change: when (ns), of which model, by whom, what, from where to where, and why."""

    time: int
    model: str
    who: str
    what: str
    before: str
    after: str
    why: str


class State(msgspec.Struct, frozen=True):
    """One rollout of one model; all that a later process needs to go on.

    began: ns, when all of its evidence begins; it begins anew when somebody overrules a failure.
    step: the place in plan.steps. percent: the candidate's share now. since: ns, when this phase or step began. starts: ns, when
    evidence began, anew for each stretch of one share. errors, retry: how often a provider failed in a row, and when (ns) to
    ask it again. failed: whether a gate has failed. ready: the versions that were ready at the last look.
    """

    model: str
    plan: RolloutConfig
    phase: Phase
    since: int
    reason: str
    step: int = 0
    percent: float = 0.0
    starts: tuple[int, ...] = ()
    errors: int = 0
    retry: int = 0
    failed: bool = False
    ready: tuple[int, ...] = ()
    began: int = 0

    @property
    def where(self) -> str:
        """For people: `running at 10 %`."""
        return f"{self.phase.replace('_', ' ')} at {self.percent:g} %"


Change = tuple[State, tuple[Event, ...]]


def begin(model: str, plan: RolloutConfig, who: str, now: int) -> Change:
    """A rollout that waits for its versions to be ready."""
    why = f"from version {plan.stable} to version {plan.candidate}"
    state = State(model, plan, "pending", now, "waits until both versions are ready", began=now)
    return state, (Event(now, model, who, "begin", "", state.where, why),)


def weights(state: State) -> dict[int, float]:
    """Percent of the traffic by version; the sum is 100.

    A version that is not ready gets nothing as long as the other one may take it. A candidate that was never let in, or has
    failed, may not: then all goes to stable, ready or not, and the gateway says 503 rather than answer with the candidate.
    """
    percent = state.percent
    if percent and state.plan.candidate not in state.ready:
        percent = 0.0
    elif percent and state.plan.stable not in state.ready:
        percent = 100.0
    return {state.plan.stable: 100.0 - percent, state.plan.candidate: percent}


def step(state: State, verdicts: Sequence[Verdict], answered: float, ready: Collection[int], now: int) -> Change:
    """What a look makes of a state.

    verdicts: of all gates, over the rollout's period. answered: by the candidate since the last of `state.starts`.
    ready: the versions that can answer. now: ns. A gate that fails ends it at once; no other verdict ever does. Only passes of
    all gates advance it.
    """
    if state.phase in ENDED:
        return state, ()
    state = _readied(state, ready, now)
    if state.phase == "pending":
        return _enter(state, now)
    if state.phase not in LOOKING:
        return state, ()
    if state.plan.candidate not in state.ready:
        why = f"version {state.plan.candidate} is not ready: version {state.plan.stable} takes all until it is"
        return moved(state, now, "withdraw", why, phase="pending", percent=0.0)
    failing = [verdict.sentence for verdict in verdicts if verdict.outcome == "fail"]
    if failing:
        phase: Phase = "rolled_back" if state.plan.on_fail == "rollback" else "paused"
        return moved(state, now, "fail", "; ".join(failing), phase=phase, percent=0.0, failed=True)
    return _look(state, verdicts, answered, now)


def waits_for(state: State, verdicts: Sequence[Verdict], answered: float, now: int) -> tuple[str, ...]:
    """In words, all that must still come before a rollout goes on by itself; empty if nothing must."""
    plan = state.plan
    if state.phase in ("paused", "waiting_approval", "pending"):
        return (state.reason,)
    if state.phase in ENDED:
        return ()
    left = plan.bake - (now - state.since) / _SECOND
    found = [f"{left:.0f} s more on this step"] if left > 0 else []
    if answered < plan.min_samples:
        found.append(f"{plan.min_samples - answered:.0f} more answers of version {plan.candidate} on this step")
    if plan.stable not in state.ready:
        found.append(f"version {plan.stable} to be ready again, to compare with")
    if len(verdicts) < len(plan.gates):
        found.append("the gates' first verdicts")
    return (*found, *(verdict.sentence for verdict in verdicts if verdict.outcome != "pass"))


def moved(state: State, now: int, what: str, why: str, who: str = ITSELF, **changes: Any) -> Change:
    """The state with changes, the reason for them, and the event that tells of them."""
    after = _replaced(state, since=now, reason=why, errors=0, retry=0, **changes)
    return after, (Event(now, state.model, who, what, state.where, after.where, why),)


def entered(state: State, now: int, place: int) -> dict[str, Any]:
    """The changes that put a rollout on a step, with evidence of its own for it."""
    return {"phase": "running", "step": place, "percent": state.plan.steps[place], "starts": stretched(state, now)}


def stretched(state: State, now: int) -> tuple[int, ...]:
    """The starts, with one more from now on: evidence of different shares is never added up as if it were of one."""
    return (*state.starts, max(now, state.starts[-1] + 1 if state.starts else 0))[-MOST_STARTS:]


def encode(state: State) -> bytes:
    """JSON, for the ledger and for people."""
    return msgspec.json.encode(state, enc_hook=lambda plan: plan.model_dump(mode="json", exclude_none=True))


def decode(data: bytes) -> State:
    """What `encode` gave."""
    return msgspec.json.decode(data, type=State, dec_hook=_plan)


def _plan(_: type, plain: Any) -> RolloutConfig:
    return RolloutConfig.model_validate(plain, context=KEPT)


def _readied(state: State, ready: Collection[int], now: int) -> State:
    """Knows who is ready. If a version steps in for the other one, or no longer does, a stretch of evidence begins."""
    after = _replaced(state, ready=tuple(sorted(set(ready) & {state.plan.stable, state.plan.candidate})))
    return after if weights(after) == weights(state) else _replaced(after, starts=stretched(state, now))


def _enter(state: State, now: int) -> Change:
    if {state.plan.stable, state.plan.candidate} - set(state.ready):
        return state, ()
    return moved(state, now, "start", "both versions are ready", **entered(state, now, state.step))


def _look(state: State, verdicts: Sequence[Verdict], answered: float, now: int) -> Change:
    """Of a rollout that has answers to look at, and none of whose gates fails."""
    erring = [verdict.sentence for verdict in verdicts if verdict.outcome == "error"]
    if erring:
        return _retry(state, "; ".join(erring), now)
    if state.errors and len(verdicts) == len(state.plan.gates):  # fewer: the provider was not asked
        state = _replaced(state, errors=0, retry=0)
    if state.phase == "waiting_approval":
        return state, ()
    return (state, ()) if waits_for(state, verdicts, answered, now) else _advance(state, now)


def _advance(state: State, now: int) -> Change:
    why = f"all {len(state.plan.gates)} gates pass"
    if state.step + 1 < len(state.plan.steps):
        return moved(state, now, "advance", why, **entered(state, now, state.step + 1))
    if state.plan.approve == "manual":
        return moved(state, now, "wait", f"{why}; waits for approval", phase="waiting_approval")
    return moved(state, now, "succeed", why, phase="succeeded", percent=100.0)


def _retry(state: State, why: str, now: int) -> Change:
    if now < state.retry:
        return state, ()
    errors = state.errors + 1
    if errors > RETRIES:
        return moved(state, now, "pause", f"{why}: {errors} times in a row", phase="paused")
    wait = min(2 ** (errors - 1), _LONGEST_S)
    after = _replaced(state, errors=errors, retry=now + wait * _SECOND)
    said = f"{why}: asked again in {wait} s, {errors} of {RETRIES}"
    return after, (Event(now, state.model, ITSELF, "retry", state.where, after.where, said),)


def _replaced(state: State, **changes: Any) -> State:
    return msgspec.structs.replace(state, **changes)
