"""Numbers of the configuration, with their units and bounds."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

_UNITS = {"": 1, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def seconds(value: Any) -> float:
    """Seconds, from a number or a text with a unit. Raises ValueError.

    >>> seconds("1.5m")
    90.0
    """
    return _measure(value, _UNITS, "500ms")


def octets(value: Any) -> int:
    """Bytes, from a number or a text with a unit. Raises ValueError.

    >>> octets("64KiB")
    65536
    """
    size = _measure(value, _SIZES, "64MiB")
    if not math.isfinite(size):
        raise ValueError(f"expected a finite number, found {size}")
    return int(size)


def _measure(value: Any, units: dict[str, float] | dict[str, int], example: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", value) if isinstance(value, str) else None
    unit = units.get(match[2].lower()) if match else None
    if match is None or unit is None:
        raise ValueError(f"expected a number with a unit ({', '.join(filter(None, units))}), such as {example}")
    return float(match[1]) * unit


Count = Annotated[int, Field(ge=1)]
VersionNumber = Annotated[int, Field(ge=1)]
Weight = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Seconds = Annotated[float, BeforeValidator(seconds), Field(gt=0, le=30 * 86400)]
Bytes = Annotated[int, BeforeValidator(octets), Field(ge=1)]
