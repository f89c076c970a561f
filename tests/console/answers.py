"""What a gateway with one model and a rollout answers to the console, as plain values."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

from tests.console.standin import Answers

NOW_NS = 1_000_000_000
BOUNDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]
CARD = """# {name}/1

A scorecard. See [the source](https://example.org/a) or `code`.

| | held out |
|---|---|
| AUC | 0.7 |

- one
- two
"""


def gateway(
    name: str = "flights", feature: str = "temperature", group: str = "origin=EWR", who: str = "ann"
) -> Answers:
    """The answers to everything that the console asks; each name that a stranger may choose is a parameter."""
    began = time.time()
    path = f"/gateway/models/{name}"
    asked = [0]

    def traffic() -> dict[str, Any]:
        asked[0] += 1
        return {"time": time.time(), "models": [counted(name, 1, 90 * asked[0]), counted(name, 2, 10 * asked[0])]}

    return {
        "/gateway/status": status(name),
        "/gateway/traffic": traffic,
        "/gateway/rollouts": {"rollouts": [rollout(name, began)]},
        "/gateway/history": {"events": [event(name, who)]},
        f"{path}/monitors": {"model": name, "versions": [monitored(feature, group, began)]},
        f"{path}/distributions": {"model": name, "versions": [distributed(feature, began)]},
        f"{path}/card": {
            "model": name,
            "version": 2,
            "card": CARD.format(name=name),
            "manifest": manifest(name, feature),
        },
    }


def hash_of(name: str, tab: str) -> str:
    """The address of a model's tab."""
    return f"#/model/{quote(name, safe='')}/{tab}"


def status(name: str) -> dict[str, Any]:
    """One replica, two versions."""
    version = {"model": name, "state": "READY", "reason": "", "stage": "production"}
    journal = {"full": False, "lost": 0}
    return {
        "revision": 3,
        "replicas": [{"replica": "r1", "pid": 1, "revision": 3, "in_flight": 2, "load": 0.1, "journal": journal}],
        "models": [
            {**version, "version": 1, "share": 0.9, "answered": 900},
            {**version, "version": 2, "share": 0.1, "answered": 100},
        ],
    }


def counted(name: str, version: int, n: int) -> dict[str, Any]:
    """Counters of one version."""
    counts = [0, n // 2, n - n // 2, *[0] * (len(BOUNDS) - 2)]
    return {
        "model": name,
        "version": version,
        "role": "primary",
        "outcomes": {"ok": n},
        "routes": {"stable": n},
        "rows": n,
        "bounds": BOUNDS,
        "total": counts,
        "compute": counts,
        "queue": counts,
    }


def rollout(name: str, since: float, phase: str = "running") -> dict[str, Any]:
    """A rollout with three gates, one of which is open at one end."""
    return {
        "model": name,
        "stable": 1,
        "candidate": 2,
        "phase": phase,
        "reason": "both versions are ready",
        "step": 1,
        "steps": [1.0, 10.0, 50.0],
        "percent": 10.0,
        "weights": {"1": 90.0, "2": 10.0},
        "since": since,
        "answered": 120.0,
        "min_samples": 500,
        "waits_for": ["380 more answers of version 2 on this step"],
        "verdicts": [
            verdict("error_rate worse by 0.01", "pass", 0.0, [-0.001, 0.005], 0.01),
            verdict("latency_p99 ratio 1.5", "inconclusive", 1.2, [0.4, None], 1.5),
            verdict("accuracy worse by 0.02", "no_data", None, None, 0.02),
        ],
    }


def verdict(gate: str, outcome: str, value: float | None, interval: list[float | None] | None, limit: float) -> Any:
    """What a gate says."""
    counts = {"n_stable": 900, "n_candidate": 100}
    said = {"gate": gate, "outcome": outcome, "value": value, "interval": interval, "limit": limit}
    return {**said, **counts, "sentence": f"{gate}: {outcome}"}


def event(name: str, who: str) -> dict[str, Any]:
    """A step forward."""
    moved = {"before": "running at 1 %", "after": "running at 10 %", "why": "all 3 gates pass"}
    return {"time": "2026-11-23T12:00:00.000000+00:00", "model": name, "who": who, "what": "advance", **moved}


def measured(monitor: str, subject: str, statistic: str, value: float | None, **more: Any) -> dict[str, Any]:
    """One measurement."""
    plain = {"interval": None, "n": 1000, "p": None, "state": "ok", "since": time.time() - 100, "detail": {}}
    return {"monitor": monitor, "subject": subject, "statistic": statistic, "value": value, **plain, **more}


def monitored(feature: str, group: str, now: float) -> dict[str, Any]:
    """The last windows of version 1: one feature drifts."""
    attribute, _, value = group.partition("=")
    drifted = {"moved": f"above 8 {feature}", "was": 0.05, "now": 0.4, "rank": 1}
    reliability = [
        {"score": 0.1 * at, "rate": 0.09 * at, "interval": [0.08 * at, 0.1 * at], "n": 100} for at in range(1, 9)
    ]
    answers = [
        measured("drift", feature, "psi", 1.2, interval=[0.9, 1.4], p=1e-9, state="firing", detail=drifted),
        measured("drift", feature, "js", 0.4),
        measured("drift", "hour", "psi", 0.02, interval=[0.0, 0.05]),
        measured("drift", "season", "psi", 0.9, interval=[0.8, 1.0], p=1e-9, detail={"as_in_training": True}),
        measured("prediction_drift", "score", "psi", 0.15, interval=[0.1, 0.2], state="pending"),
        measured("quality", feature, "unseen", 0.02, detail={"values": {f"{feature} {at}": 1 for at in range(7)}}),
        measured("estimate", "roc_auc", "estimated", 0.72, interval=[0.7, 0.74]),
        measured("fairness", group, "selection_rate", 0.2, interval=[0.1, 0.3]),
        measured("fairness", group.replace("EWR", "JFK"), "selection_rate", 0.1, interval=[0.05, 0.15]),
        measured(
            "fairness", attribute, "demographic_parity_difference", 0.1, interval=[0.02, 0.2],
            detail={"highest": value, "lowest": "JFK", "left_out": ["LGA"]},
        ),
        measured(
            "fairness", attribute, "equalised_odds_difference", 0.179, interval=[0.15, 0.2], p=1e-9,
            detail={"as_in_training": True, "highest": value, "lowest": "JFK"},
        ),
        measured("outlier", "inputs", "beyond_99", 0.02, interval=[0.01, 0.03], detail={"expected": 0.01}),
    ]  # fmt: skip
    labelled = [
        measured("performance", "labels", "coverage", 0.9, interval=[0.88, 0.92]),
        measured("performance", "roc_auc", "realised", 0.68, interval=[0.65, 0.71], detail={"reference": 0.75}),
        measured("performance", "ece", "realised", 0.03, detail={"by_chance": 0.02, "reliability": reliability}),
    ]
    end = int(now * NOW_NS)
    window = {"start": end - 60 * NOW_NS, "end": end, "rows": 1000, "refused": {}}
    return {
        "version": 1,
        "role": "primary",
        "latest": [
            {**window, "about": "answers", "labelled": 0, "measurements": answers},
            {**window, "about": "labelled", "labelled": 900, "measurements": labelled},
        ],
        "history": [],
    }


def distributed(feature: str, now: float) -> dict[str, Any]:
    """Of the answers and of one feature, reference and now."""
    bins = [f"≤ {at}" for at in range(1, 10)] + ["missing"]
    shapes = {"kind": "number", "bins": bins, "reference": [0.1] * 10, "now": [0.02 * at for at in range(10)]}
    features = [{"feature": name, **shapes} for name in ("prediction", feature)]
    return {"version": 1, "role": "primary", "end": now, "rows": 1000, "features": features, "calibration": None}


def manifest(name: str, feature: str) -> dict[str, Any]:
    """Of a version of two classes."""
    tensor = {"name": feature, "datatype": "FP64", "shape": [-1, 1], "description": feature, "unit": "°F"}
    lineage = {"recipe": "train.py", "metrics": {"auc": 0.7}}
    return {
        "name": name,
        "version": 2,
        "task": "binary",
        "inputs": [tensor],
        "outputs": [tensor],
        "lineage": lineage,
        "owner": "us",
    }
