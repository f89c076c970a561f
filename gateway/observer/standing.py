"""How replicas and rollouts stand: what the control actor tells the observer, and its samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

import msgspec

from gateway import metrics
from gateway.metrics import Sample
from gateway.rollout.gates import Outcome
from gateway.rollout.machine import Phase

SILENT_S = 10.0
"""What was told so long ago is not said any more: nobody knows whether it still holds."""

LONGEST = 80
"""Characters of a gate, as a label."""

_FIGURES = ("value", "lower", "upper", "limit")


class Standing(msgspec.Struct, frozen=True):
    """One look of the control actor, twice a second; plain values, so that it costs little to send.

    replicas: how many by state. in_flight, limit: requests, of all replicas. load: of the busiest, 0 to 1. ready: how many
    replicas can answer with a version, by model and version. weights: shares, 0 to 1, likewise. rollouts: as Steering.told
    has them. events: changes since the ledger began, by model and what happened.
    """

    revision: int
    replicas: Mapping[str, int]
    in_flight: int
    limit: int
    load: float
    ready: Mapping[tuple[str, int], int]
    weights: Mapping[tuple[str, int], float]
    rollouts: Sequence[Mapping[str, Any]]
    events: Mapping[tuple[str, str], int]


def samples(standing: Standing) -> Iterator[Sample]:
    """All of its samples."""
    for state, count in standing.replicas.items():
        yield Sample(metrics.REPLICAS, (state,), count)
    yield Sample(metrics.IN_FLIGHT, (), standing.in_flight)
    yield Sample(metrics.IN_FLIGHT_LIMIT, (), standing.limit)
    yield Sample(metrics.LOAD, (), standing.load)
    yield Sample(metrics.REVISION, (), standing.revision)
    for (model, version), count in standing.ready.items():
        yield Sample(metrics.VERSION_REPLICAS, (model, str(version)), count)
    for (model, version), share in standing.weights.items():
        yield Sample(metrics.ROLLOUT_WEIGHT, (model, str(version)), share)
    for (model, event), count in standing.events.items():
        yield Sample(metrics.ROLLOUT_EVENTS, (model, event), count)
    for told in standing.rollouts:
        yield from _rollout(told)


def gate_names(verdicts: Sequence[Mapping[str, Any]]) -> list[str]:
    """The gates in words, short enough for a label, and no two alike: a query may be as long as its author liked.

    >>> [name[-16:] for name in gate_names([{"gate": "accuracy worse by 0.02"}, {"gate": "a" * 90}, {"gate": "a" * 99}])]
    ['cy worse by 0.02', 'aaaaaaaaaaaaaaa…', 'aaaaaaaaaaa… (2)']
    """
    found: list[str] = []
    for verdict in verdicts:
        whole = " ".join(verdict["gate"].split())
        name = whole if len(whole) <= LONGEST else f"{whole[: LONGEST - 1]}…"
        alike = sum(each == name or each.startswith(f"{name} (") for each in found)
        found.append(f"{name} ({alike + 1})" if alike else name)
    return found


def _rollout(told: Mapping[str, Any]) -> Iterator[Sample]:
    model = told["model"]
    for phase in get_args(Phase):
        yield Sample(metrics.ROLLOUT_PHASE, (model, phase), float(told["phase"] == phase))
    yield Sample(metrics.ROLLOUT_SINCE, (model,), told["since"])
    yield Sample(metrics.ROLLOUT_SAMPLES, (model, str(told["candidate"])), told["answered"])
    yield Sample(metrics.ROLLOUT_SAMPLES, (model, str(told["stable"])), told["answered_stable"])
    for gate, verdict in zip(gate_names(told["verdicts"]), told["verdicts"], strict=True):
        yield from _gate(model, gate, verdict)


def _gate(model: str, gate: str, verdict: Mapping[str, Any]) -> Iterator[Sample]:
    """What is not known has no sample; an open end of an interval is infinite."""
    for figure, value in zip(
        _FIGURES, (verdict["value"], *(verdict["interval"] or (None, None)), verdict["limit"]), strict=True
    ):
        if value is not None:
            yield Sample(metrics.ROLLOUT_GATE, (model, gate, figure), value)
    for outcome in get_args(Outcome):
        yield Sample(metrics.ROLLOUT_VERDICT, (model, gate, outcome), float(verdict["outcome"] == outcome))
