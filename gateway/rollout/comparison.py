"""Whether the candidate's loss is beyond what stable's allows: for shares, averages, durations, distances and gaps alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from gateway.rollout import duration, proportion
from gateway.rollout.metrics import LEAST, Share
from gateway.rollout.proportion import Curve, Floats, Rate
from gateway.rollout.sequential import Sample, half_width, radius


class Allowed(NamedTuple):
    """The highest loss that the candidate may have: slope · stable's loss + shift. slope 0: whatever stable's is."""

    slope: float
    shift: float


class Comparison(Protocol):
    """Both arms. Either statement, `exceeds` or `keeps`, is ever wrong with a chance of at most alpha, at any time."""

    @property
    def losses(self) -> tuple[float, float]:
        """What was observed, stable's and the candidate's; NaN where there is none."""
        ...

    def exceeds(self, allowed: Allowed, alpha: float) -> bool:
        """Whether the candidate is certainly beyond what is allowed."""
        ...

    def keeps(self, allowed: Allowed, alpha: float) -> bool:
        """Whether the candidate is certainly within what is allowed."""
        ...


@dataclass(frozen=True, slots=True)
class Shares:
    """Two rates; exact at every n. tuned: see proportion.above."""

    stable: Share | None
    candidate: Share
    tuned: float

    @property
    def losses(self) -> tuple[float, float]:
        stable, candidate = (
            float(arm.scale.loss(np.float64(arm.rate.value))) if arm else math.nan  # type: ignore[arg-type]
            for arm in (self.stable, self.candidate)
        )
        return stable, candidate

    def exceeds(self, allowed: Allowed, alpha: float) -> bool:
        return self._proved(allowed, alpha, 1)

    def keeps(self, allowed: Allowed, alpha: float) -> bool:
        return self._proved(allowed, alpha, -1)

    def _proved(self, allowed: Allowed, alpha: float, side: int) -> bool:
        scale = self.candidate.scale
        stable, candidate = self.losses
        if (candidate - allowed.shift - (allowed.slope * stable if allowed.slope else 0.0)) * side <= 0:
            return False  # what was observed is on the other side: no need to compute how likely that is

        def curve(rates: Floats) -> Floats:
            loss = allowed.slope * scale.loss(rates) + allowed.shift
            return np.where((loss > 0) & (loss < 1), scale.rate(np.clip(loss, 0, 1)), loss)

        rate = self.candidate.rate
        if not allowed.slope:
            evidence = proportion.above if side > 0 else proportion.below
            return float(evidence(rate.hits, rate.n, curve(np.zeros(1)), self.tuned)[0]) >= -math.log(alpha)
        if self.stable is None:
            return False
        test = proportion.exceeds if side > 0 else proportion.undercuts
        return test(self.stable.rate, rate, curve, self.tuned) >= -math.log(alpha)


@dataclass(frozen=True, slots=True)
class Averages:
    """Two averages; asymptotic, so nothing is said before each has LEAST rows."""

    stable: Sample | None
    candidate: Sample
    tuned: float

    @property
    def losses(self) -> tuple[float, float]:
        return self.stable.value if self.stable else math.nan, self.candidate.value

    def exceeds(self, allowed: Allowed, alpha: float) -> bool:
        excess, half = self._excess(allowed, alpha)
        return excess - half > 0

    def keeps(self, allowed: Allowed, alpha: float) -> bool:
        excess, half = self._excess(allowed, alpha)
        return excess + half < 0

    def _excess(self, allowed: Allowed, alpha: float) -> tuple[float, float]:
        """How far the candidate is beyond what is allowed, and by how much that may be wrong."""
        stable, candidate = self.stable, self.candidate
        excess = candidate.value - allowed.shift
        error, n = candidate.error, candidate.n
        if allowed.slope:
            if stable is None or stable.n < LEAST:
                return 0.0, math.inf
            excess -= allowed.slope * stable.value
            error, n = math.hypot(error, allowed.slope * stable.error), stable.n * n / (stable.n + n)
        if candidate.n < LEAST:
            return excess, math.inf
        return excess, half_width(error * math.sqrt(n), n, alpha, self.tuned)


@dataclass(frozen=True, slots=True)
class Durations:
    """A quantile of two histograms of `duration`; exact at every n. Losses are in seconds."""

    stable: NDArray[Any]
    candidate: NDArray[Any]
    level: float
    tuned: float

    @property
    def losses(self) -> tuple[float, float]:
        stable, candidate = (duration.quantile(arm, self.level) / 1e6 for arm in (self.stable, self.candidate))
        return stable, candidate

    def exceeds(self, allowed: Allowed, alpha: float) -> bool:
        stable, candidate = self.losses
        if candidate < allowed.slope * stable + allowed.shift:
            return False
        evidence = duration.slower(self.stable, self.candidate, self.level, self._limit(allowed), self.tuned)
        return evidence >= -math.log(alpha)

    def keeps(self, allowed: Allowed, alpha: float) -> bool:
        stable, candidate = self.losses
        if candidate > allowed.slope * stable + allowed.shift:
            return False
        evidence = duration.faster(self.stable, self.candidate, self.level, self._limit(allowed), self.tuned)
        return evidence >= -math.log(alpha)

    @staticmethod
    def _limit(allowed: Allowed) -> Curve:
        return lambda edges: allowed.slope * edges + allowed.shift * 1e6


@dataclass(frozen=True, slots=True)
class Distance:
    """Jensen-Shannon distance, in [0, 1], between what the two arms answered; asymptotic.

    stable, candidate: [cells], rows, in at most ten cells. Observed shares are scattered around the true ones, and a distance
    cannot be off by more than they are: near 0, in the metric of the distance, by √(χ² / (8 ln 2 · n)).
    """

    stable: NDArray[Any]
    candidate: NDArray[Any]
    tuned: float

    @property
    def losses(self) -> tuple[float, float]:
        p, q = (cells / max(float(cells.sum()), 1e-300) for cells in (self.stable, self.candidate))
        return 0.0, math.sqrt(max(0.0, _divergence(p, q)))

    def exceeds(self, allowed: Allowed, alpha: float) -> bool:
        return self.losses[1] - self._error(alpha) > allowed.shift

    def keeps(self, allowed: Allowed, alpha: float) -> bool:
        return self.losses[1] + self._error(alpha) < allowed.shift

    def _error(self, alpha: float) -> float:
        one, other = float(self.stable.sum()), float(self.candidate.sum())
        if min(one, other) < LEAST:
            return math.inf
        n = one * other / (one + other)
        return math.sqrt(radius(max(2, len(self.stable)), n, alpha, self.tuned) / (8 * math.log(2) * n))


@dataclass(frozen=True, slots=True)
class Gaps:
    """The largest difference of selection rates between groups; exact, and careful: every group's rate has its own bounds.

    stable, candidate: by group, of the groups that are large enough in both. attributes: how many were looked at for this one.
    """

    stable: Mapping[str, Rate]
    candidate: Mapping[str, Rate]
    tuned: float
    attributes: int = 1

    @property
    def losses(self) -> tuple[float, float]:
        stable, candidate = (
            max(rate.value for rate in arm.values()) - min(rate.value for rate in arm.values())
            for arm in (self.stable, self.candidate)
        )
        return stable, candidate

    def exceeds(self, allowed: Allowed, alpha: float) -> bool:
        return self._bounds(self.candidate, alpha)[0] > allowed.slope * self._own(allowed, alpha)[1] + allowed.shift

    def keeps(self, allowed: Allowed, alpha: float) -> bool:
        return self._bounds(self.candidate, alpha)[1] < allowed.slope * self._own(allowed, alpha)[0] + allowed.shift

    def _own(self, allowed: Allowed, alpha: float) -> tuple[float, float]:
        return self._bounds(self.stable, alpha) if allowed.slope else (0.0, 0.0)

    def _bounds(self, arm: Mapping[str, Rate], alpha: float) -> tuple[float, float]:
        each = alpha / (2 * self.attributes * (len(self.stable) + len(self.candidate)))
        found = [proportion.bounds(rate, each, self.tuned) for rate in arm.values()]
        lows, highs = [low for low, _ in found], [high for _, high in found]
        return max(0.0, max(lows) - min(highs)), max(highs) - min(lows)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Several at once, the worst first: beyond what is allowed if any is, within it only if all are.

    Their chances to be wrong add up: each one's alpha must be a share of the whole.
    """

    each: tuple[Gaps, ...]

    @property
    def losses(self) -> tuple[float, float]:
        return self.each[0].losses

    def exceeds(self, allowed: Allowed, alpha: float) -> bool:
        return any(one.exceeds(allowed, alpha) for one in self.each)

    def keeps(self, allowed: Allowed, alpha: float) -> bool:
        return all(one.keeps(allowed, alpha) for one in self.each)


def cells(stable: NDArray[Any], candidate: NDArray[Any], ordered: bool) -> tuple[NDArray[Any], NDArray[Any]]:
    """Both as at most ten cells: tenths of all rows where the cells have an order, else the nine fullest and the rest."""
    both = stable + candidate
    if ordered:
        middle = both.cumsum() - both / 2
        place = np.minimum(10 * middle / max(float(both.sum()), 1e-300), 9).astype(np.int64)
    else:
        place = np.full(len(both), 9)
        place[np.argsort(-both, kind="stable")[:9]] = np.arange(min(9, len(both)))
    one, other = (np.bincount(place, arm, 10) for arm in (stable, candidate))
    held = (one + other) > 0
    return one[held], other[held]


def large_groups(stable: Mapping[str, Sequence[float]], candidate: Mapping[str, Sequence[float]]) -> tuple[Any, Any]:
    """The rates of the groups that have LEAST rows in both arms."""
    names = [name for name in stable if stable[name][0] >= LEAST and candidate.get(name, (0,))[0] >= LEAST]
    one, other = ({name: Rate(arm[name][1], arm[name][0]) for name in names} for arm in (stable, candidate))
    return one, other


def _divergence(p: Floats, q: Floats) -> float:
    """Jensen-Shannon, bits."""
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [np.where(one > 0, one * np.log2(one / middle), 0.0).sum() for one in (p, q)]
    return float(sum(parts) / 2)
