"""What the counts of one column mean."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitors.categorical import Categorical
from monitors.measurement import Measurement
from monitors.numeric import QUANTILES, Numeric
from monitors.quality.excess import excess
from monitors.record import OUTPUT
from monitors.reference import Profile
from monitors.significance import wilson
from monitors.tally import Tally

LEAST = 30
"""Values that a column needs before anything is said of it."""

SCORE = f"{OUTPUT}score"
"""Its subject; no input is called so."""

FLOORS = {"missing": 0.01, "nonfinite": 0.001, "out_of_range": 0.01, "unseen": 0.005}
"""By how much a share must be above the reference's own to matter."""
NEVER = 0.002
"""The same for missing values where the reference had none at all: 3 in 1,000 are worth saying."""


@dataclass(frozen=True, eq=False, slots=True)
class Column:
    """A column and its profile; None of a wide one, where the reference has no counts to compare with.

    commonest: see the function. may_stick: whether nothing is known of how long a value stays, so that one which more than
    half of the rows have may be all that a window holds.
    """

    name: str
    profile: Profile | None
    commonest: float = 1.0
    may_stick: bool = False

    @classmethod
    def of(cls, name: str, profile: Profile | None, timed: bool = False) -> Column:
        """With what its profile says of its most frequent value. timed: whether the reference tells what lay together."""
        share = 1.0 if profile is None else commonest(profile)
        return cls(name, profile, share, not timed and share > 0.5)


def read(column: Column, counts: Mapping[str, int], names: Tally | None, least: int) -> list[Measurement]:
    """What there is to say of a column. counts: those of `ColumnQuality`. names: its unseen values."""
    profile, rows = column.profile, counts["rows"]
    present = rows - counts["missing"] - counts["infinite"]
    if profile is None:
        return [
            _share(column, "missing", counts["missing"], rows, least),
            _share(column, "nonfinite", counts["infinite"], rows, least),
            _constant(column, counts, present, least),
        ]
    found = [_missing(column, counts, least)]
    if isinstance(profile, Numeric):
        found.append(_infinite(column, profile, counts, least))
        if profile.count:
            found.append(_outside(column, profile, counts, present, least))
    else:
        assert isinstance(profile, Categorical)
        found.append(_unseen(column, profile, counts["unseen"], present, names, least))
    return [*found, _constant(column, counts, present, least)] if column.commonest < 1 else found


def score(spoilt: int, n: int, before: int, least: int) -> Measurement:
    """How many of n scores are no numbers. before: scores of the reference, of which none was.

    A training row whose score is not finite is one that was not scored, so that a model which has always answered some with
    NaN alarms from the first day on.
    """
    return _share(Column(SCORE, None), "nonfinite", spoilt, n, least, (0, before), FLOORS["nonfinite"])


def commonest(profile: Profile) -> float:
    """At most so large a share of the reference has its most frequent value, in [0, 1]; 1 if it had but one.

    Of a number it is known only as far as the quantile sketch tells: a value between two points of it has less than 2/256.
    """
    if isinstance(profile, Categorical):
        return float(max([0, profile.other, *profile.counts.tolist()]) / max(1, profile.count))
    assert isinstance(profile, Numeric)
    if not profile.count or profile.low == profile.high:
        return 1.0
    ties = int(np.unique(profile.quantiles, return_counts=True)[1].max())
    return min(1 - 1 / (profile.count + 1), (ties + 1) / (QUANTILES - 1))


def _missing(column: Column, counts: Mapping[str, int], least: int) -> Measurement:
    """Against all that the reference lacked: it does not tell infinite from missing, so this errs on the quiet side."""
    assert isinstance(column.profile, Numeric | Categorical)
    before, m = column.profile.missing, column.profile.missing + column.profile.count
    n = counts["rows"]
    floor = FLOORS["missing"] if before else NEVER
    return _share(column, "missing", counts["missing"], n, least, (before, m), floor)


def _infinite(column: Column, profile: Numeric, counts: Mapping[str, int], least: int) -> Measurement:
    """Whether more is unusable than was in the reference, and some of it infinite."""
    n, before = counts["rows"], (profile.missing, profile.missing + profile.count)
    p = excess(counts["infinite"] + counts["missing"], n, *before) if counts["infinite"] else 1.0
    return _share(column, "nonfinite", counts["infinite"], n, least, (0, before[1]), FLOORS["nonfinite"], p)


def _outside(column: Column, profile: Numeric, counts: Mapping[str, int], n: int, least: int) -> Measurement:
    """The reference has nothing outside its own range, yet of as many rows again the most extreme may lie anywhere.

    That k of n are outside means that for some a ≤ k the lowest a and the highest k - a of all rows are new ones: k + 1
    cases, each as likely as all k being drawn from among the new.
    """
    outside = counts["below"] + counts["above"]
    p = min(1.0, (outside + 1) * excess(outside, n, 0, profile.count))
    detail = {name: counts[name] for name in ("below", "above")} | {"low": profile.low, "high": profile.high}
    before = (0, profile.count)
    return _share(column, "out_of_range", outside, n, least, before, FLOORS["out_of_range"], p, detail)


def _unseen(column: Column, profile: Categorical, found: int, n: int, names: Tally | None, least: int) -> Measurement:
    detail = {"values": dict(names.top(10)) if names else {}}
    before = (profile.other, profile.count)
    return _share(column, "unseen", found, n, least, before, FLOORS["unseen"], None, detail)


def _constant(column: Column, counts: Mapping[str, int], n: int, least: int) -> Measurement:
    """1 if all values are the same, else 0; p: how likely that was, if each came from the reference on its own."""
    same = n > 1 and n * counts["squares"] == counts["sum"] ** 2
    p = None if column.profile is None else column.commonest ** (n - 1) if same else 1.0
    enough = n >= least
    value = float(same) if enough else math.nan
    matters = same and not column.may_stick
    return Measurement("quality", column.name, "constant", value, n, None, enough, p, matters)


def _share(
    column: Column,
    statistic: str,
    found: int,
    n: int,
    least: int,
    before: tuple[int, int] | None = None,
    floor: float = 0.0,
    p: float | None = None,
    detail: Mapping[str, Any] | None = None,
) -> Measurement:
    """before: cases and rows of the reference; without them nothing is tested. p: if it is not that of the plain test."""
    enough = n >= least
    if before is None:
        return _said(column, statistic, found, n, enough, None, matters=False, detail={"rows": found})
    expected = before[0] / before[1] if before[1] else 0.0
    p = excess(found, n, *before) if p is None else p
    matters = n > 0 and found / n - expected >= floor
    said = {"rows": found, "expected": expected, **(detail or {})}
    return _said(column, statistic, found, n, enough, p, matters=matters, detail=said)


def _said(
    column: Column,
    statistic: str,
    found: int,
    n: int,
    enough: bool,
    p: float | None,
    *,
    matters: bool,
    detail: Mapping[str, Any],
) -> Measurement:
    value = found / n if enough else math.nan
    interval = wilson(found, n) if enough else None
    return Measurement("quality", column.name, statistic, value, n, interval, enough, p, matters, detail)
