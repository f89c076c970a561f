"""Plain values for JSON, which has neither infinities nor NaN nor NumPy's numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def finite(value: Any) -> Any:
    """The same, as dicts and lists; numbers that are none, such as the end of an interval that is open, are None.

    >>> finite({"interval": (0.5, float("inf"))})
    {'interval': [0.5, None]}
    """
    if isinstance(value, Mapping):
        return {str(key): finite(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [finite(held) for held in value]
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
