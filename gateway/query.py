"""What a client asks and what it gets, free of any transport."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.tensor import Array, Tensor

Parameter = str | int | float | bool
Parameters = Mapping[str, Parameter]


class Wanted(NamedTuple):
    """An output that the client asked for. `binary` says how it wants it on REST; `classes` > 0 asks for the top ones."""

    name: str
    binary: bool = False
    classes: int = 0


@dataclass(slots=True)
class Query:
    """One inference request, as parsed and not yet held against a model.

    wanted: empty means every output. timeout_us: 0 means none of its own.
    """

    id: str
    inputs: list[Tensor]
    wanted: list[Wanted] = field(default_factory=list)
    parameters: Parameters = field(default_factory=dict)
    binary_default: bool = False
    timeout_us: int = 0


class Answer(NamedTuple):
    """The outputs of one request, in the order asked for, with where they came from."""

    model: str
    version: int
    id: str
    outputs: list[Tensor]


Rows = dict[str, Array]
"""Inputs ready for a session: a name and an array each."""
