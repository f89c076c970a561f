"""Small rollouts: their plans, verdicts and arms."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from gateway.rollout import duration
from gateway.rollout.evidence import Arm
from gateway.rollout.gates import Outcome, Verdict
from gateway.traffic import GateConfig, RolloutConfig

SECOND = 1_000_000_000
GATE = GateConfig(metric="error_rate", worse_by=0.01)


def plan(**changes: Any) -> RolloutConfig:
    """From version 1 to 2 over 1, 10 and 50 %; ten seconds and 100 answers on each."""
    values: dict[str, Any] = {
        "stable": 1,
        "candidate": 2,
        "steps": (1, 10, 50),
        "bake": 10,
        "min_samples": 100,
        "gates": (GATE,),
    }
    return RolloutConfig(**{**values, **changes})


def verdict(outcome: Outcome = "pass") -> Verdict:
    """Of the only gate."""
    return Verdict("error_rate worse by 0.01", outcome, 0.0, None, 0.01, 100, 100, f"error_rate: {outcome}")


def arm(
    requests: int = 1000, failed: int = 0, wrong: int = 0, labelled: int = 0, slower: float = 1.0, seed: int = 0
) -> Arm:
    """Requests with lognormal durations around 2 ms, and rows of two classes."""
    found = Arm(answered=requests - failed, errors=Counter(internal=failed), rows=requests - failed)
    drawn = 2000 * slower * np.exp(0.5 * np.random.default_rng(seed).standard_normal(requests - failed))
    found.latency += duration.counted(drawn.astype(np.int64))
    outcomes = found.labelled
    half, missed = labelled // 2, wrong // 2
    outcomes.actual = np.array([labelled - half, half], float)
    outcomes.right = np.array([labelled - half - (wrong - missed), half - missed], float)
    outcomes.called = np.array([outcomes.right[0] + missed, outcomes.right[1] + wrong - missed])
    return found
