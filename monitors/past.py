"""Windows that are closed but whose labels may still come, in bounded memory."""

from __future__ import annotations

from bisect import bisect, bisect_left
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitors.checkpoint import pack, unpack
from monitors.portion import Form, Portion, Watch
from monitors.record import Batch
from monitors.window import Span, split

HOT = 16
MOST = 2_000
"""So many closed windows are at hand as they are, and so many are kept at all; the others lie compressed."""

GROWN = 4
"""A window is judged again once it has so many times the labels that it was last judged on."""


@dataclass(slots=True)
class Kept:
    """A closed window. start, end: panes. rows: answers. labelled: how many labels came. seen: how many it was last judged on.

    looks: in so many judgements something was tested. mark: how many labels later windows had before its own grew.
    merged: so many windows became this one for want of room. portion or blob: what the labels were folded into, at hand or
    compressed. found: what they said when last asked, packed; empty once more labels came. verdict: of when it was last judged,
    packed: the states of its alarms, the track record of estimates, and the gaps that went into that. estimates: of its
    performance, from before any label, packed.
    """

    start: int
    end: int
    rows: int
    labelled: int = 0
    seen: int = 0
    looks: int = 0
    mark: int = 0
    merged: int = 1
    portion: Portion | None = None
    blob: bytes = b""
    found: bytes = b""
    verdict: bytes = b""
    estimates: bytes = b""

    @property
    def due(self) -> bool:
        """Whether it has so many more labels that they may say something else."""
        return self.labelled >= max(1, GROWN * self.seen)


FIELDS = ("start", "end", "rows", "labelled", "seen", "looks", "mark", "merged", "verdict", "estimates", "blob")
"""What of a closed window a checkpoint holds."""


class Past:
    """Closed windows in order of time. Beyond `keep_bytes` the two oldest become one: labels that come very late still
    count, only over a longer window."""

    def __init__(self, watch: Watch, every: int, keep_bytes: int) -> None:
        self.watch = watch
        self.every = every
        self.keep_bytes = keep_bytes
        self.windows: list[Kept] = []
        self.unmatched = 0  # labelled rows older than every window
        self._starts: list[int] = []
        self._hot: dict[int, Kept] = {}

    def close(self, span: Span, feed: str) -> Kept:
        """Takes in a window that has just closed, with the labels that came before."""
        portion = span.parts.get(feed) or Portion(self.watch)
        kept = Kept(span.start, span.end, span.rows, portion.rows, portion=portion)
        place = bisect(self._starts, span.start)  # before those that a clock which was ahead has closed
        self.windows.insert(place, kept)
        self._starts.insert(place, span.start)
        self._hot[id(kept)] = kept
        self._trim()
        return kept

    def labelled(self, batch: Batch, weight: int = 1) -> None:
        """Labels of rows of closed windows; of a row between two windows, the earlier one."""
        # The windows, not their panes: a batch of labels may reach over thousands of panes.
        places = np.searchsorted(np.array(self._starts, np.int64), batch.time // self.every, "right") - 1
        form = Form.of(batch)
        for place, rows in split(batch, places):
            if place < 0:
                self.unmatched += len(rows)
                continue
            kept = self.windows[place]
            self.portion(kept).add(rows, weight, form)
            kept.labelled += weight * len(rows)
            kept.found = b""
        self._trim()

    def portion(self, kept: Kept) -> Portion:
        """What the window's labels were folded into."""
        if kept.portion is None:
            kept.portion = Portion.load(unpack(kept.blob), self.watch)
            kept.blob = b""
        self._hot.pop(id(kept), None)
        self._hot[id(kept)] = kept  # the most recently used one stands last
        return kept.portion

    def ripe(self, boundary: int | None = None) -> list[Kept]:
        """Windows whose labels have grown, and whose later ones have since got as many: theirs have come, as far as they will
        for now. In order of time. boundary: a pane; windows from there on are of a clock that was ahead, and say nothing."""
        found, later = [], 0
        for kept in reversed(self._before(boundary)):
            waits = kept.due and later - kept.mark < kept.labelled - kept.seen
            if kept.due and not waits:
                found.append(kept)
            if not waits:
                kept.mark = later
            later += kept.labelled
        return found[::-1]

    def fullest(self, boundary: int | None = None) -> Kept | None:
        """The newest window in which something was tested, else the newest that was judged, else that with the most labels.

        boundary: see ripe.
        """
        windows = self._before(boundary)
        judged = [kept for kept in reversed(windows) if kept.seen]
        if judged:
            return max(judged, key=lambda kept: kept.looks > 0)
        labelled = [kept for kept in windows if kept.labelled]
        return max(labelled, key=lambda kept: kept.labelled, default=None)

    def due(self) -> list[Kept]:
        """All windows whose labels have grown since they were judged, in order of time."""
        return [kept for kept in self.windows if kept.due]

    def dump(self) -> Any:
        """All of it as a plain tree."""
        for kept in list(self._hot.values()):
            self._cool(kept)
        return {"unmatched": self.unmatched, "windows": [[getattr(k, f) for f in FIELDS] for k in self.windows]}

    def load(self, tree: Any) -> None:
        """Takes over what `dump` gave."""
        self.unmatched = tree["unmatched"]
        self.windows = [Kept(**dict(zip(FIELDS, saved, strict=True))) for saved in tree["windows"]]
        self._starts = [kept.start for kept in self.windows]

    def _before(self, boundary: int | None) -> list[Kept]:
        return self.windows if boundary is None else self.windows[: bisect_left(self._starts, boundary)]

    def _bytes(self) -> int:
        return sum(len(k.blob) + len(k.found) + len(k.verdict) + len(k.estimates) for k in self.windows)

    def _cool(self, kept: Kept) -> None:
        assert kept.portion is not None
        kept.blob, kept.portion = pack(kept.portion.dump()), None
        del self._hot[id(kept)]

    def _trim(self) -> None:
        while len(self._hot) > HOT:
            self._cool(next(iter(self._hot.values())))
        if self._bytes() > self.keep_bytes:
            for kept in self.windows:
                kept.found = b""  # it can be had again
        while len(self.windows) > 2 and (len(self.windows) > MOST or self._bytes() > self.keep_bytes):
            first, second = self.windows[:2]
            self.portion(first).merge(self.portion(second))
            first.end, first.rows = second.end, first.rows + second.rows
            first.labelled += second.labelled
            first.found = first.verdict = first.estimates = b""
            first.seen, first.looks, first.mark = first.seen + second.seen, max(first.looks, second.looks), 0
            first.merged += second.merged
            del self.windows[1], self._starts[1], self._hot[id(second)]
            self._cool(first)
