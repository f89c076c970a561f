"""Event time cut into windows: small panes, closed by a watermark, joined until they hold enough."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, cast

import numpy as np

from monitors.errors import CheckpointRefused
from monitors.portion import Form, Portion, Watch
from monitors.record import Batch
from monitors.settings import Settings

SECOND = 1_000_000_000
MOST_BYTES = 24 * 2**20
MOST_PANES = 20_000
"""Panes that wait for a watermark which nobody moves are closed, the older half first, once they hold so much, or are so many."""
QUIET = 2
"""Longest windows without a row, after which what was found is of the past."""

SET_BACK = 600 * SECOND
"""A clock that goes back by more than this was ahead before."""

LEAST_REFUSALS = 30
REFUSALS = 0.05
"""A window closes early with so many refusals, and such a share of `rows`: five times what is put up with, so that chance alone
(below 10⁻¹¹) never decides where a window ends."""

FEW = 3
"""So many rows at least say that time has moved on by more than a window may last."""

ANSWERS: Final = "answers"
LABELLED: Final = "labelled"


@dataclass(slots=True)
class Span:
    """Consecutive panes, and what came in them.

    start, end: panes since the epoch, end exclusive. rows: answers. refused: how many requests, by code. parts: by feed.
    """

    start: int
    end: int
    rows: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    parts: dict[str, Portion] = field(default_factory=dict)

    @property
    def requests(self) -> int:
        """Answers, and requests that were refused."""
        return self.rows + sum(self.refused.values())

    def merge(self, other: Span) -> None:
        """Takes in a later span."""
        self.end = other.end
        self.rows += other.rows
        for code, count in other.refused.items():
            self.refused[code] = self.refused.get(code, 0) + count
        for feed, portion in other.parts.items():
            if feed in self.parts:
                self.parts[feed].merge(portion)
            else:
                self.parts[feed] = portion

    def dump(self) -> Any:
        """All of it as a plain tree; rows that wait are folded first."""
        parts = {feed: portion.dump() for feed, portion in self.parts.items()}
        return [self.start, self.end, self.rows, self.refused, parts]

    @classmethod
    def load(cls, tree: Any, watches: Mapping[str, Watch]) -> Span:
        """What `dump` gave. Raises CheckpointRefused for other monitors."""
        start, end, rows, refused, parts = tree
        loaded = {feed: Portion.load(part, watches[feed]) for feed, part in parts.items()}
        return cls(start, end, rows, refused, loaded)


class Windows:
    """Panes that are still open, and the window that the complete ones before them are gathered in.

    A pane is complete when the watermark passes its end. A window begins with the first pane that holds an answer or a refusal,
    and closes with the pane that brings it to `rows` of them, or to many refusals, or `at_most` after its beginning. So where
    windows lie follows from the rows alone: not from their order, as long as none is late, nor from how they were cut into
    batches.

    An answer older than the watermark is late: it counts in the oldest open pane, for a monitor that leaves answers out
    tells less than the truth, and one that changes a window already judged tells two. `late` says how many there were.
    Once a clock that was ahead is set back, its panes are open again: what it closed stays closed, and nothing after is late.
    """

    def __init__(self, settings: Settings, watches: Mapping[str, Watch]) -> None:
        self.every = round(settings.every * SECOND)
        self.rows = settings.rows
        self.refusals = max(LEAST_REFUSALS, REFUSALS * settings.rows)
        self.at_most = max(1, round(settings.at_most / settings.every))
        self.lateness = round(settings.lateness * SECOND)
        self.watches = dict(watches)
        self.panes: dict[int, Span] = {}
        self.open: Span | None = None
        self.boundary: int | None = None  # panes before this one are complete
        self.newest: int | None = None
        self.until: int | None = None  # what `advance` was told last
        self.late = 0
        self.unmatched = 0  # labelled rows of panes that hold no answer

    @property
    def quiet(self) -> bool:
        """Whether the watermark is more than QUIET of the longest windows beyond the newest row and refusal."""
        if self.boundary is None or self.newest is None:
            return False
        return self.boundary - self.newest // self.every > QUIET * self.at_most

    def answers(self, batch: Batch) -> None:
        """Takes in answered rows, of any times."""
        if not len(batch):
            return
        newest = int(batch.time.max())
        self.newest = newest if self.newest is None else max(self.newest, newest)
        if self.boundary is not None and int(batch.time.min()) < self.boundary * self.every:
            floor = self.boundary * self.every
            self.late += int((batch.time < floor).sum())
            batch = dataclasses.replace(batch, time=np.maximum(batch.time, floor))
        form = Form.of(batch)
        for pane, rows in split(batch, batch.time // self.every):
            span = self._pane(pane)
            span.rows += len(rows)
            if ANSWERS in self.watches:
                self._part(span, ANSWERS).add(rows, 1, form)

    def labelled(self, batch: Batch, weight: int = 1) -> Batch | None:
        """Takes in labelled rows of windows that are not closed yet; hands back the others, whose windows are."""
        first = self.open.start if self.open else self.boundary
        panes = batch.time // self.every
        past = np.zeros(len(batch), bool) if first is None else panes < first
        if past.all():
            return batch if len(batch) else None
        present = batch.take(~past) if past.any() else batch
        form = Form.of(present)
        for pane, rows in split(present, panes[~past]):
            gathered = self.open is not None and self.boundary is not None and pane < self.boundary
            span = self.open if gathered and self.open else self._pane(pane)
            self._part(span, LABELLED).add(rows, weight, form)
        return batch.take(past) if past.any() else None

    def refused(self, time: int, code: str) -> None:
        """Counts a refused request; of a late one too the oldest open pane."""
        self.newest = time if self.newest is None else max(self.newest, time)
        pane = time // self.every
        span = self._pane(pane if self.boundary is None else max(pane, self.boundary))
        span.refused[code] = span.refused.get(code, 0) + 1

    def advance(self, until: int | None = None) -> Iterator[Span]:
        """Moves the watermark and yields the windows that close.

        until: ns; no answer older than this is still to come. None: the newest answer less `lateness`; a few that are farther
        from all others than a window may last say nothing of the time.
        """
        if until is None:
            until = self._followed()
        else:
            yield from self._set_back(until)
        if until is not None:
            yield from self._complete(until // self.every)
        while self._crowded():
            panes = sorted(self.panes)
            yield from self._complete(panes[len(panes) // 2] + 1)

    def finish(self) -> Iterator[Span]:
        """Yields what is left, as if no row were to come any more."""
        if self.panes:
            yield from self._complete(max(self.panes) + 1)
        if self.open:
            span, self.open = self.open, None
            yield span

    def dump(self) -> Any:
        """All of it as a plain tree; rows that wait are folded first."""
        return {
            "panes": [span.dump() for span in self.panes.values()],
            "open": self.open and self.open.dump(),
            "numbers": [self.every, self.boundary, self.newest, self.until, self.late, self.unmatched],
        }

    def load(self, tree: Any) -> None:
        """Takes over what `dump` gave. Raises CheckpointRefused for other panes or monitors."""
        every, self.boundary, self.newest, self.until, self.late, self.unmatched = tree["numbers"]
        if every != self.every:
            raise CheckpointRefused(f"checkpoint: found panes of {every} ns, expected {self.every} ns")
        spans = [Span.load(saved, self.watches) for saved in tree["panes"]]
        self.panes = {span.start: span for span in spans}
        self.open = Span.load(tree["open"], self.watches) if tree["open"] else None

    def _followed(self) -> int | None:
        """The watermark that follows from the rows."""
        if self.newest is None:
            return None
        held = sorted(pane for pane, span in self.panes.items() if span.requests)
        newest, ahead = self.newest, 0
        for before, pane in reversed(list(pairwise(held if self.boundary is None else [self.boundary, *held]))):
            ahead += self.panes[pane].requests
            if ahead >= FEW:
                break
            if pane - before > self.at_most:
                newest = before * self.every
        return newest - self.lateness

    def _set_back(self, until: int) -> Iterator[Span]:
        """Opens the panes from `until` on again, if the clock was ahead."""
        if self.until is None or until >= self.until - SET_BACK:
            self.until = until if self.until is None else max(self.until, until)
            return
        self.until, self.boundary = until, until // self.every
        self.newest = None if self.newest is None else min(self.newest, until)
        if self.open and self.open.start >= self.boundary:
            closed, self.open = self.open, None
            yield closed

    def _complete(self, boundary: int) -> Iterator[Span]:
        if self.boundary is not None and boundary <= self.boundary:
            return
        self.boundary = boundary
        for pane in sorted(pane for pane in self.panes if pane < boundary):
            span = self.panes.pop(pane)
            yield from self._expire(pane)
            if self.open:
                self.open.merge(span)
            elif span.requests:
                self.open = span
            else:
                self.unmatched += sum(abs(portion.rows) for portion in span.parts.values())
            if self.open and (self.open.requests >= self.rows or self.open.requests - self.open.rows >= self.refusals):
                closed, self.open = self.open, None
                yield closed
        yield from self._expire(boundary)

    def _expire(self, pane: int) -> Iterator[Span]:
        if self.open and pane >= self.open.start + self.at_most:
            closed, self.open = self.open, None
            closed.end = closed.start + self.at_most
            yield closed

    def _pane(self, pane: int) -> Span:
        span = self.panes.get(pane)
        if span is None:
            span = self.panes[pane] = Span(pane, pane + 1)
        return span

    def _part(self, span: Span, feed: str) -> Portion:
        if feed not in span.parts:
            span.parts[feed] = Portion(self.watches[feed])
        return span.parts[feed]

    def _crowded(self) -> bool:
        if len(self.panes) > MOST_PANES:
            return True
        return sum(part.held_bytes for span in self.panes.values() for part in span.parts.values()) > MOST_BYTES


def split(batch: Batch, keys: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Iterator[tuple[int, Batch]]:
    """The rows of each key, int64 [n], in ascending order of the keys; rows of one key keep their order."""
    if not len(batch):
        return
    if (keys == keys[0]).all():
        yield int(keys[0]), batch
        return
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    rows = batch.take(order)
    starts = [0, *(np.flatnonzero(np.diff(ordered)) + 1).tolist(), len(order)]
    for start, end in pairwise(starts):
        yield int(ordered[start]), rows.take(cast(Any, slice(start, end)))  # no copy, unlike indices
