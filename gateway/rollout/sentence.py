"""A verdict in words."""

from __future__ import annotations

import math
from typing import NamedTuple

from gateway.traffic import GateConfig

_BOUNDS = {"worse_by": "worse by", "ratio": "ratio", "above": "above", "below": "below"}
_ROWS = {"error_rate": "requests", "disagreement": "compared rows", "prediction_drift": "rows", "fairness_gap": "rows"}
_WAITS = {
    "error_rate": "no answers yet",
    "disagreement": "no rows yet that both versions answered; a shadow makes them",
    "prediction_drift": "no answers yet",
    "fairness_gap": "no two groups that are large enough yet",
}


class Found(NamedTuple):
    """What a sentence is about. n_stable: None where stable does not matter."""

    label: str
    gate: GateConfig
    n_stable: int | None
    n_candidate: int | None


def label(gate: GateConfig) -> str:
    """A gate in words.

    >>> label(GateConfig(metric="accuracy", worse_by=0.02)), label(GateConfig(metric="latency_p99", ratio=1.5))
    ('accuracy worse by 0.02', 'latency_p99 ratio 1.5')
    """
    return f"{gate.metric or gate.promql} {_BOUNDS[gate.bound]} {gate.limit:g}"


def sentence(found: Found, outcome: str, value: float = math.nan, interval: tuple[float, float] | None = None) -> str:
    """What was found, what is allowed, and on how many rows.

    >>> gate = GateConfig(metric="accuracy", worse_by=0.02)
    >>> sentence(Found(label(gate), gate, 9000, 1000), "fail", 0.051, (0.029, 0.073))
    'accuracy is worse by 0.051 (0.029 to 0.073), certainly more than 0.02: 9000 and 1000 labelled rows'
    """
    gate = found.gate
    name = gate.metric or gate.promql or ""
    if outcome == "no_data":
        return f"{name}: {_WAITS.get(name, _waiting(name, gate))}"
    span = f" ({interval[0]:.3g} to {interval[1]:.3g})" if interval else ""
    is_what = "is worse by" if gate.bound == "worse_by" else "is"
    times = " times stable's" if gate.bound == "ratio" else ""
    past = "less" if gate.bound == "below" else "more"
    certainly = "" if gate.promql else "certainly "
    verdict = {
        "fail": f"{certainly}{past} than {gate.limit:g}",
        "pass": f"{certainly}not {past} than {gate.limit:g}",
        "inconclusive": f"{gate.limit:g} is possible",
    }[outcome]
    shown = f"{value:.3g}" if math.isfinite(value) else "unknown"
    return f"{name} {is_what} {shown}{times}{span}, {verdict}{_counts(found, name)}"


def _counts(found: Found, name: str) -> str:
    if found.n_candidate is None:
        return ""
    rows = _ROWS.get(name, "answers" if name.startswith(("latency_", "estimated_")) else "labelled rows")
    both = f"{found.n_stable} and " if found.n_stable is not None else ""
    return f": {both}{found.n_candidate} {rows}"


def _waiting(name: str, gate: GateConfig) -> str:
    if gate.promql:
        return "the query's answer is empty"
    if name.startswith("latency_"):
        return "no answers yet"
    return "nothing to estimate from yet" if name.startswith("estimated_") else "no labels yet of both versions"
