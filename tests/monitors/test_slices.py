"""Slices: which rows belong to one, and that a monitor of a slice sees those alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monitors.quality.columns import ColumnQuality
from monitors.record import Batch
from monitors.reference import Reference
from monitors.schema import ColumnSpec, Schema
from monitors.slices import Slice, Sliced, sliced, slices
from monitors.view import View


def batch(rows: int = 600) -> Batch:
    """Two columns and one group, of which the first repeats every three rows and the last every two."""
    carriers = np.resize(np.array(["UA", "DL", "AA"], object), rows)
    cohort = np.resize(np.array(["old", None], object), rows)
    ids = np.arange(rows).astype(str).astype(object)
    return Batch(np.arange(rows), ids, {"carrier": carriers, "hour": np.arange(rows) % 24}, groups={"cohort": cohort})


@pytest.fixture(scope="module")
def reference() -> Reference:
    """The profile of such rows."""
    schema = Schema((ColumnSpec("carrier", "categorical"), ColumnSpec("hour", "numeric")))
    return Reference.build(batch().columns, schema)


@pytest.mark.parametrize(
    ("conditions", "name", "rows"),
    [
        ({"carrier": ("UA", "DL")}, "carrier=UA,DL", 400),
        ({"carrier": ("UA",), "cohort": ("old",)}, "carrier=UA & cohort=old", 100),
        ({"hour": (0, 1, "x")}, "hour=0,1,x", 50),
        ({"hour": ("x",)}, "hour=x", 0),
        ({"carrier": (1,)}, "carrier=1", 0),
        ({"gone": ("UA",)}, "gone=UA", 0),
    ],
)
def test_rows_that_match_all_conditions_belong(conditions: dict[str, Any], name: str, rows: int) -> None:
    """Values are compared as they are, columns and groups alike; what was not recorded matches nothing."""
    part = Slice(conditions)
    assert part.name == name
    assert int(part.mask(batch()).sum()) == rows


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ([{}], "without a column"),
        ([{"carrier": []}], "carrier: found .*, expected a list"),
        ([{"carrier": "UA"}], "carrier: found 'UA', expected a list"),
        ([{"carrier": ["UA"]}, {"carrier": ["UA"]}], "carrier=UA stands more than once"),
    ],
)
def test_what_is_no_slice_is_refused(declared: Any, message: str) -> None:
    """With the column that is wrong."""
    with pytest.raises(ValueError, match=message):
        slices(declared)


def test_a_monitor_of_a_slice_finds_what_it_would_find_there(reference: Reference) -> None:
    """The same as the monitor itself on those rows alone, under a name that says so; its view is made once."""
    part = Slice({"carrier": ("UA", "DL")})
    inner = ColumnQuality(reference)
    (outer,) = sliced([inner], [part])
    assert isinstance(outer, Sliced)
    assert (outer.name, outer.feed) == (inner.name, inner.feed)
    rows, state, expected = batch(), outer.begin(), inner.begin()
    view = View(rows, reference)
    outer.fold(state, view)
    inner.fold(expected, View(rows.take(part.mask(rows)), reference))
    assert part.view(view) is part.view(view)
    found, plain = outer.measure(state), inner.measure(expected)
    assert [one.subject for one in found] == [f"{one.subject} [carrier=UA,DL]" for one in plain]
    assert [(one.value, one.n, one.p) for one in found] == [(one.value, one.n, one.p) for one in plain]


def test_a_batch_without_rows_of_the_slice_changes_nothing(reference: Reference) -> None:
    """The state stays that of no rows."""
    outer = Sliced(ColumnQuality(reference), Slice({"carrier": ("ZZ",)}))
    state = outer.begin()
    outer.fold(state, View(batch(), reference))
    assert not any(one.n for one in outer.measure(state))
