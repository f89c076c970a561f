"""From a row of a file to a label that the gateway will take, with the gateway's own rules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from gateway.errors import BadRequest
from gateway.labels.files import Row
from gateway.labels.label import MAX_ROW, Domain, Value, nanoseconds
from gateway.labels.parsing import check_request, checked, written
from gateway.labels.sending import Outgoing


def outgoing(row: Row, model: str, domains: Sequence[Domain], *, text: bool) -> Outgoing | None:
    """The label that a row holds; None if its label is not known yet (null, NaN, an empty cell).

    text: the file's values are all text, as those of CSV. Raises BadRequest, saying which column is wrong and how.
    """
    if row.problem:
        raise BadRequest(row.problem)
    if row.label is None or (isinstance(row.label, float) and math.isnan(row.label)):
        return None
    identifier = str(row.id) if isinstance(row.id, int) and not isinstance(row.id, bool) else row.id
    if not isinstance(identifier, str):
        raise BadRequest(f"id: found {'nothing' if row.id is None else written(row.id)}, expected the id of a request")
    check_request(identifier)
    try:
        label = _from_text(row.label, model, domains) if text else _from_value(row.label, model, domains)
    except BadRequest as problem:
        raise BadRequest(f"label: {problem.message}") from None
    return Outgoing(identifier, label, _time(row.time), _row(row.row))


def _from_value(found: Any, model: str, domains: Sequence[Domain]) -> Value:
    if not isinstance(found, bool | int | float | str):
        raise BadRequest(f"found {type(found).__name__}, expected {' or '.join(map(str, domains))}")
    checked(found, model, domains)
    return found


def _from_text(found: str, model: str, domains: Sequence[Domain]) -> Value:
    for domain in domains:
        value = domain.read_text(found)
        if value is not None:
            return value
    return checked(found, model, domains)


def _time(found: Any) -> datetime | float | None:
    if found is None:
        return None
    moment = _moment(found) if isinstance(found, str) else found
    if isinstance(moment, bool) or not isinstance(moment, datetime | int | float):
        raise BadRequest(f"time: found {written(found)}, expected a time such as 2013-04-01T10:00:00Z, or seconds")
    try:
        nanoseconds(moment)
    except BadRequest as problem:
        raise BadRequest(f"time: {problem.message}") from None
    return moment


def _moment(text: str) -> datetime | float | str:
    for form in (float, datetime.fromisoformat):
        try:
            return form(text)
        except ValueError:
            continue
    return text


def _row(found: Any) -> int:
    if found is None:
        return 0
    try:
        row = int(found)
        whole = not isinstance(found, bool) and (isinstance(found, str) or row == found)
    except (TypeError, ValueError, OverflowError):
        whole = False
    if not whole or not 0 <= row < MAX_ROW:
        raise BadRequest(f"row: found {written(found)}, expected a whole number >= 0")
    return row
