"""What is recorded of requests: the layout of a version's columns, and many requests as columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.manifest import Task
from gateway.tensor import Array

Role = Literal["primary", "shadow"]


class Field(msgspec.Struct, frozen=True, array_like=True):
    """One recorded input or output.

    shape: what the version declares, -1 for any size; where the layout is batched, the first dimension is the rows.
    hashed: its values are keyed hashes, strings of 32 hex digits, whatever the datatype says.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    hashed: bool = False


class Layout(msgspec.Struct, frozen=True, array_like=True):
    """The recorded columns of one version, and what the model means by them (see manifest.Manifest).

    Inputs that the policy leaves out are not there. groups: the declared attributes, inputs or request parameters.
    """

    model: str
    version: int
    stamp: str
    batched: bool
    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]
    task: Task = "other"
    score: str | None = None
    prediction: str | None = None
    classes: tuple[str | int, ...] = ()
    groups: tuple[str, ...] = ()

    def tail(self, field: Field) -> tuple[int, ...]:
        """The shape of one row of a field."""
        return field.shape[1:] if self.batched else field.shape

    @property
    def beyond(self) -> tuple[str, ...]:
        """The groups that are no recorded inputs: request parameters."""
        names = {field.name for field in self.inputs}
        return tuple(name for name in self.groups if name not in names)


@dataclass(frozen=True, eq=False, slots=True)
class Answers:
    """Answered requests of one layout and role, one row for each row of a request (one, if the model is not batched).

    request_id: str [n]. row: int32 [n], its place in the request. time: int64 [n], when the request came, ns since the
    epoch. queue_us, compute_us, total_us: int64 [n]. trace_id, cohort: str [n], "" for none. route: str [n], the reason.
    revision: int64 [n], of the routing table. inputs, outputs: by name, [n] or [n, …]; BYTES, and what is hashed, as object
    arrays of str. A column that a request lacks (too large, not asked for) holds NaN, None or, for integers and bool, is
    masked: see `absent`. absent: bool [n] by input, or `output.<name>`, True where there is no value; only of those with gaps.
    groups: object [n] by name, for groups that are no inputs: request parameters, None where there was none.
    """

    layout: Layout
    role: Role
    request_id: list[str]
    row: NDArray[np.int32]
    time: NDArray[np.int64]
    trace_id: list[str]
    route: list[str]
    revision: NDArray[np.int64]
    cohort: list[str]
    queue_us: NDArray[np.int64]
    compute_us: NDArray[np.int64]
    total_us: NDArray[np.int64]
    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array]
    groups: Mapping[str, Array]
    absent: Mapping[str, NDArray[np.bool_]]

    def __len__(self) -> int:
        return len(self.request_id)


@dataclass(frozen=True, slots=True)
class Refusals:
    """Requests that were refused, as lists of one length. model is the client's word; version is 0 where none was chosen.

    time: ns since the epoch. status: HTTP. code: the short code of the error. total_us: until the refusal was ready.
    """

    request_id: list[str]
    time: list[int]
    model: list[str]
    version: list[int]
    role: list[str]
    route: list[str]
    status: list[int]
    code: list[str]
    total_us: list[int]
    trace_id: list[str]

    def __len__(self) -> int:
        return len(self.request_id)
