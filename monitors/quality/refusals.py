"""Requests that were refused, by the code of the refusal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from monitors.measurement import Measurement
from monitors.monitor import Feed, State
from monitors.quality.reading import LEAST
from monitors.significance import proportion, wilson
from monitors.tally import Tally
from monitors.view import View

MOST = 32
"""Codes that are told apart; they are the gateway's own, so there are fewer."""
TOLERATED, TOO_MANY = 0.01, 0.05


class Refusals:
    """Which share of the requests was refused, and why. An answered row counts as one request, and so does a refusal.

    No reference knows how many are refused on a usual day; so all of them together are tested against a share that is put up
    with, 1 %, and matter from 5 %. The single codes are there to be read.
    State: `answered`, int64 [1]; `codes`, a Tally.
    """

    name = "quality"
    feed: Feed = "answers"

    def __init__(self, least: int = LEAST) -> None:
        self._least = least

    def begin(self) -> State:
        return {"answered": np.zeros(1, np.int64), "codes": Tally(MOST)}

    def fold(self, state: State, view: View, weight: int = 1) -> None:
        answered: Any = state["answered"]
        answered += weight * len(view)

    def fold_refusals(self, state: State, codes: Iterable[str]) -> None:
        """Adds refused requests to `state`, in place. codes: the short stable code of each, such as `bad_input`."""
        tally = state["codes"]
        assert isinstance(tally, Tally)
        tally.add(codes)

    def measure(self, state: State) -> Sequence[Measurement]:
        answered: Any = state["answered"]
        tally = state["codes"]
        assert isinstance(tally, Tally)
        refused = sum(tally.counts.values()) + tally.dropped
        n = refused + int(answered[0])
        share = refused / n if n else 0.0
        p = proportion(refused, n, TOLERATED) if share > TOLERATED else 1.0
        return [
            self._said("requests", refused, n, p, share >= TOO_MANY),
            *(self._said(code, count, n) for code, count in tally.top()),
        ]

    def _said(self, code: str, count: int, n: int, p: float | None = None, matters: bool = False) -> Measurement:
        enough = n >= self._least
        value, interval = (count / n, wilson(count, n)) if enough else (math.nan, None)
        return Measurement("quality", code, "refused", value, n, interval, enough, p, matters, {"requests": count})
