"""From a row of a file to a label."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from gateway.errors import BadRequest
from gateway.labels.files import Row
from gateway.labels.label import Domain
from gateway.labels.reading import outgoing
from gateway.labels.sending import Outgoing

FLIGHTS = (Domain("int64", (0, 1)),)
NOON = datetime(2013, 4, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("row", "text", "label"),
    [
        (Row(1, "a", "1"), True, Outgoing("a", 1)),
        (Row(1, "a", "true", "2013-04-01T12:00:00Z", "2"), True, Outgoing("a", 1, NOON, 2)),
        (Row(1, "a", "1", "1.5"), True, Outgoing("a", 1, 1.5)),
        (Row(1, 17, 1.0, NOON, 2.0), False, Outgoing("17", 1.0, NOON, 2)),
        (Row(1, "a", True, 3), False, Outgoing("a", True, 3)),
        (Row(1, "a"), False, None),
        (Row(1, "a", math.nan), False, None),
    ],
)
def test_a_row_is_a_label(row: Row, text: bool, label: Outgoing | None) -> None:
    """Or none, if it is not known yet."""
    assert outgoing(row, "flights", FLIGHTS, text=text) == label


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (Row(1, None, 1), "id: found nothing, expected the id of a request"),
        (Row(1, 1.5, 1), "id: found 1.5, expected the id of a request"),
        (Row(1, "", 1), "id: found an empty string"),
        (Row(1, "ü", 1), "id: expected at most 128 printable ASCII characters"),
        (Row(1, "a", "x"), 'label: found "x", but flights expects one of 0, 1'),
        (Row(1, "a", [1]), "label: found list, expected one of 0, 1"),
        (Row(1, "a", 1, "noon"), 'time: found "noon", expected a time such as'),
        (Row(1, "a", 1, "2013-04-01"), "time: found 2013-04-01T00:00:00, expected a time with its zone"),
        (Row(1, "a", 1, True), "time: found true, expected a time such as"),
        (Row(1, "a", 1, None, -1), "row: found -1, expected a whole number >= 0"),
        (Row(1, "a", 1, None, "x"), 'row: found "x", expected'),
        (Row(1, "a", 1, None, 1.5), "row: found 1.5, expected"),
        (Row(1, "a", 1, None, True), "row: found true, expected"),
        (Row(1, problem="found 1 cells, expected 2"), "found 1 cells, expected 2"),
    ],
)
def test_a_wrong_row_says_what_is_wrong(row: Row, sentence: str) -> None:
    """With its column."""
    with pytest.raises(BadRequest) as refused:
        outgoing(row, "flights", FLIGHTS, text=False)
    assert refused.value.message.startswith(sentence)


def test_text_that_no_version_takes_is_refused() -> None:
    """As it stands in the file."""
    with pytest.raises(BadRequest, match=r'^label: found "late", but flights expects one of 0, 1 or a finite number$'):
        outgoing(Row(1, "a", "late"), "flights", (*FLIGHTS, Domain("double")), text=True)


def test_values_arrive_as_any_type() -> None:
    """Where nothing is known of the task, a cell is a number if it looks like one."""
    found = [outgoing(Row(1, "a", text), "free", (Domain("any"),), text=True) for text in ("1", "0.5", "true", "late")]
    assert [label and label.label for label in found] == [1, 0.5, True, "late"]
