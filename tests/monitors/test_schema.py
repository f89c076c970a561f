"""What the columns are: a schema never contradicts itself."""

from __future__ import annotations

from typing import Any

import pytest

from monitors.errors import ReferenceRefused
from monitors.schema import ColumnSpec, Schema


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ColumnSpec("a", "text"), "kind 'text', expected one of numeric, categorical, wide"),  # type: ignore[arg-type]
        (lambda: ColumnSpec("a", "numeric", ("x",)), "categories are given, but its kind is numeric"),
        (lambda: ColumnSpec("a", "categorical", ("x", "x")), "each category may stand once"),
        (lambda: Schema((ColumnSpec("a", "wide"), ColumnSpec("a", "wide"))), "each name may stand once, found a, a"),
        (lambda: Schema((), "ranking"), "task 'ranking', expected one of binary"),  # type: ignore[arg-type]
        (lambda: Schema((), "binary", (1,)), "a binary task has 2 classes, found 1"),
        (lambda: Schema((), "multiclass", (1, 1)), "classes: each may stand once"),
    ],
)
def test_unfit_schemas_are_refused(make: Any, message: str) -> None:
    """A schema that contradicts itself is refused where it is made."""
    with pytest.raises(ReferenceRefused, match=message):
        make()
