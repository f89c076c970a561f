"""Rollouts without a gateway: drawn answers, the real gates and the real machine, a look a second.

`python -m loadtests.rollouts [ROLLOUTS]` prints the tables of docs/rollouts.md; 1,000 rollouts take some minutes.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from statistics import NormalDist, median
from typing import Any, NamedTuple

import numpy as np

from gateway.rollout import duration
from gateway.rollout.evidence import Arm
from gateway.rollout.gates import Verdict, judge
from gateway.rollout.machine import ENDED, State, begin, step
from gateway.rollout.sequential import fixed_half_width
from gateway.rollout.strata import matched
from gateway.traffic import GateConfig, RolloutConfig

SECOND = 1_000_000_000

GATES = (
    GateConfig(metric="error_rate", worse_by=0.01),
    GateConfig(metric="latency_p99", ratio=1.5),
    GateConfig(metric="accuracy", worse_by=0.02),
)
PLAN = RolloutConfig(stable=1, candidate=2, steps=(1, 10, 50), bake=10, min_samples=500, gates=GATES)

_SIGMA = 0.5  # of the logarithm of a duration
_MEDIAN_US = 2000.0


class Version(NamedTuple):
    """How a version behaves. errors: share of requests. slower: times the usual duration. accuracy: share of rows."""

    errors: float = 0.002
    slower: float = 1.0
    accuracy: float = 0.9


class Traffic(NamedTuple):
    """requests: in a second. delay: seconds until labels come. surge: at most so many times more errors in busy hours."""

    requests: int = 2000
    delay: int = 10
    surge: float = 0.0


class Run(NamedTuple):
    """How one rollout ended: after so many looks, requests to the candidate and labels of it. by: the gate that failed."""

    phase: str
    looks: int
    answered: int
    labelled: int
    by: str


Judge = Callable[[list[Arm], list[Arm]], tuple[Verdict, ...]]


def real(plan: RolloutConfig) -> Judge:
    """The gates as they are."""
    return lambda stable, candidate: judge(plan, stable, candidate, lambda _url, _query: None, intervals=False)


def naive(plan: RolloutConfig) -> Judge:
    """The same gates by ordinary tests of the same level, each looked at as if it were the only look."""
    alpha = (1 - plan.confidence) / len(plan.gates)

    def look(stable: list[Arm], candidate: list[Arm]) -> tuple[Verdict, ...]:
        one, other = matched(stable, candidate, lambda arm: arm.requests)
        found = []
        for gate in plan.gates:
            excess, error = _excess(gate, one, other)
            half = fixed_half_width(error, alpha)
            outcome: Any = "fail" if excess > half else "pass" if -excess > half else "inconclusive"
            found.append(Verdict(str(gate.metric), outcome, excess, None, gate.limit, 0, 0, str(gate.metric)))
        return tuple(found)

    return look


def run(
    plan: RolloutConfig,
    versions: tuple[Version, Version],
    traffic: Traffic,
    random: np.random.Generator,
    looker: Judge,
    most: int = 3000,
) -> Run:
    """One rollout from its beginning to its end, or until `most` looks were taken."""
    state, _ = begin("simulated", plan, "test", 0)
    arms: tuple[list[Arm], list[Arm]] = ([], [])
    waiting: list[tuple[int, int, int, int, int]] = []
    by = ""
    for look in range(1, most):
        state, events = _stepped(state, arms, looker, look)
        if state.phase in ENDED:
            by = events[-1].why if events else ""
            break
        while len(arms[0]) < len(state.starts):
            for side in arms:
                side.append(Arm())
        _answer(state, arms, versions, traffic, random, waiting, look)
    return Run(
        state.phase,
        look,
        int(sum(arm.answered for arm in arms[1])),
        int(sum(arm.labelled.n for arm in arms[1])),
        by.split()[0] if by else "",
    )


def _stepped(state: State, arms: tuple[list[Arm], list[Arm]], looker: Judge, look: int) -> Any:
    verdicts = looker(*arms) if arms[1] and state.phase == "running" else ()
    answered = arms[1][-1].answered if arms[1] else 0
    return step(state, verdicts, answered, (1, 2), look * SECOND)


def _answer(
    state: State,
    arms: tuple[list[Arm], list[Arm]],
    versions: tuple[Version, Version],
    traffic: Traffic,
    random: np.random.Generator,
    waiting: list[tuple[int, int, int, int, int]],
    look: int,
) -> None:
    """A second of traffic into both arms, and the labels that are due."""
    busy = 1 + traffic.surge * (look % 200) / 200
    share = (1 - state.percent / 100, state.percent / 100)
    for side, version in enumerate(versions):
        n = int(random.binomial(traffic.requests, share[side]))
        failed = int(random.binomial(n, min(1.0, version.errors * busy)))
        arm = arms[side][-1]
        arm.errors["internal"] += failed
        arm.answered += n - failed
        drawn = _MEDIAN_US * version.slower * np.exp(_SIGMA * random.standard_normal(n - failed))
        arm.latency += duration.counted(drawn.astype(np.int64))
        wrong = int(random.binomial(n - failed, 1 - version.accuracy))
        waiting.append((look + traffic.delay, len(arms[side]) - 1, side, n - failed, wrong))
    while waiting and waiting[0][0] <= look:
        _, place, side, n, wrong = waiting.pop(0)
        outcomes = arms[side][place].labelled
        if not len(outcomes.actual):
            outcomes.actual, outcomes.right, outcomes.called = np.zeros(2), np.zeros(2), np.zeros(2)
        outcomes.actual += np.array([n, 0])
        outcomes.right += np.array([n - wrong, 0])
        outcomes.called += np.array([n - wrong, wrong])


def _excess(gate: GateConfig, stable: Arm, candidate: Arm) -> tuple[float, float]:
    """How far beyond the limit the candidate is, and the standard error, as one would compute them for one look."""
    if gate.metric == "latency_p99":
        place = np.searchsorted(stable.latency.cumsum(), 0.99 * stable.latency.sum())
        from_here = int(place + duration.PER_OCTAVE * math.log2(gate.limit))
        n = float(candidate.latency.sum())
        rate = float(candidate.latency[from_here:].sum()) / n if n else 0.01
        return rate - 0.01, _error(rate, n)
    pairs = [
        (arm.failed, arm.requests)
        if gate.metric == "error_rate"
        else (float(arm.labelled.actual.sum() - arm.labelled.right.sum()), float(arm.labelled.actual.sum()))
        for arm in (stable, candidate)
    ]
    (one, n), (other, m) = pairs
    if not n or not m:
        return 0.0, math.inf
    return other / m - one / n - gate.limit, math.hypot(_error(one / n, n), _error(other / m, m))


def _error(rate: float, n: float) -> float:
    return math.sqrt(max(rate * (1 - rate), 1e-9) / n) if n else math.inf


def fixed_size(null: float, rate: float, alpha: float, power: float = 0.8, most: int = 200_000) -> int:
    """How many rows an exact one-sided binomial test of rate > null needs for that power, looked at once.

    The smallest n from which on the power holds; stable's rate is taken as known. Normal approximation beyond 3,000.
    """
    normal = NormalDist()
    high, low = normal.inv_cdf(1 - alpha), normal.inv_cdf(power)
    rough = ((high * math.sqrt(null * (1 - null)) + low * math.sqrt(rate * (1 - rate))) / (rate - null)) ** 2
    if rough > 3000:
        return math.ceil(rough)
    found = most
    for n in range(int(2 * rough) + 50, 0, -1):
        critical = _critical(n, null, alpha)
        if _tail(n, rate, critical) < power:
            break
        found = n
    return found


def _critical(n: int, null: float, alpha: float) -> int:
    cells = _binomial(n, null)
    tails = cells[::-1].cumsum()[::-1]
    return int(np.argmax(np.append(tails, 0.0) <= alpha))


def _tail(n: int, rate: float, critical: int) -> float:
    return float(_binomial(n, rate)[critical:].sum())


def _binomial(n: int, rate: float) -> Any:
    k = np.arange(n + 1)
    logs = np.array([math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) for i in k.tolist()])
    return np.exp(logs + k * math.log(rate) + (n - k) * math.log1p(-rate))


def _false_alarms(rollouts: int) -> None:
    worst = Version(errors=0.012, slower=1.5, accuracy=0.88)
    print("| candidate | gates | rollouts | rolled back | promoted | median looks |\n|---|---|---|---|---|---|")
    for name, candidate, surge, looks, count in (
        ("equal", Version(), 0.0, 400, rollouts),
        ("exactly as bad as allowed", worst, 0.0, 150, rollouts),
        ("equal, while errors rise tenfold in waves", Version(), 9.0, 150, max(1, rollouts // 5)),
    ):
        for kind, looker in (("confidence sequences", real(PLAN)), ("naive, every second", naive(PLAN))):
            random = np.random.default_rng(5)
            traffic = Traffic(surge=surge)
            ends = [run(PLAN, (Version(), candidate), traffic, random, looker, looks) for _ in range(count)]
            back, done = (sum(end.phase == phase for end in ends) / count for phase in ("rolled_back", "succeeded"))
            middle = median(end.looks for end in ends)
            print(f"| {name} | {kind} | {count} | {back:.1%} | {done:.1%} | {middle:g} |", flush=True)


def _detections(rollouts: int) -> None:
    print(
        "| candidate | rolled back | gate | its rows, median (90 %) | fixed-sample test | ratio |\n|---|---|---|---|---|---|"
    )
    alpha = (1 - PLAN.confidence) / len(GATES)
    late = NormalDist().cdf((math.log(1.5 / 2) + 2.3263 * _SIGMA) / _SIGMA)
    for name, candidate, fixed in (
        ("errors 5 % of requests", Version(errors=0.05), fixed_size(0.012, 0.05, alpha)),
        ("2× slower", Version(slower=2.0), fixed_size(0.01, 1 - late, alpha)),
        ("3 points less accurate", Version(accuracy=0.87), fixed_size(0.12, 0.13, alpha)),
    ):
        random = np.random.default_rng(6)
        accuracy = candidate.accuracy < 0.9
        traffic = Traffic(requests=10_000 if accuracy else 500, delay=30)
        ends = [run(PLAN, (Version(), candidate), traffic, random, real(PLAN), 1500) for _ in range(rollouts)]
        back = [end for end in ends if end.phase == "rolled_back"]
        sizes = sorted(end.labelled if accuracy else end.answered for end in back)
        middle, most = median(sizes), sizes[int(0.9 * len(sizes))]
        gates = ", ".join(sorted({end.by for end in back}))
        print(
            f"| {name} | {len(back) / rollouts:.1%} | {gates} | {middle:g} ({most}) | {fixed} | {middle / fixed:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    _false_alarms(count)
    print()
    _detections(max(20, count // 5))
