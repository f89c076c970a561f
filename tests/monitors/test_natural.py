"""What the training period did by itself is no news when it comes again."""

from __future__ import annotations

import numpy as np
import pytest

from monitors.errors import ReferenceRefused
from monitors.measurement import Measurement
from monitors.natural import Natural

DAY = 86_400.0
KEY = ("drift", "temp", "psi")
CONSTANT = ("quality", "rain", "constant")


def natural(seconds: bool = True) -> Natural:
    """Of 100, 1,000 and 10,000 rows, which took a tenth of a day, a day and ten days."""
    nan = float("nan")
    return Natural(
        (KEY, CONSTANT),
        np.array([100, 1000, 10_000]),
        np.array([0.1, 1, 10]) * DAY if seconds else np.full(3, nan),
        np.array([0.2, 0.0], np.float32),
        np.array([[-0.2, -0.1, 0], [0, 0, 0]], np.float32),
        np.array([[2, 1, 0.5], [1, 1, 0]], np.float32),
    )


def found(low: float, high: float, **changed: object) -> Measurement:
    """A measurement with that interval."""
    fields = {"interval": (low, high), "p": 1e-9, "matters": True} | changed
    return Measurement(*KEY, (low + high) / 2, 1000, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rows", "seconds", "edge"),
    [
        (1000, DAY, 1.5),
        (1000, 30 * DAY, 1.5),
        (10, DAY, 3.0),
        (10**6, 100 * DAY, 0.75),
        # Half-way in the logarithm.
        (316, DAY, 2.25),
        # Denser than in training: a day of it, whatever the rows; and less than any block lasted.
        (50_000, DAY, 1.5),
        (50_000, 60, 3.0),
    ],
)
def test_what_is_natural_follows_from_rows_and_time(rows: int, seconds: float, edge: float) -> None:
    """Half as far again as the farthest block of as many rows, or as long, whichever is smaller."""
    for away, matters in ((-0.01, False), (0.01, True)):
        low = 0.2 + edge + away
        one = natural().weigh(found(low, low + 1), rows, seconds)
        assert one.matters is matters
        assert one.detail["natural"][1] == pytest.approx(0.2 + edge, abs=2e-3)


@pytest.mark.parametrize(
    ("low", "high", "matters"),
    [(1.0, 9.0, False), (1.8, 1.9, True), (0.0, 0.04, True), (0.0, 0.06, False), (-5.0, 5.0, False)],
)
def test_only_what_is_certain_departs(low: float, high: float, matters: bool) -> None:
    """The nearer edge of the interval must be beyond the natural, to either side."""
    one = natural().weigh(found(low, high), 1000, DAY)
    assert (one.matters, "as_in_training" in one.detail) == (matters, not matters)
    small = natural().weigh(found(low, high, matters=False), 1000, DAY)
    assert "as_in_training" not in small.detail


def test_rows_without_times_are_judged_by_their_number() -> None:
    """Random blocks have no duration."""
    assert not natural(seconds=False).weigh(found(1.6, 9), 1000, 60).matters
    assert natural(seconds=False).weigh(found(1.8, 9), 1000, 60).matters
    assert (natural().timed, natural(seconds=False).timed) == (True, False)


@pytest.mark.parametrize(("rows", "matters"), [(800, False), (1400, False), (9000, False), (16_000, True)])
def test_a_value_may_stay_half_as_long_again_as_it_did(rows: int, matters: bool) -> None:
    """What has no interval is so or is not; the margin is one of rows."""
    one = Measurement(*CONSTANT, 1.0, rows, p=1e-9, matters=True)
    assert natural().weigh(one, rows, 100 * DAY).matters is matters


def test_what_is_not_known_or_not_tested_is_left_alone() -> None:
    """Other measurements pass, and what does not matter never comes to."""
    other = Measurement("drift", "wind", "psi", 0.3, 1000, p=1e-9, matters=True)
    untested = found(0.3, 0.4, p=None)
    assert natural().weigh(other, 1000, DAY) is other
    assert natural().weigh(untested, 1000, DAY) is untested
    assert not natural().weigh(found(90, 91, matters=False), 1000, DAY).matters


def test_arrays_that_do_not_fit_are_refused() -> None:
    """One row for each key, one column for each size."""
    good = natural()
    with pytest.raises(ReferenceRefused, match="natural: found arrays"):
        Natural(good.keys[:1], good.sizes, good.seconds, good.centre, good.low, good.high)
