"""Requests that were refused, by the code of the refusal."""

from __future__ import annotations

import math
from collections.abc import Mapping

from monitors.measurement import Measurement
from monitors.quality.reading import LEAST
from monitors.significance import proportion, wilson

MOST = 32
"""Codes that are told apart; they are the gateway's own, so there are fewer."""
TOLERATED, TOO_MANY = 0.01, 0.05


def refusals(answered: int, codes: Mapping[str, int]) -> list[Measurement]:
    """Which share of the requests was refused, and why. An answered row counts as one request, and so does a refusal.

    codes: how many were refused, by the short stable code, such as `bad_input`. No reference knows how many are refused on
    a usual day; so all of them together are tested against a share that is put up with, 1 %, and matter from 5 %. The single
    codes are there to be read.

    >>> [(found.subject, found.value) for found in refusals(90, {"bad_input": 10})]
    [('requests', 0.1), ('bad_input', 0.1)]
    """
    refused = sum(codes.values())
    n = refused + answered
    share = refused / n if n else 0.0
    p = proportion(refused, n, TOLERATED) if share > TOLERATED else 1.0
    most = sorted(codes.items(), key=lambda item: (-item[1], item[0]))[:MOST]
    return [_said("requests", refused, n, p, share >= TOO_MANY), *(_said(code, count, n) for code, count in most)]


def _said(code: str, count: int, n: int, p: float | None = None, matters: bool = False) -> Measurement:
    enough = n >= LEAST
    value, interval = (count / n, wilson(count, n)) if enough else (math.nan, None)
    return Measurement("quality", code, "refused", value, n, interval, enough, p, matters, {"requests": count})
