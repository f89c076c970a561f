"""How everything stands, as samples: what dashboards and alerts rely on."""

from __future__ import annotations

import math
import pickle
from typing import Any, get_args

from gateway import metrics
from gateway.exposition import expose
from gateway.metrics import Metric
from gateway.observer.standing import LONGEST, Standing, gate_names, samples
from gateway.rollout.gates import Outcome
from gateway.rollout.machine import Phase

VERDICT = {
    "gate": "accuracy worse by 0.02",
    "outcome": "inconclusive",
    "value": 0.01,
    "interval": [-0.01, math.inf],
    "limit": 0.02,
    "n_stable": 900,
    "n_candidate": 100,
    "sentence": "accuracy is worse by 0.01",
}


def standing(*verdicts: dict[str, Any], **changes: Any) -> Standing:
    """Two replicas, one model, and a rollout on its first step."""
    told = {
        "model": "flights",
        "stable": 1,
        "candidate": 2,
        "phase": "running",
        "since": 1_800_000_000.5,
        "answered": 100.0,
        "answered_stable": 900.0,
        "verdicts": list(verdicts),
    }
    return Standing(
        revision=7,
        replicas={"serving": 2, "starting": 0, "unreachable": 1},
        in_flight=5,
        limit=2048,
        load=0.5,
        ready={("flights", 1): 2, ("flights", 2): 1},
        weights={("flights", 1): 0.9, ("flights", 2): 0.1},
        rollouts=[{**told, **changes}],
        events={("flights", "begin"): 1, ("flights", "fail"): 0},
    )


def found(told: Standing, metric: Metric) -> dict[tuple[str, ...], Any]:
    """The samples of one metric, by their labels."""
    return {sample.labels: sample.value for sample in samples(told) if sample.metric is metric}


def test_replicas_and_versions_are_told() -> None:
    """By state, and by version; the load is the busiest replica's."""
    told = standing()
    assert found(told, metrics.REPLICAS) == {("serving",): 2, ("starting",): 0, ("unreachable",): 1}
    assert found(told, metrics.IN_FLIGHT) == {(): 5}
    assert found(told, metrics.IN_FLIGHT_LIMIT) == {(): 2048}
    assert found(told, metrics.LOAD) == {(): 0.5}
    assert found(told, metrics.REVISION) == {(): 7}
    assert found(told, metrics.VERSION_REPLICAS) == {("flights", "1"): 2, ("flights", "2"): 1}
    assert found(told, metrics.ROLLOUT_WEIGHT) == {("flights", "1"): 0.9, ("flights", "2"): 0.1}


def test_a_rollout_has_a_series_for_each_phase() -> None:
    """1 for the one that it is in, so that a change of phase ends one series' 1 and begins another's."""
    told = standing()
    phases = found(told, metrics.ROLLOUT_PHASE)
    assert phases == {("flights", phase): float(phase == "running") for phase in get_args(Phase)}
    assert found(told, metrics.ROLLOUT_SINCE) == {("flights",): 1_800_000_000.5}
    assert found(told, metrics.ROLLOUT_SAMPLES) == {("flights", "2"): 100, ("flights", "1"): 900}
    assert found(told, metrics.ROLLOUT_EVENTS) == {("flights", "begin"): 1, ("flights", "fail"): 0}
    assert found(told, metrics.ROLLOUT_VERDICT) == {}


def test_a_gate_says_what_it_measures_and_what_follows() -> None:
    """An end of the interval that is open is infinite; what is not known has no series."""
    name = VERDICT["gate"]
    told = standing(VERDICT)
    assert found(told, metrics.ROLLOUT_GATE) == {
        ("flights", name, "value"): 0.01,
        ("flights", name, "lower"): -0.01,
        ("flights", name, "upper"): math.inf,
        ("flights", name, "limit"): 0.02,
    }
    verdicts = found(told, metrics.ROLLOUT_VERDICT)
    assert verdicts == {("flights", name, outcome): float(outcome == "inconclusive") for outcome in get_args(Outcome)}
    unknown = standing({**VERDICT, "value": None, "interval": None, "outcome": "no_data"})
    assert list(found(unknown, metrics.ROLLOUT_GATE)) == [("flights", name, "limit")]


def test_a_query_as_long_as_a_page_is_a_short_label() -> None:
    """On one line, and no two gates share a name: Prometheus would refuse the whole scrape."""
    query = "sum(\n  rate(refunds_total[5m])\n)" + " + 0" * 500
    names = gate_names([{"gate": f"{query} above 3"}, {"gate": f"{query} above 4"}, {"gate": f"{query} above 5"}])
    assert len(set(names)) == 3
    for name in names:
        assert name.startswith("sum( rate(refunds_total[5m]) ) + 0")
        assert len(name) <= LONGEST + 4
    told = standing(*({**VERDICT, "gate": f"{query} above {limit}"} for limit in (3, 4)))
    lines = expose(samples(told), "").body.decode().splitlines()
    series = [line.rpartition(" ")[0] for line in lines if not line.startswith("#")]
    assert len(set(series)) == len(series)


def test_it_travels_between_processes() -> None:
    """As plain values, in a few hundred bytes for each rollout."""
    told = standing(VERDICT)
    sent = pickle.dumps(told)
    assert pickle.loads(sent) == told
    assert len(sent) < 2000
