"""The alarms' states, and the levels that they are derived from."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from monitors.alarm import FORGOTTEN, Alarms
from monitors.budget import MONTH_S, MOST, Budget
from monitors.measurement import Measurement

KINDS = {
    ".": {"p": 0.6, "matters": False},  # quiet
    "w": {"p": 1e-3, "matters": True},  # weak: significant only if repeated
    "s": {"p": 1e-12, "matters": True},  # strong
    "t": {"p": 1e-12, "matters": False},  # too small to matter
    "l": {"p": 0.6, "matters": True},  # large, but may be an accident
    "?": {"p": 1e-12, "matters": True, "enough": False},  # too few rows
    "-": {"p": None},  # nothing tested
}
SHORT = {"ok": ".", "pending": "p", "firing": "F", "resolved": "r", "insufficient_data": "?"}


def measurement(kind: str, subject: str = "temp") -> Measurement:
    """One of `KINDS`."""
    return Measurement("drift", subject, "psi", 0.3, 1000, **KINDS[kind])


def states(alarms: Alarms, kinds: str) -> str:
    """The states that follow on windows of an hour with these measurements, a letter each."""
    return "".join(SHORT[alarms.judge(3600, [measurement(kind)])[0].state] for kind in kinds)


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        (".....", "....."),
        ("s", "F"),
        (".s....", ".FFFr."),
        ("w....", "pp..."),
        ("ww....", "pFFFr."),
        ("w.w....", "ppFFFr."),
        ("w..w...", "pp.pp.."),
        ("s..w...r"[:-1], "FFFFFFr"),
        ("s...s", "FFFrF"),
        ("s...w", "FFFrp"),
        ("tttt", "...."),
        ("llll", "...."),
        ("????", "????"),
        ("s?????...", "FFFFFFFFr"),
        ("w?w", "p?F"),
        ("w??..", "p??p."),
        ("s...?.", "FFFr?."),
        ("----", "...."),
    ],
)
def test_windows_lead_to_states(windows: str, expected: str) -> None:
    """Strong at once, weak when two of three; over after three without; too few rows change nothing."""
    assert states(Alarms(Budget(1)), windows) == expected


def test_a_state_tells_since_when() -> None:
    """The end of its first window: by the caller's clock, or by the seconds that were judged."""
    alarms = Alarms()
    assert [alarms.judge(60, [measurement(kind)])[0].since for kind in ".s.."] == [60, 120, 120, 120]
    assert alarms.judge(60, [measurement(".")], end=1e9)[0].since == 1e9


def test_a_change_of_state_is_news_once() -> None:
    """When it happens; also of a window that ended before others that were judged."""
    alarms = Alarms()
    judged = [
        alarms.judge(60, [measurement(kind)], end, look=0)[0] for kind, end in (("s", 300), ("s", 120), (".", 360))
    ]
    assert [(one.state, one.since, one.news) for one in judged] == [
        ("firing", 300, True),
        *[("firing", 300, False)] * 2,
    ]


def test_two_looks_at_one_window_confirm_nothing() -> None:
    """They share rows; another window's look of the same number does."""
    alarms = Alarms(Budget(1))

    def state(kind: str, look: int) -> str:
        return SHORT[alarms.judge(3600, [measurement(kind)], look=look)[0].state]

    assert [state("w", 0), state("w", 1), state("w", 1)] == ["p", "p", "F"]
    assert [state(".", 0) for _ in range(4)] == ["F"] * 4  # what more labels said is not refuted by fewer
    assert [state(".", 1) for _ in range(3)] == ["F", "F", "r"]


def test_an_alarm_of_looks_that_come_no_more_ends() -> None:
    """Labels may come sooner from some day on, so that there is one look at each window."""
    alarms = Alarms()
    alarms.judge(60, [measurement("s")], look=1)
    found = [alarms.judge(60, [measurement(".")], look=0)[0].state for _ in range(FORGOTTEN)]
    assert found == ["firing"] * (FORGOTTEN - 1) + ["resolved"]


@pytest.mark.parametrize("delays", [(0, 0, 0), (0, 3, 7), (0, 100, 200)])
def test_looking_again_spends_no_more(delays: tuple[int, ...]) -> None:
    """Windows that are judged on 100, 400 and 1,600 labels, at once or while others come, alarm no more than asked for."""
    random, windows, asked = np.random.default_rng(2), 40_000, 0.01
    sums = np.cumsum(random.normal(size=(windows, 3)) * np.sqrt([100, 300, 1200]), 1)
    p = (2 * stats.norm.sf(np.abs(sums) / np.sqrt([100, 400, 1600]))).tolist()
    alarms, onsets = Alarms(Budget(asked)), 0
    for turn in range(windows + max(delays)):
        for look, window in enumerate(turn - delay for delay in delays):
            if 0 <= window < windows:
                found = Measurement("performance", "mae", "realised", 0.0, 100, p=p[window][look], matters=True)
                (judged,) = alarms.judge(MONTH_S, [found], look=look)
                onsets += judged.news and judged.state == "firing"
    expected = asked * windows
    assert expected / 2 < onsets < expected + 3 * np.sqrt(expected)


def test_series_are_apart() -> None:
    """What one feature does is nothing to another."""
    alarms = Alarms()
    for _ in range(3):
        loud, quiet = alarms.judge(60, [measurement("s"), measurement(".", "wind")])
        assert (loud.state, quiet.state) == ("firing", "ok")


@given(st.text("".join(KINDS), max_size=30), st.text("".join(KINDS), max_size=30))
def test_a_checkpoint_changes_nothing(before: str, after: str) -> None:
    """Through JSON and back, in the middle of anything."""
    one, other = Alarms(), Alarms()
    states(one, before)
    other.load(json.loads(json.dumps(one.dump())))
    assert states(other, after) == states(one, after)
    assert other.dump() == one.dump()


def test_series_that_end_are_forgotten() -> None:
    """However many there ever were, memory holds those of late."""
    alarms = Alarms()
    for window in range(10 * FORGOTTEN):
        alarms.judge(60, [measurement("s", f"slice {window}")])
    assert len(alarms.dump()["series"]) == FORGOTTEN


@pytest.mark.parametrize("tests", [1, 60, 1000])
@pytest.mark.parametrize("seconds", [60.0, 3600.0])
@pytest.mark.parametrize(("k", "of"), [(2, 3), (3, 5), (2, 2), (4, 4)])
def test_the_levels_spend_the_budget(tests: int, seconds: float, k: int, of: int) -> None:
    """One half at once; the other on k of m, where the last window completes them."""
    levels = Budget(1, k, of).levels(seconds, tests)
    half = seconds / MONTH_S / tests / 2
    rate = levels.repeated * stats.binom.sf(k - 2, of - 1, levels.repeated)
    assert levels.at_once == pytest.approx(half)
    assert half <= levels.repeated <= MOST
    assert rate == pytest.approx(half, rel=2e-3) if levels.repeated < MOST else rate <= half


def test_the_level_of_two_of_three_is_the_square_root() -> None:
    """Two ways to have had one before: 2 α² is the half."""
    levels = Budget(1).levels(60, 60)
    assert 2 * levels.repeated**2 == pytest.approx(levels.at_once, rel=1e-2)


def test_windows_that_share_a_small_reference_repeat_their_errors() -> None:
    """The smaller the reference, the stricter the level; from almost independent to almost the same window again."""
    free = Budget().levels(60, 60, 1000)
    levels = [Budget(reference_rows=rows).levels(60, 60, 1000) for rows in (10**6, 10**5, 10**4, 10**3, 10**2, 10)]
    repeated = [level.repeated for level in levels]
    assert repeated == sorted(repeated, reverse=True)
    assert 0.8 * free.repeated < repeated[0] < free.repeated
    assert repeated[-1] == pytest.approx(free.at_once)
    assert {level.at_once for level in levels} == {free.at_once}


@pytest.mark.parametrize("correlation", [0.1, 0.5, 0.9])
def test_the_level_for_a_shared_reference_is_right(correlation: float) -> None:
    """Simulated: three windows whose errors have a part in common complete two of three as often as asked."""
    random = np.random.default_rng(1)
    rate = 2e-3
    reference = round(1000 / correlation - 1000)
    level = Budget(2 * rate, reference_rows=reference).levels(MONTH_S, 1, 1000).repeated
    common = random.normal(size=(400_000, 1))
    z = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * random.normal(size=(400_000, 3))
    hit = np.abs(z) > stats.norm.isf(level / 2)
    found = (hit[:, 2] & (hit[:, 0] | hit[:, 1])).mean()
    assert 0.75 * rate < found < 1.1 * rate


def test_a_level_is_never_weaker_than_one_in_twenty() -> None:
    """Windows of a year, or a user who does not mind."""
    levels = Budget(1e6).levels(86400 * 365, 1)
    assert (levels.at_once, levels.repeated) == (MOST, MOST)


def test_no_false_alarms_are_no_alarms() -> None:
    """Nothing is certain."""
    assert states(Alarms(Budget(0)), "sssws") == "....."


def test_one_of_one_has_nothing_to_wait_for() -> None:
    """The whole budget goes to alarms at once, and nothing is ever pending."""
    levels = Budget(1, 1, 1).levels(60, 1)
    assert levels.at_once == levels.repeated == pytest.approx(60 / MONTH_S)
    assert states(Alarms(Budget(1, 1, 1)), ".s.s") == ".FrF"


@pytest.mark.parametrize("arguments", [(1, 0, 3), (1, 4, 3), (-1, 2, 3), (float("nan"), 2, 3), (float("inf"), 2, 3)])
def test_a_budget_that_means_nothing_is_refused(arguments: tuple[float, int, int]) -> None:
    """The message says what was found and what was expected."""
    with pytest.raises(ValueError, match=r"found .*, expected"):
        Budget(*arguments)
