"""Rollouts under way: the machine, fed with evidence and readiness, its ledger, and what it makes of the routing."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from gateway.config import Config
from gateway.errors import NotFound
from gateway.observer.trials import Asked
from gateway.rollout import machine
from gateway.rollout.commands import COMMANDS, revise
from gateway.rollout.evidence import Arm
from gateway.rollout.gates import Provider, ProviderFailed, Verdict, judge
from gateway.rollout.ledger import Ledger
from gateway.rollout.machine import ENDED, LOOKING, Event, State
from gateway.signature import shown

_SECOND = 1_000_000_000
_EVERY, _RECENT = 1 << 62, 1000

EVENTS = (
    *("begin", "start", "advance", "wait", "succeed", "fail", "withdraw", "retry"),
    *("pause", "resume", "promote", "approve", "abort", "edit", "supersede"),
)
"""What happens to a rollout: of itself, and by a person's doing."""


class Evidence(NamedTuple):
    """What both versions did, by stretch of the rollout: as many of each as the rollout has starts."""

    stable: Sequence[Arm]
    candidate: Sequence[Arm]


class Steering:
    """All rollouts of one gateway. A change is in the ledger before anyone hears of it.

    clock: ns since the epoch.
    """

    def __init__(self, ledger: Ledger, clock: Callable[[], int]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._states = ledger.states()
        self._turn = threading.Lock()  # a look takes its time in a thread; commands come meanwhile
        self._verdicts: dict[str, tuple[Verdict, ...]] = {}
        self._answered: dict[str, tuple[float, float]] = {}
        self._events = Counter((event.model, event.what) for event in ledger.history(None, _EVERY) if event.model)

    def adopt(self, config: Config, who: str, changes: Sequence[Event] = ()) -> None:
        """Takes up the configuration's rollouts: begins, goes on with, edits or ends them. Nothing new, nothing happens.

        changes: what the configuration changes, for the history.
        """
        now = self._clock()
        configured = {name: settings.rollout for name, settings in (config.models or {}).items() if settings.rollout}
        told = list(changes)
        with self._turn:
            revised = []
            for model in sorted({*self._states, *configured}):
                before = self._states.get(model)
                after, events = revise(before, model, configured.get(model), who, now)
                told += events
                if after is not None and after != before:
                    revised.append(after)
            if told or revised:
                self._keep(revised, told)

    def interrupt(self) -> None:
        """The gateway was down: no version is ready, and steps under way begin again. The time without it was no baking."""
        with self._turn:
            for state in list(self._states.values()):
                self._move(state, *machine.step(state, (), 0.0, (), self._clock()))

    def note(self, events: Sequence[Event]) -> None:
        """Has the history tell of what happened to no rollout; of each event once, however often it is noted."""
        with self._turn:
            known = set(self._ledger.history(None, len(events) + _RECENT))
            fresh = [event for event in events if event not in known]
            if fresh:
                self._keep((), fresh)

    def routed(self) -> dict[str, dict[int, float]]:
        """The weights of each model whose rollout decides them."""
        return {model: machine.weights(state) for model, state in self._states.items() if state.phase != "superseded"}

    def asked(self) -> dict[str, Asked]:
        """What must be counted for the rollouts that are under way."""
        return {model: _asked(state) for model, state in self._states.items() if state.phase not in ENDED}

    def look(
        self, model: str, asked: Asked, evidence: Evidence | None, ready: Collection[int], provider: Provider
    ) -> None:
        """Has the machine look once. evidence: of what was asked; None if nobody could tell, and then gates say nothing."""
        state = self._states[model]
        if (
            state.phase in ENDED or _asked(state) != asked
        ):  # somebody commanded meanwhile: it is evidence of another state
            return
        verdicts: tuple[Verdict, ...] = ()
        answered = (0.0, 0.0)
        found, counted = self._verdicts.get(model), self._answered.get(model)
        if state.phase not in LOOKING and found and counted:  # whoever it waits for wants to know what was found
            verdicts, answered = found, counted
        elif evidence is not None and state.starts:
            verdicts = judge(state.plan, evidence.stable, evidence.candidate, self._patient(state, provider))
            answered = _requests(evidence.stable), _requests(evidence.candidate)
        with self._turn:
            if self._states[model] is not state:
                return
            self._verdicts[model], self._answered[model] = verdicts, answered
            self._move(state, *machine.step(state, verdicts, answered[1], ready, self._clock()))

    def _patient(self, state: State, provider: Provider) -> Provider:
        """The provider, but for the time in which one that failed is to be left alone."""

        def ask(url: str, query: str) -> float | None:
            if self._clock() < state.retry:
                raise ProviderFailed(f"{url} failed, and is asked again later")
            return provider(url, query)

        return ask

    def command(self, model: str, what: str, who: str, why: str) -> str:
        """Pauses, resumes, promotes, approves or aborts; says where the rollout is then. Raises NotFound, BadRequest."""
        with self._turn:
            state = self._states.get(model)
            if state is None:
                raise NotFound(f"{shown(model)} has no rollout")
            self._move(state, *COMMANDS[what](state, who, why, self._clock()))
            return self._states[model].where

    def told(self) -> list[dict[str, Any]]:
        """Every rollout, for people and machines."""
        return [self._told(model, state) for model, state in sorted(self._states.items())]

    def events(self, models: Iterable[str]) -> dict[tuple[str, str], int]:
        """How often each of EVENTS has happened since the ledger began, by model and event.

        models: are in it though they never had a rollout, so that the first event is an increase.
        """
        named = sorted({*models, *self._states})
        return {(model, event): self._events[model, event] for model in named for event in EVENTS}

    def history(self, model: str | None, most: int) -> list[Event]:
        """See Ledger.history."""
        return self._ledger.history(model, most)

    def _move(self, before: State, after: State, events: Sequence[Event]) -> None:
        if after != before or events:
            self._keep([after], events)

    def _keep(self, states: Sequence[State], events: Sequence[Event]) -> None:
        self._ledger.record(states, events)
        self._events.update((event.model, event.what) for event in events)
        for state in states:
            before = self._states.get(state.model)
            if before is None or (before.plan, before.began) != (state.plan, state.began):
                self._verdicts.pop(state.model, None)
                self._answered.pop(state.model, None)
            self._states[state.model] = state

    def _told(self, model: str, state: State) -> dict[str, Any]:
        verdicts, (answered_stable, answered) = self._verdicts.get(model, ()), self._answered.get(model, (0.0, 0.0))
        return {
            "model": model,
            "stable": state.plan.stable,
            "candidate": state.plan.candidate,
            "phase": state.phase,
            "reason": state.reason,
            "step": state.step,
            "steps": list(state.plan.steps),
            "percent": state.percent,
            "weights": {str(version): weight for version, weight in machine.weights(state).items()},
            "since": state.since / _SECOND,
            "answered": answered,
            "answered_stable": answered_stable,
            "min_samples": state.plan.min_samples,
            "waits_for": list(machine.waits_for(state, verdicts, answered, self._clock())),
            "verdicts": [_plain(verdict) for verdict in verdicts],
        }


def _asked(state: State) -> Asked:
    """Evidence belongs to one pair of versions and one beginning; after a resumed failure it begins anew."""
    versions = state.plan.stable, state.plan.candidate
    return Asked(f"{versions[0]}-{versions[1]}-{state.began}", versions, state.starts)


def _requests(arms: Sequence[Arm]) -> float:
    """Those of the step that it is on."""
    return arms[-1].requests if arms else 0.0


def _plain(verdict: Verdict) -> dict[str, Any]:
    return {
        "gate": verdict.gate,
        "outcome": verdict.outcome,
        "value": verdict.value,
        "interval": list(verdict.interval) if verdict.interval else None,
        "limit": verdict.limit,
        "n_stable": verdict.n_stable,
        "n_candidate": verdict.n_candidate,
        "sentence": verdict.sentence,
    }


def arms(exported: Mapping[int, Sequence[Mapping[str, Any]]], versions: tuple[int, int]) -> Evidence:
    """Evidence as the observer exports it: by version, a list of arms by stretch."""
    stable, candidate = ([Arm.restore(plain) for plain in exported.get(version, ())] for version in versions)
    return Evidence(stable, candidate)
