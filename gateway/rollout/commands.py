"""What people may do with a rollout. Doing it again changes nothing; what makes no sense is refused with a sentence."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from gateway.errors import BadRequest
from gateway.rollout.machine import ENDED, Change, Event, State, begin, entered, moved, stretched
from gateway.traffic import RolloutConfig

Command = Callable[[State, str, str, int], Change]
"""From a state, who, why (may be empty), and now (ns). Raises BadRequest where it makes no sense."""


def pause(state: State, who: str, why: str, now: int) -> Change:
    """Stays where it is: same shares, no steps. Gates are not looked at until `resume`."""
    if state.phase == "paused":
        return state, ()
    _unended(state, "paused")
    return moved(state, now, "pause", why or f"paused by {who}", who, phase="paused")


def resume(state: State, who: str, why: str, now: int) -> Change:
    """Goes on at the step where it was paused, with its bake time from the beginning.

    After a gate has failed, evidence begins anew: somebody has decided that it may be tried again.
    """
    if state.phase in ("running", "pending", "waiting_approval"):
        return state, ()
    _unended(state, "resumed")
    if state.failed:
        state = msgspec.structs.replace(state, starts=(), failed=False, began=now)
    said = why or f"resumed by {who}"
    if {state.plan.stable, state.plan.candidate} - set(state.ready):
        return moved(state, now, "resume", said, who, phase="pending", percent=0.0, starts=stretched(state, now))
    return moved(state, now, "resume", said, who, **entered(state, now, state.step))


def promote(state: State, who: str, why: str, now: int) -> Change:
    """The candidate gets everything at once, whatever the gates say."""
    return _finish(state, "promote", "promoted", who, why, now)


def approve(state: State, who: str, why: str, now: int) -> Change:
    """The candidate, which has passed all gates on all steps, gets everything."""
    if state.phase not in ("waiting_approval", "succeeded"):
        raise BadRequest(f"{state.model}: the rollout is {state.where}; it asks for approval after its last step")
    return _finish(state, "approve", "approved", who, why, now)


def abort(state: State, who: str, why: str, now: int) -> Change:
    """Stable gets everything at once, and the rollout is over."""
    if state.phase in ("aborted", "rolled_back", "superseded"):
        return state, ()
    _unended(state, "aborted")
    return moved(state, now, "abort", why or f"aborted by {who}", who, phase="aborted", percent=0.0)


COMMANDS: dict[str, Command] = {
    "pause": pause,
    "resume": resume,
    "promote": promote,
    "abort": abort,
    "approve": approve,
}


def revise(
    state: State | None, model: str, plan: RolloutConfig | None, who: str, now: int
) -> tuple[State | None, tuple[Event, ...]]:
    """What an edited configuration makes of a rollout; state None: there was none, plan None: there is to be none.

    The same plan changes nothing, so one that failed is not tried again. A new plan for the same two versions keeps
    the share that the candidate has come to, or the next lower one of the new steps, and what was counted; if it had
    ended without success it begins anew. Any other two versions supersede it.
    """
    if plan is None:
        return _superseded(state, "the configuration has no rollout any more", who, now) if state else (None, ())
    if state is None or (state.phase == "superseded" and state.plan == plan):
        return begin(model, plan, who, now)
    if state.plan == plan:
        return state, ()
    if (state.plan.stable, state.plan.candidate) != (plan.stable, plan.candidate):
        _, ended = _superseded(state, f"by version {plan.candidate} against version {plan.stable}", who, now)
        begun, events = begin(model, plan, who, now)
        return begun, (*ended, *events)
    if state.phase in ENDED - {"succeeded"} or state.failed:
        return begin(model, plan, who, now)
    return _replanned(state, plan, who, now)


def _replanned(state: State, plan: RolloutConfig, who: str, now: int) -> Change:
    """The same versions by another plan. A share that changes is a step of its own; one that stays keeps its bake time."""
    reached = state.plan.steps[state.step]
    place = max((place for place, percent in enumerate(plan.steps) if percent <= reached), default=0)
    after = msgspec.structs.replace(state, plan=plan, step=place)
    why = "the configuration has changed"
    if state.phase in ("running", "waiting_approval") and (
        plan.steps[place] != state.percent or state.phase == "waiting_approval"
    ):
        after, _ = moved(after, now, "edit", why, who, **entered(after, now, place))
    elif state.phase == "paused" and state.percent:
        after = msgspec.structs.replace(after, percent=plan.steps[place], starts=stretched(after, now))
    return after, (Event(now, state.model, who, "edit", state.where, after.where, why),)


def _superseded(state: State, why: str, who: str, now: int) -> Change:
    if state.phase == "superseded":
        return state, ()
    percent = state.percent if state.phase == "succeeded" else 0.0
    return moved(state, now, "supersede", why, who, phase="superseded", percent=percent)


def _finish(state: State, what: str, done: str, who: str, why: str, now: int) -> Change:
    if state.phase == "succeeded":
        return state, ()
    _unended(state, done)
    if state.plan.candidate not in state.ready:
        raise BadRequest(f"{state.model}: version {state.plan.candidate} is not ready to take all traffic")
    return moved(state, now, what, why or f"{done} by {who}", who, phase="succeeded", percent=100.0)


def _unended(state: State, done: str) -> None:
    if state.phase in ENDED:
        raise BadRequest(
            f"{state.model}: the rollout has ended, {state.where}, and cannot be {done}; a changed configuration begins another"
        )
