"""What was estimated against what the labels later said."""

from __future__ import annotations

import math
from dataclasses import dataclass

from monitors.measurement import Interval, Measurement
from monitors.performance.figure import EACH
from monitors.significance import mean_shift, wilson
from monitors.significance.normal import Z

FLOOR = 0.03
"""A gap that is smaller wakes nobody."""

RELATIVE_FLOOR = 0.10
"""Of metrics that are no shares, such as MAE: the smallest gap that matters, as a share of the estimate."""

UNBOUNDED = ("mae", "rmse", "log_loss")
ERRORS = (*UNBOUNDED, "brier", "ece")
"""The larger, the worse."""


def gap(estimated: Measurement, realised: Measurement) -> Measurement:
    """Realised minus estimated, of one metric and one window.

    p is two-sided: the realised value's own error and the calibration's together; None where the realised metric is not
    tested either, because it follows from the same mistakes as another one. `matters` when each value lies outside
    the interval of the other, they are at least 0.03 apart (errors: a tenth of the estimate), and the labels say worse: a
    model that does better than was thought wakes nobody. Then what the estimate assumes does not hold: the concept
    drifted, or the calibration was wrong.
    """
    value = realised.value - estimated.value
    enough = estimated.enough and realised.enough and math.isfinite(value)
    learned = float(estimated.detail.get("calibration_error", 0.0))
    error = math.hypot(learned, _error(realised, estimated.value))
    scale, least = (abs(estimated.value), RELATIVE_FLOOR) if realised.subject in UNBOUNDED else (1.0, FLOOR)
    tested = enough and realised.p is not None
    within = _within(realised.value, estimated.interval)
    apart = not within and not _within(estimated.value, realised.interval)
    worse = value > 0 if realised.subject in ERRORS else value < 0
    return Measurement(
        "estimate",
        realised.subject,
        "gap",
        value,
        realised.n,
        (value - Z * error, value + Z * error) if enough else None,
        enough,
        mean_shift(realised.value, estimated.value, error) if tested else None,
        enough and apart and worse and abs(value) >= least * scale,
        {"estimated": estimated.value, "realised": realised.value, "within": within},
    )


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """How far estimates could be relied on so far: gaps of windows whose labels are in. Records add up.

    windows: how many. within: in how many the realised value lay in the estimate's interval; 95 % should. absolute,
    signed: sums of the gaps' sizes, and of the gaps.
    """

    windows: int = 0
    within: int = 0
    absolute: float = 0.0
    signed: float = 0.0

    def add(self, found: Measurement, weight: int = 1) -> TrackRecord:
        """With one more gap, or with weight -1 without it; one that rests on too little is left out."""
        if not found.enough:
            return self
        within = int(found.detail["within"])
        return self + TrackRecord(weight, weight * within, weight * abs(found.value), weight * found.value)

    def __add__(self, other: TrackRecord) -> TrackRecord:
        return TrackRecord(
            self.windows + other.windows,
            self.within + other.within,
            self.absolute + other.absolute,
            self.signed + other.signed,
        )

    def measurements(self, metric: str) -> tuple[Measurement, Measurement]:
        """`mean_absolute_gap`, and `within`: the share of windows in the interval, with its own. Neither is tested."""
        known, enough = self.windows > 0, self.windows >= EACH
        absolute, within = (part / self.windows if known else math.nan for part in (self.absolute, self.within))
        bias = {"mean_gap": self.signed / self.windows} if known else {}
        interval = wilson(self.within, self.windows) if known else None
        return (
            Measurement("estimate", metric, "mean_absolute_gap", absolute, self.windows, None, enough, detail=bias),
            Measurement("estimate", metric, "within", within, self.windows, interval, enough),
        )


def _within(value: float, interval: Interval | None) -> bool:
    return interval is not None and interval[0] <= value <= interval[1]


def _error(realised: Measurement, towards: float) -> float:
    """The standard error on the side of the estimate: intervals near 0 and 1 are not symmetric."""
    if realised.interval is None:
        return math.nan
    low, high = realised.interval
    return (high - realised.value if towards > realised.value else realised.value - low) / Z
