"""Which recorded primaries a shadow can be asked again, and their inputs as it takes them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

from gateway.journal.frame import Answered
from gateway.query import Rows
from gateway.record import Field, Layout
from gateway.signature import Signature, Spec
from gateway.tensor import DATATYPES, Array

Shapes = tuple[tuple[int, ...], ...]
"""Of one request, for each input whose rows differ in shape."""


class Fitting:
    """How the requests of one layout become inputs of a version with `signature`.

    reason: why none of them can: `not_recorded` (an input is not in the layout: the policy leaves it out, or the primary has
    none of that name), `hashed`, `datatype`, `shape`; None if they can.
    """

    def __init__(self, layout: Layout, signature: Signature) -> None:
        self._signature = signature
        self._batched = signature.batched
        known = {field.name: (at, field) for at, field in enumerate(layout.inputs)}
        self._sources = [(spec, *known[name]) for name, spec in signature.inputs.items() if name in known]
        self._opens = [self._open(field) for _, _, field in self._sources]
        self.reason = self._why(layout)

    def shapes(self, frame: Answered) -> Shapes | str:
        """What requests must have in common to be run together; or why this one cannot be run.

        `too_large`: it was recorded without its inputs. `shape`: its own does not fit.
        """
        if self.reason is not None:
            return self.reason
        found = []
        for (spec, at, _), varies in zip(self._sources, self._opens, strict=True):
            part: Any = frame.inputs[at]
            if part is None:
                return "too_large"
            if varies:
                shape = tuple(part[0])
                if len(shape) != len(spec.shape) or any(
                    w not in (-1, h) for h, w in zip(shape, spec.shape, strict=True)
                ):
                    return "shape"
                found.append(shape[1:] if self._batched else shape)
        return tuple(found)

    def rows(self, frames: Sequence[Answered]) -> tuple[Rows, int]:
        """The inputs of requests with equal shapes, one behind the other, and how many rows they have."""
        total = sum(frame.rows for frame in frames)
        return {
            spec.name: self._array(field, [f.inputs[at] for f in frames], total) for spec, at, field in self._sources
        }, total

    def _why(self, layout: Layout) -> str | None:
        if len(self._sources) < len(self._signature.inputs):
            return "not_recorded"
        if layout.batched != self._batched:
            return "shape"
        for spec, _, field in self._sources:
            if field.hashed:
                return "hashed"
            if field.datatype != spec.datatype:
                return "datatype"
            if not _may_fit(field, spec):
                return "shape"
        return None

    def _open(self, field: Field) -> bool:
        """Whether requests differ in the shape of a row: it is then recorded with each of them."""
        return -1 in (field.shape[1:] if self._batched else field.shape)

    def _array(self, field: Field, parts: list[Any], total: int) -> Array:
        if self._open(field):
            shape = tuple(parts[0][0])
            tail = shape[1:] if self._batched else shape
            parts = [part[1] for part in parts]
        else:
            tail = field.shape[1:] if self._batched else field.shape
        size = (total, *tail) if self._batched else tail
        return decoded(field, parts).reshape(size)


def decoded(field: Field, parts: Sequence[Any]) -> Array:
    """The elements of one field of many requests, one behind the other, flat."""
    if field.datatype == "BYTES" or field.hashed:
        array = np.empty(sum(map(len, parts)), object)
        array[:] = list(chain.from_iterable(parts))
        return array
    return np.frombuffer(b"".join(parts), DATATYPES[field.datatype].dtype)


def outputs(
    layout: Layout, frames: Sequence[Answered], names: Sequence[str | None]
) -> Iterator[tuple[str, Array | None]]:
    """The named outputs of requests, one behind the other, flat; None where one of the requests lacks it."""
    for at, field in enumerate(layout.outputs):
        if field.name in names:
            parts = [frame.outputs[at] for frame in frames]
            plain = None not in parts and -1 not in layout.tail(field) and not field.hashed
            found = decoded(field, parts) if plain else None
            wanted = sum(frame.rows for frame in frames) * math.prod(layout.tail(field))
            yield field.name, found if found is not None and found.size == wanted else None


def _may_fit(field: Field, spec: Spec) -> bool:
    return len(field.shape) == len(spec.shape) and all(
        -1 in (have, want) or have == want for have, want in zip(field.shape, spec.shape, strict=True)
    )
