"""Recorded inputs become what they were when the primary took them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gateway.journal.frame import Answered
from gateway.manifest import Column, Manifest
from gateway.policy import Policy, recipe
from gateway.shadow.fitting import Fitting
from gateway.signature import Signature, Spec
from gateway.tensor import DATATYPES

ALL = [Spec(name.lower(), name, (-1, 2)) for name in DATATYPES]


def recorded(
    specs: list[Spec], arrays: list[dict[str, Any]], policy: Policy | None = None
) -> tuple[Any, list[Answered]]:
    """The layout of a primary that takes these, and its frames."""
    columns = tuple(Column.model_validate(spec._asdict()) for spec in specs)
    manifest = Manifest(name="m", version=1, inputs=columns, outputs=columns[:1])
    made = recipe(manifest, Signature("m/1", specs, specs[:1]), "", policy or Policy(), b"k" * 32)
    assert made
    frames = [
        Answered(0, "", None, 0, False, "", 0, None, len(a[specs[0].name]) if specs[0].shape[0] == -1 else 1, 0, 0, 0,
                 [encode(a[name]) for name, encode in made.inputs], [], [])
        for a in arrays
    ]  # fmt: skip
    return made.layout, frames


def values(spec: Spec, rows: int) -> Any:
    """Some of its datatype."""
    dtype = DATATYPES[spec.datatype].dtype
    numbers = np.arange(rows * 2).reshape(rows, 2)
    return numbers.astype(str).astype(object) if dtype.kind == "O" else numbers.astype(dtype)


def test_every_datatype_comes_back_as_it_was() -> None:
    """Rows of several requests, one behind the other."""
    arrays = [{spec.name: values(spec, rows) for spec in ALL} for rows in (1, 3)]
    layout, frames = recorded(ALL, arrays)
    fitting = Fitting(layout, Signature("m/2", ALL[::-1], ALL[:1]))
    assert {fitting.shapes(frame) for frame in frames} == {()}
    rows, count = fitting.rows(frames)
    assert count == 4
    for spec in ALL:
        expected = np.concatenate([array[spec.name] for array in arrays])
        assert rows[spec.name].dtype == expected.dtype
        assert np.array_equal(rows[spec.name], expected)


def test_rows_that_differ_in_shape_are_not_run_together() -> None:
    """Each shape on its own."""
    spec = Spec("x", "FP32", (-1, -1))
    arrays: list[dict[str, Any]] = [{"x": np.ones((2, width), np.float32)} for width in (1, 3, 1)]
    layout, frames = recorded([spec], arrays)
    fitting = Fitting(layout, Signature("m/2", [spec], [spec]))
    assert [fitting.shapes(frame) for frame in frames] == [((1,),), ((3,),), ((1,),)]
    rows, count = fitting.rows([frames[0], frames[2]])
    assert (rows["x"].shape, count) == ((4, 1), 4)
    narrow = Fitting(layout, Signature("m/3", [Spec("x", "FP32", (-1, 3))], [spec]))
    assert [narrow.shapes(frame) for frame in frames] == ["shape", ((3,),), "shape"]


def test_a_model_without_rows_is_asked_as_it_was() -> None:
    """Its shape has no batch in it."""
    spec = Spec("x", "FP32", (3,))
    layout, frames = recorded([spec], [{"x": np.arange(3, dtype=np.float32)}])
    rows, count = Fitting(layout, Signature("m/2", [spec], [spec])).rows(frames)
    assert rows["x"].tolist() == [0, 1, 2]
    assert count == 1


@pytest.mark.parametrize(
    ("takes", "policy", "reason"),
    [
        ([Spec("y", "FP32", (-1, 2))], Policy(), "not_recorded"),
        ([Spec("x", "FP64", (-1, 2))], Policy(), "datatype"),
        ([Spec("x", "FP32", (-1, 3))], Policy(), "shape"),
        ([Spec("x", "FP32", (-1,))], Policy(), "shape"),
        ([Spec("x", "FP32", (2,))], Policy(), "shape"),
        ([Spec("x", "FP32", (-1, 2))], Policy(redact={"x": "hash"}), "hashed"),
        ([Spec("x", "FP32", (-1, 2))], Policy(redact={"x": "drop"}), "not_recorded"),
    ],
)
def test_why_a_primary_cannot_be_shadowed(takes: list[Spec], policy: Policy, reason: str) -> None:
    """Told by the layout alone, for all of its requests."""
    spec = Spec("x", "FP32", (-1, 2))
    layout, frames = recorded([spec], [{"x": np.ones((1, 2), np.float32)}], policy)
    fitting = Fitting(layout, Signature("m/2", takes, takes))
    assert (fitting.reason, fitting.shapes(frames[0])) == (reason, reason)
