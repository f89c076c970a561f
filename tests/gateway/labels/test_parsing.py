"""The body of a call with labels."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest
from gateway.labels.label import Domain, Label
from gateway.labels.parsing import MAX_LABELS, parse_labels

NOW = 1_700_000_000 * 10**9
FLIGHTS = (Domain("int64", (0, 1)),)


def parse(*labels: Any, domains: Any = FLIGHTS) -> list[Label]:
    """A call with those labels."""
    return parse_labels(json.dumps({"labels": labels}).encode(), "flights", domains, NOW)


@pytest.mark.parametrize(
    ("item", "labels"),
    [
        ({"id": "a", "label": 1}, [("a", 0, 1, NOW)]),
        ({"id": "a", "label": 1, "row": 3}, [("a", 3, 1, NOW)]),
        ({"id": "a", "label": 1, "time": "2013-04-01T10:00:00Z"}, [("a", 0, 1, 1364810400 * 10**9)]),
        ({"id": "a", "label": 1, "time": "2013-04-01T12:00:00+02:00"}, [("a", 0, 1, 1364810400 * 10**9)]),
        ({"id": "a", "label": 1, "time": 1.5}, [("a", 0, 1, 1500000000)]),
        ({"id": "a", "label": 1, "time": None, "row": None}, [("a", 0, 1, NOW)]),
        ({"id": "a", "label": 1, "time": "2262-01-01T00:00:00Z"}, [("a", 0, 1, NOW)]),
        ({"id": "a", "label": [1, 0]}, [("a", 0, 1, NOW), ("a", 1, 0, NOW)]),
        ({"id": "a", "label": []}, []),
    ],
)
def test_a_label_has_a_row_and_a_time(item: Any, labels: list[tuple[Any, ...]]) -> None:
    """Row 0 and now, unless it says so; no later than now, or it would hold up the others; a list has one for each row."""
    assert parse(item) == [Label("flights", *label) for label in labels]


@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        ({"id": "a", "label": "abc"}, 'labels[1].label: found "abc", but flights expects one of 0, 1'),
        ({"id": "a", "label": [0, 2]}, "labels[1].label[1]: found 2, but flights expects one of 0, 1"),
        ({"id": "", "label": 1}, "labels[1].id: found an empty string, expected 1 to 128 printable ASCII characters"),
        (
            {"id": "a\n", "label": 1},
            "labels[1].id: expected at most 128 printable ASCII characters, found 2 characters",
        ),
        ({"id": "a" * 129, "label": 1}, "labels[1].id: expected at most 128 printable ASCII characters"),
        ({"id": "a", "label": [1], "row": 0}, "labels[1].row: found 0 beside a list of labels"),
        ({"id": "a", "label": 1, "time": 1e12}, "labels[1].time: found 1000000000000.0, expected a time from 1970"),
        (
            {"id": "a", "label": 1, "time": "noon"},
            "the labels cannot be read: Invalid RFC3339 encoded datetime at labels[1].time",
        ),
        (
            {"id": "a", "label": 1, "time": "2013-04-01T10:00:00"},
            "Expected datetime with a timezone component at labels[1].time",
        ),
        ({"id": "a", "label": 1, "row": -1}, "Expected int >= 0 at labels[1].row"),
        ({"id": "a", "label": 1, "row": 2**31}, "Expected int <= 2147483647 at labels[1].row"),
        ({"id": "a", "label": 1, "tiem": 1}, "Object contains unknown field tiem at labels[1]"),
        ({"id": "a", "label": {}}, "got object at labels[1].label"),
        ({"id": "a", "label": None}, "got null at labels[1].label"),
        ({"id": "a"}, "Object missing required field label at labels[1]"),
        ({"label": 1}, "Object missing required field id at labels[1]"),
        ({"id": 7, "label": 1}, "Expected str, got int at labels[1].id"),
        (7, "Expected object, got int at labels[1]"),
    ],
)
def test_the_first_that_is_wrong_is_named(item: Any, sentence: str) -> None:
    """With what was found and what was expected; none of the call's labels counts."""
    with pytest.raises(BadRequest) as refused:
        parse({"id": "a", "label": 1}, item, {"id": "b", "label": "never read"})
    assert sentence in refused.value.message


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"labels": 1}', b'{"labels": [], "more": 1}', b"\xff"])
def test_what_is_no_call_is_refused(body: bytes) -> None:
    """Whatever it is instead."""
    with pytest.raises(BadRequest, match="the labels cannot be read: "):
        parse_labels(body, "flights", FLIGHTS, NOW)


def test_a_call_holds_so_many_labels() -> None:
    """Those in lists counted too."""
    assert len(parse({"id": "a", "label": [1] * MAX_LABELS})) == MAX_LABELS
    with pytest.raises(BadRequest, match=r"^labels: found 10001, expected at most 10000 in one call$"):
        parse({"id": "a", "label": [1] * MAX_LABELS}, {"id": "b", "label": 1})


def test_the_first_version_that_takes_a_label_says_how_it_is_kept() -> None:
    """The message names what each would take."""
    domains = (Domain("string", ("late",)), Domain("double"))
    assert [label.value for label in parse({"id": "a", "label": ["late", 1]}, domains=domains)] == ["late", 1.0]
    with pytest.raises(BadRequest, match='found true, but flights expects one of "late" or a finite number'):
        parse({"id": "a", "label": True}, domains=domains)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_body_does_harm(body: bytes) -> None:
    """It is a call, or refused."""
    with contextlib.suppress(BadRequest):
        parse_labels(b'{"labels": [' + body, "flights", FLIGHTS, NOW)
