"""A label, and what a model expects of one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Literal, NamedTuple

import msgspec

from gateway.errors import BadRequest
from gateway.manifest import Manifest

MAX_ROW = 2**31
MAX_TEXT = 1024
"""Characters of a label that is a string, where no classes are declared."""

Value = bool | int | float | str
Kind = Literal["int64", "double", "string", "any"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MANY = 12
_decode = msgspec.json.Decoder(Value).decode
_SAID = {
    "int64": "a whole number",
    "double": "a finite number",
    "string": f"a string of at most {MAX_TEXT} characters",
    "any": f"a number, true, false, or a string of at most {MAX_TEXT} characters",
}


class Label(NamedTuple):
    """What turned out to be true of row `row` (0 <= row < 2**31) of request `id`, at `time` (ns since the epoch)."""

    model: str
    id: str
    row: int
    value: Value
    time: int


@dataclass(frozen=True)
class Domain:
    """What a version takes for a label, and as what it is kept.

    kind: of the values kept, "any" for a number, string or flag, where we know nothing of the task. classes: the values that
    there are; empty where any of the kind will do.

    >>> flights = Domain("int64", (0, 1))
    >>> flights.read(True), flights.read(1.0), flights.read(2), flights.read("1")
    (1, 1, None, None)
    >>> Domain("double").read(3), Domain("double").read_text("3"), Domain("string").read_text("3")
    (3.0, 3.0, '3')
    """

    kind: Kind
    classes: tuple[str | int, ...] = ()

    @classmethod
    def of(cls, manifest: Manifest) -> Domain:
        """By a manifest's task and classes. Classes that are numbers and strings at once are all kept as strings.

        Where no classes are declared, a prediction that is a string says that labels are; otherwise they are integers.
        """
        if manifest.task == "regression":
            return cls("double")
        if manifest.task == "other":
            return cls("any")
        if manifest.classes:
            strings = any(isinstance(item, str) for item in manifest.classes)
            return cls("string" if strings else "int64", manifest.classes)
        if any(column.name == manifest.prediction and column.datatype == "BYTES" for column in manifest.outputs):
            return cls("string")
        return cls("int64", (0, 1) if manifest.task == "binary" else ())

    def read(self, found: Any) -> Value | None:
        """The label as it is kept; None if `found`, a value read from JSON, is none."""
        if self.classes:
            if found is True or found is False:
                return int(found) if self._flags else None
            return self._kept.get(found) if isinstance(found, int | float | str) else None
        return _READERS[self.kind](found)

    def read_text(self, text: str) -> Value | None:
        """The label that a cell of a CSV file holds, where everything is text; None if it is none."""
        if self.kind == "string":
            return self.read(text)
        lowered = text.lower()
        if lowered in ("true", "false"):
            return self.read(lowered == "true")
        try:
            return self.read(_decode(text))
        except msgspec.DecodeError:
            return self.read(text if self.kind == "any" else _number(text))

    def __str__(self) -> str:
        if self.classes:
            some = ", ".join(msgspec.json.encode(item).decode() for item in self.classes[:_MANY])
            return f"one of {some}" + (f", … ({len(self.classes)} in all)" if len(self.classes) > _MANY else "")
        return _SAID[self.kind]

    @cached_property
    def _kept(self) -> dict[object, Value]:
        if self.kind == "string":
            return {form: str(item) for item in self.classes for form in (item, str(item))}
        return {item: item for item in self.classes}

    @cached_property
    def _flags(self) -> bool:
        return set(self.classes) <= {0, 1}


def domains(manifests: Iterable[Manifest]) -> tuple[Domain, ...]:
    """What the versions of one model take, the newest first, each once: a label may be for an answer of any of them."""
    newest = sorted(manifests, key=lambda manifest: -manifest.version)
    return tuple(dict.fromkeys(Domain.of(manifest) for manifest in newest))


def nanoseconds(moment: datetime | float) -> int:
    """Since the epoch, from a time with its zone, or from seconds since the epoch. Raises BadRequest.

    >>> nanoseconds(1364810400.5), nanoseconds(datetime(2013, 4, 1, 10, tzinfo=UTC))
    (1364810400500000000, 1364810400000000000)
    """
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise BadRequest(f"found {moment.isoformat()}, expected a time with its zone, such as 2013-04-01T10:00:00Z")
        found = (moment - _EPOCH) // _MICROSECOND * 1000
    else:
        found = round(moment * 1e9) if abs(moment) < 2**63 else -1
    if not 0 <= found < 2**63:
        raise BadRequest(f"found {moment}, expected a time from 1970 to 2262, in seconds if it is a number")
    return found


def _whole(found: Any) -> Value | None:
    if _finite(found) is None or found != int(found) or not -(2**63) <= found < 2**63:
        return None
    return int(found)


def _finite(found: Any) -> Value | None:
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    try:
        return float(found) if math.isfinite(found) else None
    except OverflowError:
        return None


def _text(found: Any) -> Value | None:
    return found if isinstance(found, str) and len(found) <= MAX_TEXT else None


def _any(found: Any) -> Value | None:
    if isinstance(found, bool):
        return found
    if isinstance(found, str):
        return _text(found)
    return _whole(found) if isinstance(found, int) else _finite(found)


def _number(text: str) -> float | str:
    """Numbers as tables write them and JSON does not: `.5`, `+1`, `1.`."""
    try:
        return text if "_" in text else float(text)
    except ValueError:
        return text


_READERS: dict[Kind, Callable[[Any], Value | None]] = {"int64": _whole, "double": _finite, "string": _text, "any": _any}
