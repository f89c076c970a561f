"""Whole rollouts with drawn answers: what the confidence is worth, and what certainty costs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from statistics import NormalDist, median

import numpy as np
import pytest
from scipy.stats import binom

from gateway.rollout.comparison import Allowed, Averages, Comparison, Distance, cells
from gateway.rollout.metrics import measured
from gateway.rollout.outcomes import LOSSES
from gateway.rollout.sequential import Sample
from loadtests.rollouts import PLAN, Run, Traffic, Version, fixed_size, naive, real, run
from tests.gateway.rollout.test_gates import scored

ALPHA = (1 - PLAN.confidence) / len(PLAN.gates)
AS_BAD_AS_ALLOWED = Version(errors=0.012, slower=1.5, accuracy=0.88)


def ends(count: int, candidate: Version, traffic: Traffic, judge: object = real, looks: int = 400) -> list[Run]:
    """So many rollouts, looked at every second."""
    random = np.random.default_rng(8)
    return [run(PLAN, (Version(), candidate), traffic, random, judge(PLAN), looks) for _ in range(count)]  # type: ignore[operator]


def test_an_equal_candidate_gets_everything() -> None:
    """Step by step, as soon as the gates are sure."""
    phases = Counter(each.phase for each in ends(3, Version(), Traffic(requests=4000)))
    assert phases == {"succeeded": 3}


@pytest.mark.slow
def test_equal_candidates_are_rolled_back_rarely() -> None:
    """At most 5 % of 150 with confidence 0.95, though looked at every second; `python -m loadtests.rollouts` takes 1,000."""
    back = [each for each in ends(150, Version(), Traffic()) if each.phase == "rolled_back"]
    assert len(back) <= 0.05 * 150


@pytest.mark.slow
def test_so_are_those_that_are_exactly_as_bad_as_allowed() -> None:
    """Where naive tests fail far more."""
    shares = [
        sum(each.phase == "rolled_back" for each in ends(120, AS_BAD_AS_ALLOWED, Traffic(), judge, 150)) / 120
        for judge in (real, naive)
    ]
    assert shares[0] <= 0.05
    assert shares[1] > 0.1


LATE = NormalDist().cdf((math.log(1.5 / 2) + 2.3263 * 0.5) / 0.5)


@pytest.mark.parametrize(
    ("candidate", "gate", "null", "rate"),
    [
        (Version(errors=0.05), "error_rate", 0.012, 0.05),
        (Version(slower=2.0), "latency_p99", 0.01, 1 - LATE),
        pytest.param(Version(accuracy=0.87), "accuracy", 0.12, 0.13, marks=pytest.mark.slow),
    ],
)
def test_a_bad_candidate_is_rolled_back_almost_as_soon_as_by_the_test_for_one_look(
    candidate: Version, gate: str, null: float, rate: float
) -> None:
    """Within twice the rows that the exact test of the same level needs for a power of 0.8, with labels 30 s late."""
    traffic = Traffic(requests=10_000 if gate == "accuracy" else 500, delay=30)
    found = ends(9, candidate, traffic, looks=1500)
    assert {(each.phase, each.by) for each in found} == {("rolled_back", gate)}
    middle = median(each.labelled if gate == "accuracy" else each.answered for each in found)
    assert middle <= 2 * fixed_size(null, rate, ALPHA)


@pytest.mark.parametrize(("null", "rate"), [(0.012, 0.05), (0.1, 0.2)])
def test_the_fixed_size_is_that_of_the_exact_test(null: float, rate: float) -> None:
    """Its level holds, and so does its power from there on, but not with one row fewer."""
    n = fixed_size(null, rate, 0.05)
    powers = []
    for rows in (n - 1, n, n + 1, n + 2):
        critical = int(binom.isf(0.05, rows, null)) + 1
        assert binom.sf(critical - 1, rows, null) <= 0.05
        powers.append(binom.sf(critical - 1, rows, rate))
    assert powers[0] < 0.8 <= min(powers[1:])


def auc(seed: int, looks: int) -> list[Comparison]:
    """Walks of two classifiers whose AUC differs by exactly what the limit, 0.03, allows."""
    normal = NormalDist()
    apart = [math.sqrt(2) * normal.inv_cdf(value) for value in (0.80, 0.77)]
    random, found = np.random.default_rng(seed), []
    arms = [scored(0, 0.0, 0), scored(0, 0.0, 0)]
    for _ in range(looks):
        for arm, distance in zip(arms, apart, strict=True):
            for name, mean in (("negatives", 0.0), ("positives", distance)):
                drawn = random.normal(mean, 1.0, 80 if name == "negatives" else 20)
                place = np.clip((drawn + 4) / 9 * 1000, 0, 999).astype(int)
                cells_ = getattr(arm.labelled, name)
                setattr(arm.labelled, name, cells_ + np.bincount(place, minlength=1000))
        one, other = (measured(arm, "roc_auc") for arm in arms)
        assert isinstance(one, Sample)
        assert isinstance(other, Sample)
        found.append(Averages(one, other, 500))
    return found


def squares(seed: int, looks: int) -> list[Comparison]:
    """Walks of two regressors whose RMSE differs by exactly 0.03."""
    random, found = np.random.default_rng(seed), []
    arms = [scored(0, 0.0, 0), scored(0, 0.0, 0)]
    for _ in range(looks):
        for arm, spread in zip(arms, (1.0, 1.03), strict=True):
            error = random.normal(0, spread, 100) ** 2
            arm.labelled.losses[LOSSES.index("rmse")] += len(error), error.sum(), (error**2).sum()
        one, other = (measured(arm, "rmse") for arm in arms)
        assert isinstance(one, Sample)
        assert isinstance(other, Sample)
        found.append(Averages(one, other, 500))
    return found


def drifting(seed: int, looks: int) -> list[Comparison]:
    """Walks of two versions whose predictions are exactly 0.03 apart in ten even cells, an odd distance to be sure of."""
    random, found = np.random.default_rng(seed), []
    p = np.full(10, 0.1)
    q = p * (1 + 0.0708 * np.tile([1, -1], 5))  # JS = Σ(p − q)²/(8 ln 2 · p) = 0.03²
    counts = [np.zeros(10), np.zeros(10)]
    for _ in range(looks):
        counts = [cell + random.multinomial(100, share) for cell, share in zip(counts, (p, q), strict=True)]
        found.append(Distance(*cells(*counts, ordered=False), 500))
    return found


@pytest.mark.parametrize("walk", [auc, squares, drifting])
def test_what_is_asymptotic_holds_too(walk: Callable[[int, int], list[Comparison]]) -> None:
    """A candidate exactly at the limit is called beyond it, or within it, in at most 5 % of 400 walks of thirty looks."""
    allowed = Allowed(0.0, 0.03) if walk is drifting else Allowed(1.0, 0.03)
    wrong = np.zeros(2)
    for seed in range(400):
        looks = walk(seed, 30)
        wrong += [any(look.exceeds(allowed, 0.05) for look in looks), any(look.keeps(allowed, 0.05) for look in looks)]
    assert (wrong / 400 <= 0.05).all(), wrong / 400
