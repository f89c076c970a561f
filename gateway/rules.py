"""Requests that go to one version whatever the shares are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from gateway.query import Parameter, Parameters

COHORT = "x-cohort"
"""The header by which a client says which group of users it speaks for."""


class Rule(NamedTuple):
    """Requests whose header or parameter `name` has one of `values` go to `version`.

    values: each with whether it is a truth value, for in Python 1 equals True.
    """

    source: Literal["header", "parameter"]
    name: str
    values: frozenset[tuple[bool, Parameter]]
    version: int


def rule(source: Literal["header", "parameter"], name: str, values: Iterable[Parameter], version: int) -> Rule:
    """The names of headers have no case; values are compared as they are."""
    kinds = frozenset((isinstance(value, bool), value) for value in values)
    return Rule(source, name.lower() if source == "header" else name, kinds, version)


def first_match(rules: Iterable[Rule], headers: Mapping[str, str], parameters: Parameters) -> int | None:
    """The version that the first of the rules to be met names; None if none is. headers: by lower-case name.

    >>> beta = rule("header", "X-Cohort", ["beta", "staff"], 2)
    >>> first_match([beta], {"x-cohort": "staff"}, {}), first_match([beta], {}, {})
    (2, None)
    """
    for source, name, values, version in rules:
        value = headers.get(name) if source == "header" else parameters.get(name)
        if value is not None and (isinstance(value, bool), value) in values:
            return version
    return None
