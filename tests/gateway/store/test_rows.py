"""Answers as Arrow tables and back."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gateway.record import Field
from gateway.store.columns import CONSTANT, LABEL, LABEL_TIME, columns, fit_label, label_type
from gateway.store.rows import answers_of, complete, table_of
from gateway.tensor import DATATYPES
from tests.gateway.store.answering import START, answers, layout

NUMERIC = sorted(set(DATATYPES) - {"BYTES"})


def test_the_columns_stand_in_their_order() -> None:
    """What leads is of the gateway; inputs, groups and outputs follow by their names."""
    names = columns(layout()).schema.names
    assert names[:4] == ["request_id", "row", "time", "model"]
    assert names[14:] == [
        *("label", "label_time", "distance", "hour", "carrier", "weather"),
        *("group.region", "output.score", "output.late"),
    ]


def test_an_input_hides_no_column() -> None:
    """One with a name that is taken gets a longer one; no two columns have one name."""
    inputs = tuple(Field(name, "FP32", (-1, 1)) for name in ("time", "input.time", "output.score", "age"))
    known = columns(layout(inputs=inputs, groups=()))
    assert known.inputs == {
        "input.time": "input.time",
        "age": "age",
        "time": "input.input.time",
        "output.score": "input.output.score",
    }
    assert len(set(known.schema.names)) == len(known.schema.names)


def test_rows_come_back_as_they_were() -> None:
    """All that the monitors use, to the microsecond; what is missing is missing again."""
    sent = answers([f"id-{one}" for one in range(9)])
    found = answers_of(table_of(sent), sent.layout, "primary")
    for name in ("request_id", "trace_id", "route", "cohort"):
        assert getattr(found, name) == getattr(sent, name)
    for name in ("row", "time", "revision", "queue_us", "compute_us", "total_us"):
        np.testing.assert_array_equal(getattr(found, name), getattr(sent, name))
        assert getattr(found, name).dtype == getattr(sent, name).dtype
    for name, values in (*sent.inputs.items(), *sent.outputs.items()):
        back = {**found.inputs, **found.outputs}[name]
        np.testing.assert_array_equal(back, values if name == "weather" else values.reshape(-1))
        assert back.dtype == values.dtype
    assert found.groups["region"].tolist() == ["north"] * 9
    assert found.absent["carrier"].tolist() == [one % 3 == 0 for one in range(9)]


@given(
    st.sampled_from(NUMERIC).flatmap(
        lambda name: st.tuples(
            st.just(name),
            hnp.arrays(DATATYPES[name].dtype, (4, 2), elements={"allow_nan": False} if "FP" in name else None),
        )
    ),
    st.lists(st.booleans(), min_size=4, max_size=4),
    st.booleans(),
)
def test_every_datatype_comes_back(
    column: tuple[str, np.ndarray[tuple[int, int], np.dtype[np.generic]]], gaps: list[bool], wide: bool
) -> None:
    """Bit for bit, one value in a row or two; gaps stay gaps."""
    datatype, values = column
    values = values if wide else values[:, :1]
    shape = (-1, values.shape[1])
    sent = answers(["a", "b", "c", "d"])
    plan = layout(inputs=(Field("x", datatype, shape),), groups=())
    object.__setattr__(sent, "layout", plan)
    object.__setattr__(sent, "inputs", {"x": values})
    object.__setattr__(sent, "absent", {"x": np.array(gaps)} if any(gaps) else {})
    found = answers_of(table_of(sent), plan, "primary")
    here = ~np.array(gaps)
    if datatype == "BF16":  # a signalling NaN may come back quiet
        finite = (values & 0x7F80) != 0x7F80
        values, back = np.where(finite, values, 0), found.inputs["x"].reshape(values.shape)
        np.testing.assert_array_equal(np.where(finite, back, 0)[here], values[here])
    else:
        np.testing.assert_array_equal(found.inputs["x"].reshape(values.shape)[here], values[here])
    assert found.inputs["x"].dtype == values.dtype
    if any(gaps):
        assert found.absent["x"].tolist() == gaps


def test_rows_of_varying_width_are_lists_that_joined_rows_leave_out() -> None:
    """They are stored; but rows of several requests do not stack."""
    fields = (Field("tokens", "INT64", (-1, -1)), Field("words", "BYTES", (-1, -1)), Field("half", "BF16", (-1, -1)))
    plan = layout(inputs=fields, groups=())
    ragged = np.empty((3, 3), object)
    ragged[0] = [1, 2], [3], None
    ragged[1] = ["x"], ["y", "z"], None
    ragged[2] = [0x3F80, 0x4000], [], None
    sent = answers(["a", "b", "c"])
    object.__setattr__(sent, "layout", plan)
    object.__setattr__(sent, "inputs", dict(zip(("tokens", "words", "half"), ragged, strict=True)))
    object.__setattr__(sent, "absent", {"tokens": np.array([False, False, True])})
    table = table_of(sent)
    assert table.column("tokens").to_pylist() == [[1, 2], [3], None]
    assert table.column("words").to_pylist() == [["x"], ["y", "z"], None]
    assert table.column("half").to_pylist() == [[1.0, 2.0], [], None]
    assert answers_of(table, plan, "primary").inputs == {}


def test_rows_of_no_values_are_empty_lists() -> None:
    """A dimension of 0 is a shape too."""
    sent = answers(["a", "b"])
    sent = dataclasses.replace(
        sent,
        layout=layout(inputs=(Field("x", "FP32", (-1, 0)),), groups=()),
        inputs={"x": np.zeros((2, 0), np.float32)},
        groups={},
        absent={},
    )
    table = table_of(sent)
    assert table.column("x").to_pylist() == [[], []]
    assert answers_of(table, sent.layout, "primary").inputs["x"].shape == (2, 0)


def test_a_hashed_number_is_text_and_a_group_too() -> None:
    """Whatever the datatype says; parameters that are numbers or booleans become JSON."""
    plan = layout(inputs=(Field("age", "INT64", (-1, 1), hashed=True),), groups=("member",))
    sent = answers(["a", "b", "c"])
    object.__setattr__(sent, "layout", plan)
    object.__setattr__(sent, "inputs", {"age": np.array([["0f"] * 1] * 3, object)})
    object.__setattr__(sent, "groups", {"member": np.array(["yes", True, None], object)})
    table = table_of(sent)
    assert table.column("age").to_pylist() == ["0f"] * 3
    assert table.column("group.member").to_pylist() == ["yes", "true", None]


def test_a_wide_row_of_nothing_but_nan_was_not_sent() -> None:
    """It is null, not a list of NaN; one number in it makes it a list."""
    sent = answers(["a", "b", "c"])
    weather = np.array([[np.nan] * 3, [np.nan, 1, np.nan], [1, 2, 3]], np.float32)
    object.__setattr__(sent, "inputs", {**sent.inputs, "weather": weather})
    found = table_of(sent).column("weather")
    assert found.is_null().to_pylist() == [True, False, False]


def test_constant_columns_are_added() -> None:
    """Model, version, role and status are the same in a whole file."""
    sent = answers(["a", "b"])
    kind = label_type(sent.layout)
    table = complete(table_of(sent), sent.layout, "shadow", pa.nulls(2, kind), pa.nulls(2, pa.timestamp("us", "UTC")))
    assert [table.column(name)[1].as_py() for name in CONSTANT] == ["flights", 1, "shadow", 200]
    assert table.column("time")[0].value == START // 1000
    assert {LABEL, LABEL_TIME} <= set(table.schema.names)


@pytest.mark.parametrize(
    ("changes", "kind", "fits", "refused"),
    [
        ({}, pa.int64(), {True: 1, 0.0: 0}, ("1", 0.5, None, [1], float("nan"), 2**63)),
        ({"classes": ("cat", "dog")}, pa.string(), {"cat": "cat"}, (1, True, None)),
        ({"task": "regression"}, pa.float64(), {1: 1.0, 2.5: 2.5}, ("1", None, float("inf"))),
        ({"task": "other"}, pa.string(), {"a": '"a"', 3: "3"}, ()),
        ({"task": "multiclass", "classes": ()}, pa.int64(), {3: 3}, ("cat",)),
        (
            {"task": "multiclass", "classes": (), "outputs": (Field("late", "BYTES", (-1,)),)},
            pa.string(),
            {"cat": "cat"},
            (3,),
        ),
    ],
)
def test_a_label_has_the_type_of_the_classes(
    changes: dict[str, object], kind: pa.DataType, fits: dict[object, object], refused: tuple[object, ...]
) -> None:
    """It is held in that type, or not at all."""
    plan = layout(**changes)
    assert label_type(plan) == kind
    assert [fit_label(value, plan) for value in fits] == list(fits.values())
    assert [fit_label(value, plan) for value in refused] == [None] * len(refused)
