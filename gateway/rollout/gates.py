"""The gates of a rollout, judged: pass, fail, or not yet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.manifest import Manifest
from gateway.rollout.comparison import (
    Allowed,
    AnyOf,
    Averages,
    Comparison,
    Distance,
    Durations,
    Gaps,
    Shares,
    cells,
    large_groups,
)
from gateway.rollout.evidence import VALUE_BINS, Arm
from gateway.rollout.interval import interval
from gateway.rollout.metrics import ESTIMATED, Share, measured, rows
from gateway.rollout.sentence import Found, label, sentence
from gateway.rollout.strata import matched
from gateway.traffic import GateConfig, RolloutConfig
from monitors.score import SCORE_BINS

Outcome = Literal["pass", "fail", "inconclusive", "no_data", "error"]
Provider = Callable[[str, str], float | None]
"""Asks a Prometheus: url and query; None for an empty answer. Raises ProviderFailed."""

_CLASSES = ("accuracy", "precision", "recall", "f1")
_SCORES = ("log_loss", "brier")
_VALUES = ("mae", "rmse")


class ProviderFailed(Exception):
    """A query had no answer: its Prometheus is down, slow, or does not understand it. Nothing follows for the candidate."""


class Verdict(msgspec.Struct, frozen=True):
    """What one gate says.

    gate: the gate in words. value, interval, limit: in the terms of the bound: by how much the candidate is worse, how many times
    stable's value it has, or its own value; None where nothing is known. Each end of the interval holds on its own, at every
    look. n_stable, n_candidate: rows it rests on, stable's as many as they are worth (see strata.matched).
    """

    gate: str
    outcome: Outcome
    value: float | None
    interval: tuple[float, float] | None
    limit: float
    n_stable: int
    n_candidate: int
    sentence: str


def judge(
    rollout: RolloutConfig,
    stable: Sequence[Arm],
    candidate: Sequence[Arm],
    provider: Provider,
    intervals: bool = True,
) -> tuple[Verdict, ...]:
    """A verdict for each gate, in their order. stable, candidate: evidence by step since the rollout began.

    With α = 1 − confidence: a candidate that is within every limit fails any gate, at any look, with a chance of at most α, for
    each of m gates has α/m; one that is beyond some limit passes all gates with a chance of at most α, for it would have to
    pass that one. intervals: False leaves them out; they cost seven times what the verdicts do (15 ms a gate).
    """
    alpha = 1 - rollout.confidence
    each = alpha / len(rollout.gates)
    return tuple(
        _queried(gate, provider)
        if gate.promql is not None
        else _judged(gate, stable, candidate, (each, alpha), rollout.min_samples, intervals)
        for gate in rollout.gates
    )


def unfit(gate: GateConfig, manifest: Manifest, referenced: bool) -> str | None:
    """Why a gate could never say anything of such a version, or None. referenced: whether it has a reference profile."""
    name = gate.metric or ""
    metric = name.removeprefix(ESTIMATED)
    classifies = manifest.task in ("binary", "multiclass")
    estimated = name.startswith(ESTIMATED)
    rules = (
        (metric in _CLASSES and not classifies, "needs classes"),
        (metric == "roc_auc" and manifest.task != "binary", "needs a model of two classes"),
        (metric in ("roc_auc", *_SCORES) and manifest.score is None, "needs an output that is declared as the score"),
        (metric in _SCORES and not classifies, "needs classes"),
        (metric in _VALUES and manifest.task != "regression", "needs a regression model"),
        (metric in _VALUES and manifest.score is None, "needs an output that is declared as the score"),
        (name == "disagreement" and manifest.task == "regression", "needs classes"),
        (name == "disagreement" and not manifest.prediction, "needs an output that is declared as the prediction"),
        (name == "prediction_drift" and manifest.task == "other", "needs a model whose task is declared"),
        (name == "fairness_gap" and manifest.task != "binary", "needs a model of two classes"),
        (
            name == "fairness_gap" and not manifest.groups,
            "needs group attributes, which the manifest declares as groups",
        ),
        ((estimated or name == "fairness_gap") and not referenced, "needs a reference profile, reference.npz"),
        (estimated and manifest.score is None, "needs an output that is declared as the score"),
        (
            estimated and manifest.task == "multiclass" and metric != "accuracy",
            "is not estimated for several classes; estimated_accuracy is",
        ),
    )
    return next((f"{name} {why}: {manifest.label} ({manifest.task})" for wrong, why in rules if wrong), None)


def _judged(
    gate: GateConfig,
    stable: Sequence[Arm],
    candidate: Sequence[Arm],
    alphas: tuple[float, float],
    tuned: float,
    intervals: bool,
) -> Verdict:
    assert gate.metric is not None
    counted = rows(gate.metric)
    compares = gate.bound in ("worse_by", "ratio") or gate.metric == "prediction_drift"
    one, other = matched(stable, candidate, counted) if compares else (Arm(), sum(candidate, Arm()))
    n_stable, n_candidate = round(counted(one)), round(counted(other))
    comparison = _comparison(gate, one, other, tuned) if n_candidate and (n_stable or not compares) else None
    found = Found(label(gate), gate, n_stable if compares else None, n_candidate)
    if comparison is None:
        return Verdict(
            found.label, "no_data", None, None, gate.limit, n_stable, n_candidate, sentence(found, "no_data")
        )
    allowed = _allowed(gate, gate.limit)
    outcome: Outcome = "inconclusive"
    if comparison.exceeds(allowed, alphas[0]):
        outcome = "fail"
    elif comparison.keeps(allowed, alphas[1]):
        outcome = "pass"
    value = _value(gate, comparison)
    span = interval(comparison, lambda amount: _allowed(gate, amount), gate, value, alphas) if intervals else None
    said = sentence(found, outcome, value, span)
    return Verdict(
        found.label, outcome, value if math.isfinite(value) else None, span, gate.limit, n_stable, n_candidate, said
    )


def _comparison(gate: GateConfig, stable: Arm, candidate: Arm, tuned: float) -> Comparison | None:
    metric = gate.metric or ""
    if metric.startswith("latency_"):
        return Durations(stable.latency, candidate.latency, float(metric.removeprefix("latency_p")) / 100, tuned)
    if metric == "prediction_drift":
        return _distance(stable.predictions, candidate.predictions, tuned)
    if metric == "fairness_gap":
        return _gaps(gate, stable, candidate, tuned)
    own, theirs = measured(stable, metric), measured(candidate, metric)
    if own is None and gate.bound in ("worse_by", "ratio"):
        return None
    if isinstance(theirs, Share):
        return Shares(own if isinstance(own, Share) else None, theirs, tuned)
    return Averages(None if isinstance(own, Share) else own, theirs, tuned) if theirs else None


def _distance(stable: NDArray[Any], candidate: NDArray[Any], tuned: float) -> Distance | None:
    """None where the versions do not answer in the same terms."""
    if not len(stable) or len(stable) != len(candidate):
        return None
    return Distance(*cells(stable, candidate, len(stable) in (SCORE_BINS, VALUE_BINS)), tuned)


def _gaps(gate: GateConfig, stable: Arm, candidate: Arm, tuned: float) -> AnyOf | None:
    """Of every attribute that has two groups to compare, the one that is worst first; they share the error."""
    found = []
    for attribute, counts in candidate.groups.items():
        own = stable.groups.get(attribute, {}) if gate.bound in ("worse_by", "ratio") else counts
        one, other = large_groups(own, counts)
        if len(other) >= 2:
            found.append(Gaps(one, other, tuned, len(candidate.groups)))
    worst = sorted(
        found, key=lambda gaps: np.nan_to_num(_value(gate, gaps), nan=-math.inf, posinf=math.inf), reverse=True
    )
    return AnyOf(tuple(worst)) if worst else None


def _allowed(gate: GateConfig, amount: float) -> Allowed:
    """The bound, with `amount` in the place of its limit."""
    if gate.bound == "worse_by":
        return Allowed(1.0, amount)
    if gate.bound == "ratio":
        return Allowed(amount, 0.0)
    return Allowed(0.0, 1 - amount if gate.bound == "below" else amount)


def _value(gate: GateConfig, comparison: Comparison) -> float:
    stable, candidate = comparison.losses
    if gate.bound == "worse_by":
        return candidate - stable
    if gate.bound == "ratio":
        return candidate / stable if stable else math.nan if not candidate else math.inf
    return 1 - candidate if gate.bound == "below" else candidate


def _queried(gate: GateConfig, provider: Provider) -> Verdict:
    assert gate.promql is not None
    assert gate.url is not None
    found = Found(label(gate), gate, None, None)
    try:
        value = provider(gate.url, gate.promql)
    except ProviderFailed as problem:
        return Verdict(found.label, "error", None, None, gate.limit, 0, 0, f"{found.label}: {problem}")
    if value is None or not math.isfinite(value):
        return Verdict(found.label, "no_data", None, None, gate.limit, 0, 0, sentence(found, "no_data"))
    beyond = value > gate.limit if gate.bound == "above" else value < gate.limit
    outcome: Outcome = "fail" if beyond else "pass"
    return Verdict(found.label, outcome, value, None, gate.limit, 0, 0, sentence(found, outcome, value))
