"""The check that a request fits the model."""

from __future__ import annotations

import re

import numpy as np
import pytest

from gateway.errors import BadRequest
from gateway.query import Query, Wanted
from gateway.signature import Signature, Spec, parse_datatype, shown
from gateway.tensor import Tensor

SIGNATURE = Signature(
    "credit/3",
    [Spec("age", "INT64", (-1,)), Spec("history", "FP32", (-1, 3))],
    [Spec("score", "FP32", (-1, 1)), Spec("class", "INT64", (-1,))],
)


def age(rows: int = 2) -> Tensor:
    """A fitting input."""
    return Tensor("age", "INT64", np.zeros(rows, np.int64))


def history(*shape: int) -> Tensor:
    """The other input, of this shape."""
    return Tensor("history", "FP32", np.zeros(shape, np.float32))


def test_a_fitting_query_gives_rows_by_name_and_their_number() -> None:
    """Inputs may come in any order."""
    rows, count = SIGNATURE.fit(Query("", [history(2, 3), age()]))
    assert (sorted(rows), count) == (["age", "history"], 2)


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        (
            [age(), history(2, 3), Tensor("wage", "FP32", np.zeros(2))],
            'input "wage": credit/3 has no such input; it takes age, history',
        ),
        ([age(), age(), history(2, 3)], 'input "age": given twice'),
        ([Tensor("age", "FP32", np.zeros(2)), history(2, 3)], 'input "age": datatype FP32, but credit/3 expects INT64'),
        ([age(), history(2, 4)], 'input "history": shape [2, 4], but credit/3 expects [-1, 3]'),
        ([age(), history(6)], 'input "history": shape [6], but credit/3 expects [-1, 3]'),
        ([age()], "missing input history: credit/3 needs every input"),
        ([], "missing input age, history: credit/3 needs every input"),
        ([age(3), history(2, 3)], "inputs differ in their first dimension, the rows: age 3, history 2"),
        ([age(0), history(0, 3)], "no rows: the first dimension of every input is 0, but credit/3 needs at least 1"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(inputs: list[Tensor], sentence: str) -> None:
    """The message says which input, what was found, and what was expected."""
    with pytest.raises(BadRequest, match=f"^{re.escape(sentence)}$"):
        SIGNATURE.fit(Query("", inputs))


@pytest.mark.parametrize(
    ("inputs", "outputs", "batched"),
    [
        ([(-1, 2)], [(-1,)], True),
        ([(-1, 2), (-1,)], [(-1, 1)], True),
        ([(1, 2)], [(-1,)], False),
        ([(-1, 2)], [(1,)], False),
        ([(-1, 2), ()], [(-1,)], False),
        ([(-1, 2)], [()], False),
        ([], [(-1,)], False),
    ],
)
def test_a_model_is_batched_if_every_tensor_begins_with_a_free_dimension(
    inputs: list[tuple[int, ...]], outputs: list[tuple[int, ...]], batched: bool
) -> None:
    """One tensor with a fixed first dimension, or none, and rows cannot be counted."""
    signature = Signature(
        "m/1",
        [Spec(f"x{index}", "FP32", shape) for index, shape in enumerate(inputs)],
        [Spec(f"y{index}", "FP32", shape) for index, shape in enumerate(outputs)],
    )
    assert signature.batched is batched


def test_a_model_without_batches_answers_one_row_whatever_its_shape() -> None:
    """Even an empty tensor fits where the model's own shape says so."""
    signature = Signature("m/1", [Spec("x", "FP32", (-1, 2))], [Spec("y", "FP32", (1,))])
    assert signature.fit(Query("", [Tensor("x", "FP32", np.zeros((0, 2)))]))[1] == 1


def test_no_outputs_asked_for_means_all() -> None:
    """None stands for every output, in the model's order."""
    assert SIGNATURE.choose([]) is None


def test_outputs_are_chosen_in_the_order_asked_for() -> None:
    """The client's order is kept."""
    assert SIGNATURE.choose([Wanted("class"), Wanted("score")]) == ["class", "score"]


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["price"], 'output "price": credit/3 has no such output; it gives score, class'),
        (["score", "class", "score"], 'output "score": asked for twice'),
    ],
)
def test_outputs_that_cannot_be_given_are_refused(names: list[str], sentence: str) -> None:
    """An unknown output, or one asked for twice."""
    with pytest.raises(BadRequest, match=f"^{re.escape(sentence)}$"):
        SIGNATURE.choose([Wanted(name) for name in names])


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("age", "age"),
        ("größe", "größe"),
        ("a\nb", "a\\nb"),
        ("\x1b[31m", "\\x1b[31m"),
        ("x" * 100, "x" * 80 + "…"),
        ("\ud800", "\\ud800"),
    ],
)
def test_names_from_outside_are_shown_plain_and_short(name: str, plain: str) -> None:
    """Nothing that a client calls a tensor can forge a log line or fill it."""
    assert shown(name) == plain


def test_a_datatype_that_the_protocol_lacks_is_refused() -> None:
    """The message lists those that it has."""
    assert parse_datatype("FP32", "x") == "FP32"
    with pytest.raises(BadRequest, match='input "x": unknown datatype "FP8"; expected one of BOOL, UINT8'):
        parse_datatype("FP8", "x")
