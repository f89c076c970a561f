"""The highest scores: the same rows whatever the order they come in."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitors.worst import LONGEST, Worst

ROWS = st.lists(st.tuples(st.integers(0, 5).map(float), st.text("ab", max_size=2)), max_size=30)


def of(rows: list[tuple[float, str]], capacity: int = 4) -> Worst:
    """What is kept of the rows."""
    worst = Worst(capacity)
    worst.add(np.array([score for score, _ in rows], np.float64), np.array([name for _, name in rows], object))
    return worst


@given(ROWS, st.randoms(use_true_random=False), st.integers(0, 30))
def test_order_and_division_make_no_difference(rows: list[tuple[float, str]], random: object, cut: int) -> None:
    """Shuffled, cut in two and merged, the same rows are kept: the first of all, sorted by score and then by id."""
    shuffled = rows.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    merged = of(shuffled[:cut])
    merged.merge(of(shuffled[cut:]))
    assert merged == of(rows)
    assert merged.rows == sorted(rows, key=lambda row: (-row[0], row[1]))[:4]


def test_rows_without_a_score_are_not_kept() -> None:
    """NaN is no score, and infinity is the highest."""
    assert of([(np.nan, "a"), (1.0, "b"), (np.inf, "c")]).rows == [(np.inf, "c"), (1.0, "b")]


def test_memory_is_bounded() -> None:
    """Neither many rows nor long ids make it grow."""
    worst = of([(float(score), "x" * 10_000) for score in range(1000)])
    assert len(worst.rows) == 4
    assert {len(name) for _, name in worst.rows} == {LONGEST}
