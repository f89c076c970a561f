"""A model's inputs and outputs, and the check that a request fits them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gateway.errors import BadRequest
from gateway.query import Query, Rows, Wanted
from gateway.tensor import DATATYPES


class Spec(NamedTuple):
    """A declared tensor; -1 in the shape stands for any size."""

    name: str
    datatype: str
    shape: tuple[int, ...]


class Signature:
    """The inputs and outputs of one version.

    batched: the first dimension of every input is the number of rows, the same in all of them.
    """

    __slots__ = ("_tails", "batched", "inputs", "label", "outputs")

    def __init__(self, label: str, inputs: Sequence[Spec], outputs: Sequence[Spec]) -> None:
        self.label = label
        self.inputs = {spec.name: spec for spec in inputs}
        self.outputs = {spec.name: spec for spec in outputs}
        self._tails = {spec.name: spec.shape[1:] if spec.shape[:1] == (-1,) else None for spec in inputs}
        both = (*inputs, *outputs)
        self.batched = bool(inputs) and all(spec.shape and spec.shape[0] == -1 for spec in both)

    def fit(self, query: Query) -> tuple[Rows, int]:
        """The inputs by name and the number of rows (1 where the model has no batch dimension).

        Raises BadRequest, naming the tensor, for an input that is unknown, missing, doubled, or of another datatype or shape.
        """
        rows: Rows = {}
        for name, datatype, array in query.inputs:
            spec = self.inputs.get(name)
            if spec is None:
                raise BadRequest(
                    f'input "{shown(name)}": {self.label} has no such input; it takes {", ".join(self.inputs)}'
                )
            if name in rows:
                raise BadRequest(f'input "{name}": given twice')
            if datatype != spec.datatype:
                raise BadRequest(f'input "{name}": datatype {datatype}, but {self.label} expects {spec.datatype}')
            if array.shape[1:] != self._tails[name] or not array.shape:  # the usual: any number of rows, the rest fixed
                self._compare(array.shape, spec)
            rows[name] = array
        if len(rows) < len(self.inputs):
            missing = [name for name in self.inputs if name not in rows]
            raise BadRequest(f"missing input {', '.join(missing)}: {self.label} needs every input")
        return rows, self._count(rows) if self.batched else 1

    def choose(self, wanted: Sequence[Wanted]) -> list[str] | None:
        """The names of the outputs to compute; None for all. Raises BadRequest for one that is unknown or doubled."""
        if not wanted:
            return None
        names = [want.name for want in wanted]
        for name in names:
            if name not in self.outputs:
                raise BadRequest(
                    f'output "{shown(name)}": {self.label} has no such output; it gives {", ".join(self.outputs)}'
                )
        if len(set(names)) < len(names):
            doubled = next(name for index, name in enumerate(names) if name in names[:index])
            raise BadRequest(f'output "{doubled}": asked for twice')
        return names

    def _compare(self, shape: tuple[int, ...], spec: Spec) -> None:
        if len(shape) != len(spec.shape) or any(
            want not in (-1, have) for have, want in zip(shape, spec.shape, strict=True)
        ):
            raise BadRequest(f'input "{spec.name}": shape {list(shape)}, but {self.label} expects {list(spec.shape)}')

    def _count(self, rows: Rows) -> int:
        count = -1
        for array in rows.values():
            if array.shape[0] != count:
                if count >= 0:
                    found = ", ".join(f"{name} {array.shape[0]}" for name, array in rows.items())
                    raise BadRequest(f"inputs differ in their first dimension, the rows: {found}")
                count = array.shape[0]
        if not count:
            raise BadRequest(f"no rows: the first dimension of every input is 0, but {self.label} needs at least 1")
        return count


def shown(name: str, limit: int = 80) -> str:
    """A name from outside, short enough and plain enough for a message."""
    start = name[: limit + 1]  # a name may be as long as a body
    plain = start if start.isprintable() else ascii(start)[1:-1]
    return plain if len(plain) <= limit else plain[:limit] + "…"


def parse_datatype(datatype: str, name: str) -> str:
    """The datatype itself, if the protocol knows it. Raises BadRequest naming input `name` otherwise."""
    if datatype not in DATATYPES:
        raise BadRequest(
            f'input "{shown(name)}": unknown datatype "{shown(datatype)}"; expected one of {", ".join(DATATYPES)}'
        )
    return datatype
