"""Charts show what they are given, and survive whatever that is."""

from __future__ import annotations

import re

import pytest

from gateway.report.axis import ticks
from gateway.report.charts import Curve, Row, Series, bars, heat, histogram, lines, reliability
from gateway.report.content import Bin, Calibration, Figure
from gateway.report.period import SECOND, Scale
from tests.gateway.report.test_page import Reader

HOURS = [f"2026-11-23T{hour:02d}:00:00.000000+00:00" for hour in range(24)]


def test_bars_are_as_high_as_their_values() -> None:
    """Twice as much is twice as high, and those of one stretch stand on each other."""
    drawn = bars("x", [Series("a", [10, 20], 0), Series("b", [0, 20], 1)], HOURS[:2], 3600)
    heights = [float(found) for found in re.findall(r'<rect class="fill\d"[^>]*height="([\d.]+)"', drawn)]
    assert heights[1] == pytest.approx(2 * heights[0], abs=0.2)
    assert len(heights) == 3


def test_a_line_is_broken_where_nothing_is_known() -> None:
    """Not drawn through it."""
    known = Figure(value=0.7, interval=(0.6, 0.8), n=100)
    drawn = lines("x", [Curve("auc", [known, known, None, known, known], 0)], HOURS[:5], 3600)
    assert drawn.count('class="line line0"') == 2
    assert drawn.count('class="band0"') == 2
    assert drawn.count("<circle") == 4


@pytest.mark.parametrize(
    "drawn",
    [
        bars("x", [], [], 60),
        bars("x", [Series("a", [0, None], 0)], HOURS[:2], 3600),
        lines("x", [Curve("a", [None, None], 0)], HOURS[:2], 3600),
        lines("x", [Curve("a", [Figure(value=0.5)], 0)], HOURS[:1], 3600),
        lines("x", [Curve("a", [Figure(value=0.0, interval=(0.0, 0.0))], 0)], HOURS[:1], 3600),
        histogram("x", []),
        histogram("x", [Bin(label="a", reference=0, now=0)]),
        heat("x", [], HOURS, 3600),
        heat("x", [Row("a" * 99, [None, 3], ["", ""])], HOURS[:2], 3600),
        reliability("x", []),
        reliability("x", [Calibration(predicted=0.1, observed=None, interval=None, rows=0)]),
    ],
)
def test_what_is_empty_is_a_chart_all_the_same(drawn: str) -> None:
    """Whole, and without numbers that are none."""
    assert Reader(drawn).tags[0] == "svg"
    assert "nan" not in drawn
    assert "inf" not in drawn


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 0.0), (5.0, 5.0), (-3.0, -1.0), (1e-9, 2e-9), (0.0, 1e12), (0.123, 0.124)]
)
def test_marks_hold_all_values(low: float, high: float) -> None:
    """A few round numbers around them."""
    found = ticks(low, high)
    assert found[0] <= low
    assert high <= found[-1]
    assert 2 <= len(found) <= 8


@pytest.mark.parametrize(
    ("seconds", "width"),
    [(30, 1), (118, 1), (130, 5), (3600, 60), (86_400, 1800), (29 * 86_400, 21_600), (400 * 86_400, 604_800)],
)
def test_a_scale_fits_its_period(seconds: int, width: int) -> None:
    """The finest with at most 120 stretches, which hold the first and the last moment."""
    first = 1_700_000_001 * SECOND
    scale = Scale.of(first, first + seconds * SECOND)
    assert scale.width == width * SECOND
    assert scale.count <= 120
    assert scale.start <= first
    assert first + seconds * SECOND < scale.start + scale.count * scale.width
