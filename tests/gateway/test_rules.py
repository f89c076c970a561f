"""Requests that go to one version whatever the shares are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rules import first_match, rule


@pytest.mark.parametrize(
    ("values", "given_value", "met"),
    [
        (["gold"], "gold", True),
        (["gold"], "Gold", False),
        (["gold", "silver"], "silver", True),
        ([1], 1, True),
        ([1], 1.0, True),
        ([1], "1", False),
        ([1], True, False),
        ([True], True, True),
        ([True], 1, False),
        ([""], "", True),
        (["gold"], None, False),
    ],
)
def test_a_parameter_is_compared_as_what_it_is(values: list[Any], given_value: Any, met: bool) -> None:
    """A number is no text and no truth value."""
    parameters = {} if given_value is None else {"plan": given_value}
    assert first_match([rule("parameter", "plan", values, 2)], {}, parameters) == (2 if met else None)


def test_the_names_of_headers_have_no_case() -> None:
    """Their values do; a parameter is no header."""
    beta = rule("header", "X-Cohort", ["beta"], 2)
    assert first_match([beta], {"x-cohort": "beta"}, {}) == 2
    assert first_match([beta], {"x-cohort": "BETA"}, {"x-cohort": "beta"}) is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.integers(1, 9)), max_size=6))
def test_the_first_rule_that_is_met_wins(told: list[tuple[str, str, int]]) -> None:
    """Whatever follows."""
    headers = {"a": "x", "b": "y"}
    expected = next((version for name, value, version in told if headers.get(name) == value), None)
    rules = [rule("header", name, [value], version) for name, value, version in told]
    assert first_match(rules, headers, {}) == expected
