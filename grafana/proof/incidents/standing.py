"""The gateway itself over the six hours: replicas, rollouts, and the observer that reads the record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import numpy as np

from gateway import metrics
from gateway.observer.histogram import BUCKETS
from gateway.rollout.gates import Outcome
from gateway.rollout.machine import Phase
from grafana.proof.incidents.cast import (
    ANSWERED,
    BIKES,
    FLIGHTS,
    LOADED,
    MODELS,
    OUTAGE,
    ROLLED_BACK,
    ROLLED_OUT,
    SECOND_STEP,
    THIRD_STEP,
    WAITS,
    weight,
)
from grafana.proof.incidents.course import MINUTES, Course, Line, about, durations, during, line, steps, total

_GATES = ("error_rate worse by 0.01", "latency_p99 ratio 1.5", "accuracy worse by 0.02", "disagreement above 0.1")


def standing(now: float) -> Iterator[Line]:
    """Replicas, versions, rollouts and the observer. now: seconds since 1970, of the last minute."""
    yield from _replicas()
    yield from _rollouts(now)
    yield from observer(trouble=np.zeros_like(MINUTES))


def observer(trouble: Course) -> Iterator[Line]:
    """The record and its reader. trouble: 0 to 1."""
    yield line(metrics.INFO, "0.1.0", at=1)
    yield line(metrics.LAG, at=0.4 + 240 * trouble)
    yield line(metrics.BACKLOG, at=30_000 + 2e8 * trouble)
    yield line(metrics.OBSERVED, at=total(76))
    yield line(metrics.STORE_ROWS, at=total(75))
    yield line(metrics.COMMITS, at=total(1 / 60))
    yield line(metrics.COMMIT_AGE, at=about(30, "age", spread=0.3) + 900 * trouble)
    yield line(metrics.FAILURES, "monitors", at=total(trouble / 120))
    yield line(metrics.FAILURES, "observer", at=0)
    yield line(metrics.RECORDS_LOST, "full", at=total(trouble))
    for reason in ("torn", "unreadable", "missing"):
        yield line(metrics.RECORDS_LOST, reason, at=0)
    yield line(metrics.RECORDS_SUPERSEDED, at=3)
    yield line(metrics.JOURNAL, at=2e8 + 3.6e9 * trouble)
    yield line(metrics.JOURNAL_LIMIT, at=4 * 2**30)
    yield line(metrics.STORE_BYTES, at=3e9 + (MINUTES + 360) * 1e5)
    yield line(metrics.STORE_PARTS, at=np.floor(4000 + (MINUTES + 360) / 2))
    yield Line(metrics.DELAY, (), durations(BUCKETS, np.full_like(MINUTES, 76), 0.3 + 4 * trouble))


def _replicas() -> Iterator[Line]:
    lost = during(OUTAGE, 1, 1)
    for state, count in (("serving", 3 - lost), ("starting", during(OUTAGE, OUTAGE + 2, 1)), ("unreachable", lost)):
        yield line(metrics.REPLICAS, state, at=count)
    yield line(metrics.IN_FLIGHT, at=np.floor(about(4, "flight", spread=0.5) + lost * 900))
    yield line(metrics.IN_FLIGHT_LIMIT, at=3072 - lost * 1024)
    yield line(metrics.LOAD, at=np.clip(about(0.35 + 0.5 * lost, "load", spread=0.1), 0, 1))
    changes = (LOADED, ROLLED_OUT, SECOND_STEP, THIRD_STEP, ROLLED_BACK, WAITS - 30, WAITS)
    yield line(metrics.REVISION, at=steps((-360, 7), *((at, 8 + place) for place, at in enumerate(sorted(changes)))))
    for name, version in ANSWERED:
        model = next(each for each in MODELS if each.name == name)
        yield line(metrics.VERSION_REPLICAS, name, version, at=3 - lost)
        yield line(metrics.ROLLOUT_WEIGHT, name, version, at=weight(model, version))


def _rollouts(now: float) -> Iterator[Line]:
    flights = {"running": during(ROLLED_OUT, ROLLED_BACK, 1), "rolled_back": during(ROLLED_BACK, 1, 1)}
    bikes = {"running": during(WAITS - 30, WAITS, 1), "waiting_approval": during(WAITS, 1, 1)}
    times = {
        FLIGHTS.name: (ROLLED_OUT, SECOND_STEP, THIRD_STEP, ROLLED_BACK),
        BIKES.name: (WAITS - 30, WAITS),
    }
    events = {
        FLIGHTS.name: {"begin": ROLLED_OUT, "advance": SECOND_STEP, "fail": ROLLED_BACK},
        BIKES.name: {"begin": WAITS - 30, "advance": WAITS - 10, "wait": WAITS},
    }
    for model, phases in ((FLIGHTS.name, flights), (BIKES.name, bikes)):
        there = np.where(times[model][0] <= MINUTES, 1.0, np.nan)
        for phase in get_args(Phase):
            yield line(metrics.ROLLOUT_PHASE, model, phase, at=phases.get(phase, 0.0) * there)
        since = steps(*((at, float(at)) for at in times[model]))
        yield line(metrics.ROLLOUT_SINCE, model, at=(now + since * 60) * there)
        for version, rate in ((1, 900), (2, 150)):
            yield line(metrics.ROLLOUT_SAMPLES, model, version, at=np.floor((MINUTES - since) * rate) * there)
        for event, at in events[model].items():
            yield line(metrics.ROLLOUT_EVENTS, model, event, at=during(at, 1, 1))
        yield from _gates(model, there, failed=during(ROLLED_BACK, 1, 1) if model == FLIGHTS.name else 0 * MINUTES)


def _gates(model: str, there: Course, failed: Course) -> Iterator[Line]:
    for gate in _GATES:
        fails = failed if gate.startswith("accuracy") else 0 * MINUTES
        limit = float(gate.split()[-1])
        value = about(limit * (0.4 + 1.6 * fails), model, gate)
        for figure, at in (("value", value), ("lower", value * 0.7), ("upper", value * 1.4), ("limit", limit)):
            yield line(metrics.ROLLOUT_GATE, model, gate, figure, at=at * there)
        for verdict in get_args(Outcome):
            said = fails if verdict == "fail" else (1 - fails) * (verdict == "pass")
            yield line(metrics.ROLLOUT_VERDICT, model, gate, verdict, at=said * there)
