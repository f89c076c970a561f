"""What a model takes for a label."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest
from gateway.labels.label import MAX_TEXT, Domain, domains, nanoseconds
from gateway.manifest import Manifest
from tests import onnx_models


def manifest(number: int = 1, **more: Any) -> Manifest:
    """Of a model with an output y."""
    return Manifest.model_validate(onnx_models.declared("m", number, onnx_models.identity("BYTES"), **more))


@pytest.mark.parametrize(
    ("more", "domain"),
    [
        ({"task": "binary"}, Domain("int64", (0, 1))),
        ({"task": "binary", "classes": ["no", "yes"]}, Domain("string", ("no", "yes"))),
        ({"task": "multiclass", "classes": [3, 5]}, Domain("int64", (3, 5))),
        ({"task": "multiclass", "classes": [3, "five"]}, Domain("string", (3, "five"))),
        ({"task": "multiclass"}, Domain("int64")),
        ({"task": "multiclass", "prediction": "y"}, Domain("string")),
        ({"task": "regression"}, Domain("double")),
        ({"task": "other", "classes": [0, 1]}, Domain("any")),
    ],
)
def test_task_and_classes_tell_what_a_label_is(more: dict[str, Any], domain: Domain) -> None:
    """As the store has its column for it."""
    assert Domain.of(manifest(**more)) == domain


def test_versions_are_asked_from_the_newest_on_and_each_way_once() -> None:
    """A label may be for an answer of any of them."""
    found = [manifest(1, task="binary"), manifest(3, task="binary"), manifest(2, task="regression")]
    assert domains(found) == (Domain("int64", (0, 1)), Domain("double"))


BINARY, DIGITS, WHOLE, NUMBER = Domain("int64", (0, 1)), Domain("int64", (0, 1, 2)), Domain("int64"), Domain("double")
WEATHER, MIXED, TEXT, ANY = (
    Domain("string", ("rain", "sun")),
    Domain("string", (1, "b")),
    Domain("string"),
    Domain("any"),
)


@pytest.mark.parametrize(
    ("domain", "found", "kept"),
    [
        (BINARY, 1, 1),
        (BINARY, 1.0, 1),
        (BINARY, True, 1),
        (BINARY, False, 0),
        (BINARY, 2, None),
        (BINARY, 0.5, None),
        (BINARY, "1", None),
        (DIGITS, 2, 2),
        (DIGITS, True, None),
        (WHOLE, -1, -1),
        (WHOLE, 3.0, 3),
        (WHOLE, 3.5, None),
        (WHOLE, 2**63, None),
        (WHOLE, True, None),
        (NUMBER, 3, 3.0),
        (NUMBER, 2.5, 2.5),
        (NUMBER, 10**400, None),
        (NUMBER, math.nan, None),
        (NUMBER, math.inf, None),
        (NUMBER, True, None),
        (NUMBER, "2.5", None),
        (WEATHER, "rain", "rain"),
        (WEATHER, "hail", None),
        (WEATHER, 1, None),
        (MIXED, 1, "1"),
        (MIXED, "1", "1"),
        (MIXED, "b", "b"),
        (TEXT, "hail", "hail"),
        (TEXT, 1, None),
        (TEXT, "x" * (MAX_TEXT + 1), None),
        (ANY, True, True),
        (ANY, 1, 1),
        (ANY, 1.5, 1.5),
        (ANY, "late", "late"),
        (ANY, "x" * (MAX_TEXT + 1), None),
        (ANY, 10**30, None),
        (ANY, math.nan, None),
        (ANY, None, None),
    ],
)
def test_a_label_is_kept_as_one_of_the_domain(domain: Domain, found: Any, kept: Any) -> None:
    """None for what is not in it; the type is that of the column."""
    assert domain.read(found) == kept
    assert type(domain.read(found)) is type(kept)


@pytest.mark.parametrize(
    ("domain", "text", "kept"),
    [
        (BINARY, "1", 1),
        (BINARY, "1.0", 1),
        (BINARY, "True", 1),
        (BINARY, "false", 0),
        (BINARY, "late", None),
        (BINARY, "[1]", None),
        (NUMBER, ".5", 0.5),
        (NUMBER, "+1e3", 1000.0),
        (NUMBER, "1_000", None),
        (NUMBER, "nan", None),
        (WEATHER, "rain", "rain"),
        (MIXED, "1", "1"),
        (TEXT, "007", "007"),
        (ANY, "007", "007"),
        (ANY, "7", 7),
        (ANY, "late", "late"),
    ],
)
def test_a_cell_of_text_is_read_as_the_domain_has_it(domain: Domain, text: str, kept: Any) -> None:
    """Where strings are expected, digits are a string."""
    assert domain.read_text(text) == kept
    assert type(domain.read_text(text)) is type(kept)


@given(
    st.sampled_from([BINARY, DIGITS, WHOLE, NUMBER, WEATHER, MIXED, TEXT, ANY]),
    st.one_of(st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.sampled_from(["rain", "b", "1"])),
)
def test_what_was_kept_is_kept_as_it_is(domain: Domain, found: Any) -> None:
    """So the command can send what it has checked."""
    kept = domain.read(found)
    if kept is not None:
        assert domain.read(kept) == kept


@pytest.mark.parametrize(
    ("domain", "said"),
    [
        (BINARY, "one of 0, 1"),
        (WEATHER, 'one of "rain", "sun"'),
        (Domain("int64", tuple(range(20))), "one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, … (20 in all)"),
        (WHOLE, "a whole number"),
        (NUMBER, "a finite number"),
        (ANY, f"a number, true, false, or a string of at most {MAX_TEXT} characters"),
    ],
)
def test_a_domain_says_what_is_in_it(domain: Domain, said: str) -> None:
    """For a message."""
    assert str(domain) == said


@pytest.mark.parametrize(
    ("moment", "found"),
    [
        (datetime(2013, 4, 1, 10, tzinfo=UTC), 1364810400 * 10**9),
        (datetime(2013, 4, 1, 10, 0, 0, 1, tzinfo=timezone(timedelta(hours=-4))), 1364824800 * 10**9 + 1000),
        (1364810400, 1364810400 * 10**9),
        (0.5, 5 * 10**8),
        (0, 0),
    ],
)
def test_times_are_nanoseconds_since_the_epoch(moment: Any, found: int) -> None:
    """Exactly, of a date; to the digits of a float, of seconds."""
    assert nanoseconds(moment) == found


@pytest.mark.parametrize(
    ("moment", "sentence"),
    [
        (datetime(2013, 4, 1), "found 2013-04-01T00:00:00, expected a time with its zone"),
        (datetime(1969, 12, 31, tzinfo=UTC), "expected a time from 1970 to 2262"),
        (1364810400000, "found 1364810400000, expected a time from 1970 to 2262, in seconds if it is a number"),
        (-1, "expected a time from 1970"),
        (math.nan, "expected a time from 1970"),
        (-math.inf, "expected a time from 1970"),
        (1e300, "expected a time from 1970"),
    ],
)
def test_other_times_are_refused(moment: Any, sentence: str) -> None:
    """Without a zone, before 1970, in milliseconds."""
    with pytest.raises(BadRequest, match=sentence):
        nanoseconds(moment)
