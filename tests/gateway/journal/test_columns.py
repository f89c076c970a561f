"""Many frames as columns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from msgspec import structs

from gateway.journal.columns import answers, refusals
from gateway.record import Field, Layout
from gateway.store.rows import table_of
from tests.gateway.journal.conftest import LAYOUT, answered, refused


def test_each_row_of_a_request_is_a_row() -> None:
    """What belongs to the request is repeated; what belongs to the row is not."""
    (found,) = answers([(LAYOUT, answered(name="a")), (LAYOUT, answered(name="b", rows=2))])
    assert found.request_id == ["a", "b", "b"]
    assert found.row.tolist() == [0, 0, 1]
    assert found.inputs["x"].tolist() == [[0, 1], [0, 1], [2, 3]]
    assert found.inputs["city"].tolist() == ["city 0", "city 0", "city 1"]
    assert found.outputs["y"].tolist() == [7, 7, 7]
    assert found.groups["sex"].tolist() == ["f", "f", "f"]
    assert found.revision.tolist() == [3, 3, 3]
    assert found.compute_us.tolist() == [2, 2, 2]
    assert (found.role, found.absent) == ("primary", {})


def test_layouts_and_roles_are_kept_apart() -> None:
    """Each gets its own columns."""
    other = structs.replace(LAYOUT, version=2)
    found = answers(
        [(LAYOUT, answered(name="a")), (other, answered(name="b")), (LAYOUT, answered(name="s", shadow=True))]
    )
    assert [(each.layout.version, each.role, each.request_id) for each in found] == [
        (1, "primary", ["a"]),
        (2, "primary", ["b"]),
        (1, "shadow", ["s"]),
    ]


def test_what_was_not_recorded_is_absent() -> None:
    """The rows of the request say so; the others keep their values."""
    cut = structs.replace(answered(name="large", rows=2), inputs=[None, None])
    (found,) = answers([(LAYOUT, answered(name="a")), (LAYOUT, cut)])
    assert found.absent["x"].tolist() == found.absent["city"].tolist() == [False, True, True]
    assert found.inputs["x"].shape == (3, 2)
    assert found.inputs["city"].tolist() == ["city 0", None, None]
    assert "y" not in found.absent


@pytest.mark.parametrize(
    ("field", "payload", "expected"),
    [
        (Field("v", "INT64", (-1, -1)), [(1, 3), np.arange(3).tobytes()], [0, 1, 2]),
        (Field("v", "BYTES", (-1, -1)), [(1, 2), ["a", "b"]], ["a", "b"]),
        (Field("v", "FP32", (-1, 1), hashed=True), ["0" * 32], "0" * 32),
        (Field("v", "BOOL", (-1, 1)), np.array([True]).tobytes(), True),
    ],
)
def test_every_kind_of_field(field: Field, payload: object, expected: object) -> None:
    """Rows of any length are lists; hashes are text."""
    layout = Layout("m", 1, "", True, (field,), ())
    frame = structs.replace(answered(), inputs=[payload], outputs=[])
    (found,) = answers([(layout, frame)])
    assert found.inputs["v"].tolist() == [expected]


def test_refusals_are_lists() -> None:
    """Times in µs."""
    found = refusals([refused()])
    assert (found.status, found.code, found.total_us, found.model) == ([503], ["overloaded"], [0], ["scale"])


@pytest.mark.parametrize("size", [0, 3])
@pytest.mark.parametrize(
    ("output", "part"),
    [
        (Field("y", "FP32", (-1, 1)), lambda size: bytes(4 * size)),
        (Field("y", "BYTES", (-1, 1)), lambda size: ["a"] * size),
        (Field("y", "INT64", (-1, -1)), lambda size: [(size, 2), bytes(16 * size)]),
    ],
)
def test_an_output_that_is_not_of_the_rows_is_absent(output: Field, part: Callable[[int], object], size: int) -> None:
    """Models exist that give what they find; such an answer is recorded without it, and costs the others nothing."""
    layout = Layout("m", 1, "", True, (), (output,))
    frames = [structs.replace(answered(), inputs=[], outputs=[part(n)], groups=[]) for n in (1, size)]
    (found,) = answers([(layout, frame) for frame in frames])
    assert len(found.outputs["y"]) == 2
    assert found.absent["output.y"].tolist() == [False, True]
    assert table_of(found).column("output.y").null_count == 1


def test_an_output_without_a_dimension_is_absent() -> None:
    """ONNX Runtime gives a scalar where [None, None] was declared, and one row was squeezed."""
    layout = Layout("m", 1, "", True, (), (Field("y", "FP32", (-1, -1)),))
    frames = [structs.replace(answered(), inputs=[], outputs=[[shape, bytes(4)]], groups=[]) for shape in ([], [1, 1])]
    (found,) = answers([(layout, frame) for frame in frames])
    assert found.outputs["y"].tolist() == [None, [0.0]]
    assert found.absent["output.y"].tolist() == [True, False]


def test_a_field_may_hold_no_values() -> None:
    """A dimension of 0 is a shape too: there are as many rows as were asked, each empty."""
    layout = Layout("m", 1, "", True, (Field("x", "FP32", (-1, 0)),), ())
    frames = [structs.replace(answered(rows=rows), inputs=[b""], outputs=[], groups=[]) for rows in (1, 2)]
    (found,) = answers([(layout, frame) for frame in frames])
    assert found.inputs["x"].shape == (3, 0)


def test_a_model_without_rows_gives_what_it_declares() -> None:
    """A list of any length: the first dimension counts no rows."""
    layout = Layout("m", 1, "", False, (), (Field("y", "FP32", (-1, 2)),))
    frame = structs.replace(answered(), inputs=[], outputs=[[(3, 2), bytes(24)]], groups=[])
    (found,) = answers([(layout, frame)])
    assert (found.outputs["y"].tolist(), found.absent) == ([[0.0] * 6], {})
