"""Which values occur most, in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping


class Tally:
    """Counts of the most frequent values: exact until more than `capacity` differ.

    Beyond that, the rarest give way, and `dropped` counts what they had: a value that is shown occurred at least as often as
    it says, and at most `dropped` times more. Adding two tallies gives one of both.

    >>> tally = Tally(capacity=2)
    >>> tally.add(["JAC", "JAC", "ANC", "LEX"])
    >>> tally.top(1), tally.dropped
    ([('JAC', 2)], 1)
    """

    __slots__ = ("capacity", "counts", "dropped")

    def __init__(self, capacity: int = 64, counts: Mapping[str, int] | None = None, dropped: int = 0) -> None:
        self.capacity = capacity
        self.counts: Counter[str] = Counter(counts)
        self.dropped = dropped

    def add(self, values: Iterable[str]) -> None:
        """Counts each value once more."""
        self.counts.update(values)
        self._trim()

    def merge(self, other: Tally) -> None:
        """Takes in the counts of another."""
        self.counts.update(other.counts)
        self.dropped += other.dropped
        self._trim()

    def top(self, most: int | None = None) -> list[tuple[str, int]]:
        """The most frequent values with their counts; equal counts in order of the values."""
        return sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))[:most]

    def _trim(self) -> None:
        if len(self.counts) <= self.capacity:
            return
        kept = dict(self.top(self.capacity))
        self.dropped += sum(self.counts.values()) - sum(kept.values())
        self.counts = Counter(kept)
