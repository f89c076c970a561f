"""Requests that were refused."""

from __future__ import annotations

import pytest
from scipy import stats

from monitors.quality.refusals import refusals


def test_refusals_are_counted_by_code() -> None:
    """All together, then each code; the total is tested against one in a hundred."""
    found = {one.subject: one for one in refusals(900, {"unknown_model": 30, "bad_input": 70})}
    assert list(found) == ["requests", "bad_input", "unknown_model"]
    assert [(one.value, one.n) for one in found.values()] == [(0.1, 1000), (0.07, 1000), (0.03, 1000)]
    total = found["requests"]
    assert total.matters
    assert total.p == pytest.approx(stats.binomtest(100, 1000, 0.01).pvalue, rel=1e-6)
    assert found["bad_input"].p is None


@pytest.mark.parametrize(("answered", "refused", "enough", "matters"), [(20, 9, False, True), (1000, 10, True, False)])
def test_few_refusals_are_no_matter(answered: int, refused: int, enough: bool, matters: bool) -> None:
    """Fewer than 30 requests say nothing; as many refusals as are put up with are not significant."""
    total = refusals(answered, {"bad_input": refused})[0]
    assert (total.enough, total.matters) == (enough, matters)
    assert total.p == 1 or not enough
