"""Gates, judged on evidence."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from gateway.manifest import Column, Manifest
from gateway.rollout.evidence import Arm
from gateway.rollout.gates import ProviderFailed, Verdict, judge, unfit
from gateway.rollout.outcomes import LOSSES
from gateway.traffic import METRICS, GateConfig
from tests.gateway.rollout.building import arm, plan


def nobody(_url: str, _query: str) -> float | None:
    """A Prometheus that is not asked."""
    raise AssertionError


def judged(gate: dict[str, Any], stable: Arm, candidate: Arm, **more: Any) -> Verdict:
    """By one gate, over one step."""
    rollout = plan(gates=(GateConfig(**gate),), min_samples=500)
    return judge(rollout, [stable], [candidate], more.pop("provider", nobody), **more)[0]


def scored(n: int, apart: float, seed: int) -> Arm:
    """Rows of two classes with scores, so far apart."""
    random, found = np.random.default_rng(seed), Arm(answered=n, rows=n)
    truth = random.integers(0, 2, n)
    scores = np.clip(random.normal(0.5 + apart * (truth - 0.5), 0.2), 0, 0.999)
    place = (scores * 1000).astype(int)
    outcomes = found.labelled
    outcomes.positives = np.bincount(place[truth == 1], minlength=1000).astype(float)
    outcomes.negatives = np.bincount(place[truth == 0], minlength=1000).astype(float)
    for name, losses in (("brier", (scores - truth) ** 2), ("mae", np.abs(scores - truth))):
        outcomes.losses[LOSSES.index(name)] = n, losses.sum(), (losses**2).sum()
    found.predictions = np.bincount(place, minlength=1000)
    return found


def grouped(women: int, men: int, rows: int = 900) -> Arm:
    """Selected women of 900, and men of so many."""
    return Arm(rows=900 + rows, groups={"sex": {"f": (900, women), "m": (rows, men)}})


ERRORS = {"metric": "error_rate", "worse_by": 0.01}
ACCURACY = {"metric": "accuracy", "worse_by": 0.02}
BETWEEN = ("disagreement", "prediction_drift")


@pytest.mark.parametrize(
    ("gate", "stable", "candidate", "outcome"),
    [
        (ERRORS, arm(20_000, 20), arm(300, 18), "fail"),
        (ERRORS, arm(20_000, 20), arm(2000, 2), "pass"),
        (ERRORS, arm(20_000, 20), arm(100, 0), "inconclusive"),
        (ERRORS, arm(20_000, 20), Arm(), "no_data"),
        (ERRORS, Arm(), arm(100, 50), "no_data"),
        ({"metric": "error_rate", "ratio": 2}, arm(20_000, 200), arm(2000, 80), "fail"),
        ({"metric": "error_rate", "ratio": 2}, arm(50_000, 500), arm(20_000, 200), "pass"),
        ({"metric": "error_rate", "above": 0.05}, Arm(), arm(200, 40), "fail"),
        ({"metric": "error_rate", "above": 0.05}, Arm(), arm(500, 2), "pass"),
        ({"metric": "latency_p99", "ratio": 1.5}, arm(20_000), arm(1000, slower=2, seed=1), "fail"),
        ({"metric": "latency_p99", "ratio": 1.5}, arm(20_000), arm(3000, seed=1), "pass"),
        ({"metric": "latency_p50", "ratio": 1.5}, arm(2000), arm(200, slower=2, seed=1), "fail"),
        ({"metric": "latency_p50", "above": 0.003}, Arm(), arm(500, seed=1), "pass"),
        ({"metric": "latency_p50", "above": 0.003}, Arm(), arm(500, slower=2, seed=1), "fail"),
        ({"metric": "latency_p90", "worse_by": 0.002}, arm(20_000), arm(1000, slower=2, seed=1), "fail"),
        ({"metric": "latency_p90", "worse_by": 0.002}, arm(20_000), arm(3000, seed=1), "pass"),
        (ACCURACY, arm(wrong=1000, labelled=10_000), arm(wrong=200, labelled=1000), "fail"),
        (ACCURACY, arm(wrong=1000, labelled=10_000), arm(wrong=500, labelled=5000), "pass"),
        (ACCURACY, arm(wrong=1000, labelled=10_000), arm(), "no_data"),
        ({"metric": "accuracy", "below": 0.8}, Arm(), arm(wrong=400, labelled=1000), "fail"),
        ({"metric": "accuracy", "below": 0.8}, Arm(), arm(wrong=100, labelled=1000), "pass"),
        ({"metric": "f1", "worse_by": 0.05}, arm(wrong=1000, labelled=10_000), arm(wrong=600, labelled=2000), "fail"),
        ({"metric": "recall", "worse_by": 0.05}, arm(wrong=1000, labelled=10_000), arm(wrong=400, labelled=4000), "pass"),
        ({"metric": "precision", "below": 0.7}, Arm(), arm(wrong=900, labelled=2000), "fail"),
        ({"metric": "roc_auc", "worse_by": 0.03}, scored(9000, 0.5, 1), scored(3000, 0.1, 2), "fail"),
        ({"metric": "roc_auc", "worse_by": 0.03}, scored(9000, 0.5, 1), scored(9000, 0.5, 2), "pass"),
        ({"metric": "roc_auc", "worse_by": 0.03}, scored(9000, 0.5, 1), scored(60, 0.1, 2), "inconclusive"),
        ({"metric": "brier", "ratio": 1.2}, scored(9000, 0.5, 1), scored(3000, 0.1, 2), "fail"),
        ({"metric": "mae", "ratio": 1.2}, scored(9000, 0.5, 1), scored(3000, 0.5, 2), "pass"),
        ({"metric": "mae", "above": 0.2}, Arm(), scored(3000, 0.1, 2), "fail"),
        ({"metric": "disagreement", "above": 0.1}, Arm(), Arm(compared=200, disagreed=60), "fail"),
        ({"metric": "disagreement", "above": 0.1}, Arm(), Arm(compared=500, disagreed=10), "pass"),
        ({"metric": "disagreement", "above": 0.1}, Arm(), arm(), "no_data"),
        ({"metric": "prediction_drift", "above": 0.1}, scored(9000, 0.5, 1), scored(3000, 1.0, 2), "fail"),
        ({"metric": "prediction_drift", "above": 0.1}, scored(9000, 0.5, 1), scored(9000, 0.5, 2), "pass"),
        ({"metric": "prediction_drift", "above": 0.1}, scored(9000, 0.5, 1), scored(60, 0.5, 2), "inconclusive"),
        ({"metric": "fairness_gap", "above": 0.2}, Arm(), grouped(100, 500), "fail"),
        ({"metric": "fairness_gap", "above": 0.2}, Arm(), grouped(300, 310), "pass"),
        ({"metric": "fairness_gap", "above": 0.2}, Arm(), grouped(300, 9, 9), "no_data"),
    ],
)  # fmt: skip
def test_each_metric_has_its_verdict(gate: dict[str, Any], stable: Arm, candidate: Arm, outcome: str) -> None:
    """Clear cases on both sides of each kind of bound, and what is not known yet."""
    found = judged(gate, stable, candidate)
    assert found.outcome == outcome, found.sentence
    if outcome == "no_data":
        assert found.value is found.interval is None
        return
    assert found.value is not None
    assert found.interval is not None
    low, high = found.interval
    assert low <= found.value <= high
    worse = found.limit > high if gate.get("below") else found.limit < low
    better = found.limit < low if gate.get("below") else found.limit > high
    assert (worse, better) == (outcome == "fail", outcome == "pass")


@pytest.mark.parametrize(
    ("bound", "sex", "age", "outcome"),
    [
        ({"worse_by": 0.1}, 0.25, (0.30, 20_000), "fail"),
        ({"worse_by": 0.1}, 0.02, (0.30, 20_000), "pass"),
        ({"above": 0.2}, 0.10, (0.05, 110), "inconclusive"),
        ({"above": 0.2}, 0.10, (0.35, 20_000), "fail"),
    ],
)  # fmt: skip
def test_no_attribute_hides_another(bound: dict[str, float], sex: float, age: tuple[float, int], outcome: str) -> None:
    """Whichever has the larger gap: beyond the limit in one is beyond it, and within it is only who is so in all."""

    def gaps(sexes: float) -> Arm:
        apart, n = age
        ages = {"old": (n, round(n * 0.3)), "young": (n, round(n * (0.3 + apart)))}
        groups = {"sex": {"f": (20_000, 6000), "m": (20_000, 6000 + round(20_000 * sexes))}, "age": ages}
        return Arm(rows=40_000, groups=groups)

    found = judged({"metric": "fairness_gap", **bound}, gaps(0.01), gaps(sex))
    assert found.outcome == outcome, found.sentence
    worst = sex - 0.01 if "worse_by" in bound else max(sex, age[0])
    assert found.value == pytest.approx(worst, abs=0.01)


def test_a_verdict_says_what_was_found_in_a_sentence() -> None:
    """With the interval, the limit and how many rows it rests on."""
    found = judged(ERRORS, arm(20_000, 20), arm(300, 18))
    assert found.gate == "error_rate worse by 0.01"
    assert found.sentence.startswith("error_rate is worse by 0.059 (0.0")
    assert found.sentence.endswith("certainly more than 0.01: 20000 and 300 requests")


def test_the_error_is_divided_over_the_gates_that_may_fail() -> None:
    """Of twenty gates each needs more failures before it fails than the only one does."""
    first = GateConfig(metric="error_rate", worse_by=0.01)
    others = [GateConfig(promql=f"query {i}", url="http://prometheus:9090", above=1) for i in range(19)]

    def least(gates: tuple[GateConfig, ...]) -> int:
        rollout, stable = plan(gates=gates), arm(20_000, 20)
        looks = (judge(rollout, [stable], [arm(150, n)], lambda _url, _query: 0.0, False)[0] for n in range(150))
        return next(n for n, found in enumerate(looks) if found.outcome == "fail")

    assert least((first,)) < least((first, *others))


def test_intervals_may_be_left_out() -> None:
    """They cost more than the verdicts."""
    found = judged(ERRORS, arm(20_000, 20), arm(300, 18), intervals=False)
    assert (found.outcome, found.interval) == ("fail", None)


@pytest.mark.parametrize(
    ("answer", "bound", "outcome"),
    [
        (3.0, "above", "fail"),
        (1.0, "above", "pass"),
        (1.0, "below", "fail"),
        (None, "above", "no_data"),
        (math.nan, "above", "no_data"),
    ],
)
def test_a_query_is_the_users_own_judgement(answer: float | None, bound: str, outcome: str) -> None:
    """Its value now, against the bound; an empty answer is none."""
    gate = {"promql": "sum(rate(x[5m]))", "url": "http://prometheus:9090", bound: 2}
    found = judged(gate, Arm(), Arm(), provider=lambda _url, _query: answer)
    assert found.outcome == outcome
    assert found.gate == f"sum(rate(x[5m])) {bound} 2"


def test_a_provider_that_fails_is_an_error_and_not_a_failure() -> None:
    """Nothing follows for the candidate."""

    def down(url: str, _query: str) -> float | None:
        raise ProviderFailed(f"{url} does not answer")

    found = judged({"promql": "up", "url": "http://prometheus:9090", "below": 1}, Arm(), Arm(), provider=down)
    assert (found.outcome, found.sentence) == ("error", "up below 1: http://prometheus:9090 does not answer")


def manifest(**changes: Any) -> Manifest:
    """Of a binary model with score, class and groups."""
    values: dict[str, Any] = {
        "name": "flights",
        "version": 2,
        "task": "binary",
        "inputs": (Column(name="distance", datatype="FP32", shape=(-1, 1)),),
        "outputs": (
            Column(name="score", datatype="FP32", shape=(-1, 1)),
            Column(name="late", datatype="INT64", shape=(-1, 1)),
        ),
        "score": "score",
        "prediction": "late",
        "groups": ("carrier",),
    }
    return Manifest(**{**values, **changes})


@pytest.mark.parametrize(
    ("metric", "changes", "referenced", "why"),
    [
        ("accuracy", {"task": "regression"}, True, "accuracy needs classes: flights/2 (regression)"),
        ("mae", {}, True, "mae needs a regression model: flights/2 (binary)"),
        ("roc_auc", {"task": "multiclass"}, True, "roc_auc needs a model of two classes: flights/2 (multiclass)"),
        ("brier", {"score": None}, True, "brier needs an output that is declared as the score: flights/2 (binary)"),
        ("fairness_gap", {"groups": ()}, True, "fairness_gap needs group attributes, which the manifest declares"),
        ("estimated_f1", {}, False, "estimated_f1 needs a reference profile, reference.npz: flights/2 (binary)"),
        ("estimated_f1", {"task": "multiclass"}, True, "estimated_f1 is not estimated for several classes"),
        ("prediction_drift", {"task": "other"}, True, "prediction_drift needs a model whose task is declared"),
        ("disagreement", {"prediction": None}, True, "disagreement needs an output that is declared as the prediction"),
        ("disagreement", {"task": "regression"}, True, "disagreement needs classes: flights/2 (regression)"),
    ],
)
def test_a_gate_that_could_never_speak_is_refused(metric: str, changes: Any, referenced: bool, why: str) -> None:
    """Otherwise the rollout would wait for ever."""
    gate = GateConfig(metric=metric, **{"above" if metric in BETWEEN else "worse_by": 0.1})
    found = unfit(gate, manifest(**changes), referenced)
    assert found is not None
    assert found.startswith(why)


def test_every_other_gate_is_fit() -> None:
    """For a binary model with everything declared, all but the errors of values."""
    gates = [GateConfig(metric=name, **{"above" if name in BETWEEN else "worse_by": 0.1}) for name in METRICS]
    unfitting = [gate.metric for gate in gates if unfit(gate, manifest(), True)]
    assert unfitting == ["mae", "rmse", "estimated_mae", "estimated_rmse"]
    assert unfit(GateConfig(promql="up", url="http://prometheus:9090", below=1), manifest(task="other"), False) is None
