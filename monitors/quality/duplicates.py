"""Rows that came before: the same inputs, or the same request id."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from monitors.layout import Layout
from monitors.measurement import Measurement
from monitors.monitor import Feed, State
from monitors.quality import hashing
from monitors.quality.distinct import Distinct, chance, count, nothing, tell
from monitors.quality.reading import LEAST
from monitors.reference import Reference
from monitors.significance.normal import Z
from monitors.view import View

TOO_MANY = 0.05
"""The share of requests whose id was used before, from which on it matters; less than 3 % is within the estimate's error."""


class Duplicates:
    """Estimates how many of a window's rows repeat another one of it, and how many requests another's id.

    Of inputs nothing is tested: the reference does not say how often its rows repeat, and where columns have few values
    rows repeat by nature. Ids are to be unique, or labels find the wrong row. A request may have many rows: they share
    their id and their time, so it is requests that are counted, and ids of another time that repeat.
    Rows whose inputs were not all recorded are left out, since they would only seem the same. Values are compared by hashes
    of 64 bits, texts that the reference does not know and ids by 32; wide columns as float32.
    State: int64 [2, 4096] for each of inputs, requests and ids, see `distinct`.
    """

    name = "quality"
    feed: Feed = "answers"

    def __init__(self, reference: Reference, least: int = LEAST) -> None:
        self._layout = Layout.of(reference)
        self._names = {quantity.column for quantity in self._layout.quantities}
        self._least = least

    def begin(self) -> State:
        return {"inputs": nothing(), "requests": nothing(), "ids": nothing()}

    def fold(self, state: State, view: View, weight: int = 1) -> None:
        if not len(view):
            return
        cells: dict[str, Any] = dict(state)
        ids = hashing.of_texts(view.batch.ids.tolist())
        requests = hashing.together(np.stack([ids, view.batch.time.astype(np.uint64)]))
        count(cells["ids"], ids, weight)
        count(cells["requests"], requests, weight, by=ids)
        if self._names and self._names <= set(view.batch.columns):
            count(cells["inputs"], self._rows(view), weight)

    def measure(self, state: State) -> Sequence[Measurement]:
        cells: dict[str, Any] = dict(state)
        return [self._inputs(*cells["inputs"]), self._ids(cells["requests"], cells["ids"])]

    def _rows(self, view: View) -> hashing.Hashes:
        layout = self._layout
        k, c = len(layout.columns), layout.numeric
        parts = np.empty((k + len(layout.wide) + len(layout.quantities) - c, len(view)), np.uint64)
        parts[:k] = hashing.of_numbers(view.values()[:k])
        parts[:k][view.missing()[:k]] = 0
        for place, (name, _) in enumerate(layout.wide, k):
            parts[place] = hashing.of_rows(view.batch.columns[name])
        for place, quantity in enumerate(layout.quantities[c:], k + len(layout.wide)):
            places = view.places(quantity.column)
            parts[place] = places
            others = places == quantity.width - 2
            if others.any():
                parts[place, others] = hashing.of_texts(view.batch.columns[quantity.column][others].tolist())
        return hashing.together(parts)

    def _inputs(self, whole: Any, sample: Any) -> Measurement:
        found, n = tell(whole), int(whole.sum())
        sampled = found is None
        found = found or tell(sample)
        if found is None or n < self._least:
            return Measurement("quality", "inputs", "duplicate", math.nan, n, enough=False)
        return self._said("inputs", n, found.values, found.rows, found.error / found.rows, found, sampled)

    def _ids(self, requests: Any, ids: Any) -> Measurement:
        n = int(ids[0].sum())
        for tier in (0, 1):
            many, few = tell(requests[tier]), tell(ids[tier])
            if n >= self._least and many is not None and few is not None:
                error = math.hypot(many.error, few.error) / many.values
                p = chance(many, few)
                return self._said("ids", n, few.values, many.values, error, few, tier > 0, p)
        return Measurement("quality", "ids", "duplicate", math.nan, n, enough=False)

    def _said(
        self,
        subject: str,
        n: int,
        values: float,
        of: float,
        error: float,
        found: Distinct,
        sampled: bool,
        p: float | None = None,
    ) -> Measurement:
        """The share of `of` that is beyond `values`, whose standard error without sampling is `error`."""
        share = min(1.0, max(0.0, 1 - values / of))
        drawn = share * (1 - share) / max(1.0, values) if sampled else 0.0
        margin = Z * math.sqrt(error**2 + drawn)
        interval = (max(0.0, share - margin), min(1.0, share + margin))
        detail = {"sampled": found.rows} if sampled else {}
        matters = p is not None and share >= TOO_MANY
        return Measurement("quality", subject, "duplicate", share, n, interval, True, p, matters, detail)
