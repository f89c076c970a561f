"""The body of `POST /v2/models/{m}/labels`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec

from gateway.errors import BadRequest
from gateway.labels.label import MAX_ROW, Domain, Label, Value, nanoseconds
from gateway.signature import shown
from gateway.wire.elements import said
from gateway.wire.request import MAX_ID, check_id

MAX_LABELS = 10_000
"""In one call. More take no less time for each label, and hold up those who write beside it."""

_Scalar = bool | int | float | str


class _Item(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    label: _Scalar | list[_Scalar]
    time: Annotated[datetime, msgspec.Meta(tz=True)] | float | None = None
    row: Annotated[int, msgspec.Meta(ge=0, lt=MAX_ROW)] | None = None


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    labels: list[_Item]


_decode = msgspec.json.Decoder(_Body).decode


def parse_labels(body: bytes, model: str, domains: Sequence[Domain], now_ns: int) -> list[Label]:
    """The labels of a call, in its order; a list of values is one label for each row of its request.

    domains: what the model's versions take; the first that takes a label says how it is kept. now_ns: the time of labels
    that name none, or one that is still to come: what was sent is known. Raises BadRequest with a sentence that names the
    first culprit; then none of them counts.
    """
    try:
        items = _decode(body).labels
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as problem:
        raise BadRequest(f"the labels cannot be read: {said(problem)}") from None
    count = sum(len(item.label) if isinstance(item.label, list) else 1 for item in items)
    if count > MAX_LABELS:
        raise BadRequest(f"labels: found {count}, expected at most {MAX_LABELS} in one call")
    labels: list[Label] = []
    for index, item in enumerate(items):
        try:
            _take(labels, item, model, domains, now_ns)
        except BadRequest as problem:
            raise BadRequest(f"labels[{index}].{problem.message}") from None
    return labels


def checked(found: Any, model: str, domains: Sequence[Domain]) -> Value:
    """The label as it is kept. Raises BadRequest for one that no version of the model takes."""
    for domain in domains:
        value = domain.read(found)
        if value is not None:
            return value
    raise BadRequest(f"found {written(found)}, but {model} expects {' or '.join(map(str, domains))}")


def check_request(identifier: str) -> str:
    """The id of a request that a label names. Raises BadRequest."""
    if not identifier:
        raise BadRequest(f"id: found an empty string, expected 1 to {MAX_ID} printable ASCII characters")
    return check_id(identifier)


def written(found: Any) -> str:
    """A value from outside, as JSON writes it and short enough for a message."""
    if isinstance(found, str):
        return f'"{shown(found)}"'
    return str(found).lower() if isinstance(found, bool) else shown(str(found))


def _take(labels: list[Label], item: _Item, model: str, domains: Sequence[Domain], now_ns: int) -> None:
    identifier = check_request(item.id)
    try:
        time = now_ns if item.time is None else min(nanoseconds(item.time), now_ns)
    except BadRequest as problem:
        raise BadRequest(f"time: {problem.message}") from None
    found = item.label
    if not isinstance(found, list):
        labels.append(Label(model, identifier, item.row or 0, _value(found, "label", model, domains), time))
        return
    if item.row is not None:
        raise BadRequest(f"row: found {item.row} beside a list of labels, which holds one for each row from 0 on")
    for row, one in enumerate(found):
        labels.append(Label(model, identifier, row, _value(one, f"label[{row}]", model, domains), time))


def _value(found: _Scalar, where: str, model: str, domains: Sequence[Domain]) -> Value:
    try:
        return checked(found, model, domains)
    except BadRequest as problem:
        raise BadRequest(f"{where}: {problem.message}") from None
