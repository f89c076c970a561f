"""Windows that are closed but whose labels may still come, in bounded memory."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator
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


@dataclass(slots=True)
class Kept:
    """A closed window. start, end: panes. rows: answers. labelled: how many labels came. judged: whether it was judged on them.

    merged: so many windows became this one for want of room. portion or blob: what the labels were folded into, at hand or
    compressed. found: what they said when last asked, packed; empty once more labels came. verdict: when it was judged, the
    states of its alarms and the track record of estimates, packed. estimates: of its performance, from before any label, packed.
    """

    start: int
    end: int
    rows: int
    labelled: int = 0
    judged: bool = False
    merged: int = 1
    portion: Portion | None = None
    blob: bytes = b""
    found: bytes = b""
    verdict: bytes = b""
    estimates: bytes = b""


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

    def ripe(self) -> Iterator[Kept]:
        """Windows not judged yet whose later ones have as many labels as they: theirs have come, as far as they will.

        In order of time. One without labels is ripe when a later one is.
        """
        later, ready = 0, 0
        for place in range(len(self.windows) - 1, -1, -1):
            kept = self.windows[place]
            if kept.judged:
                break
            if later and later >= kept.labelled:
                ready = place + 1
                break
            later += kept.labelled
        for kept in self.windows[:ready]:
            if not kept.judged:
                yield kept

    def fullest(self) -> Kept | None:
        """The newest window whose labels have come, as `ripe` has it; before there is one, that with the most labels."""
        later = 0
        for kept in reversed(self.windows):
            if later >= kept.labelled > 0:
                return kept
            later += kept.labelled
        labelled = max(self.windows, key=lambda kept: kept.labelled, default=None)
        return labelled if labelled and labelled.labelled else None

    def unjudged(self) -> Iterator[Kept]:
        """All windows with labels that were never judged, in order of time."""
        return (kept for kept in self.windows if kept.labelled and not kept.judged)

    def dump(self) -> Any:
        """All of it as a plain tree."""
        for kept in list(self._hot.values()):
            self._cool(kept)
        fields = ("start", "end", "rows", "labelled", "judged", "merged", "verdict", "estimates", "blob")
        return {"unmatched": self.unmatched, "windows": [[getattr(k, f) for f in fields] for k in self.windows]}

    def load(self, tree: Any) -> None:
        """Takes over what `dump` gave."""
        self.unmatched = tree["unmatched"]
        self.windows = []
        for start, end, rows, labelled, judged, merged, verdict, estimates, blob in tree["windows"]:
            self.windows.append(Kept(start, end, rows, labelled, judged, merged, None, blob, b"", verdict, estimates))
        self._starts = [kept.start for kept in self.windows]

    def _bytes(self) -> int:
        return sum(len(k.blob) + len(k.found) + len(k.verdict) + len(k.estimates) for k in self.windows)

    def _cool(self, kept: Kept) -> None:
        assert kept.portion is not None
        kept.blob, kept.portion = pack(kept.portion.dump()), None
        del self._hot[id(kept)]

    def _trim(self) -> None:
        while len(self._hot) > HOT:
            self._cool(next(iter(self._hot.values())))
        while len(self.windows) > 2 and (len(self.windows) > MOST or self._bytes() > self.keep_bytes):
            first, second = self.windows[:2]
            self.portion(first).merge(self.portion(second))
            first.end, first.rows = second.end, first.rows + second.rows
            first.labelled += second.labelled
            first.found = first.verdict = first.estimates = b""
            first.judged, first.merged = first.judged and second.judged, first.merged + second.merged
            del self.windows[1], self._starts[1], self._hot[id(second)]
            self._cool(first)
