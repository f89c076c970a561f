"""The replicas by what they last reported: who answers, who starts, who should be there and is not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from gateway.statistics import Counts, summed

GONE_S, BURIED_S = 3.0, 60.0
"""A replica that has not reported for so long is not waited for; for so long, it will not come back."""

Report = dict[str, Any]
"""See link.Link: pid, revision (0: it starts), failures, in_flight, closed, load, ready (versions by model), statistics."""


class Roster:
    """Reports by replica. wanted: so many replicas there should be at least. clock: s, of any beginning. complete: all that are
    wanted were seen before, by the roster of a control actor that died.
    """

    def __init__(self, wanted: int, clock: Callable[[], float] = time.monotonic, *, complete: bool = False) -> None:
        self._wanted = wanted
        self._clock = clock
        self._complete = complete
        self._reports: dict[str, tuple[float, Report]] = {}
        self._departed: Counts = {}

    def note(self, replica: str, report: Report) -> bool:
        """Takes a report; says whether the replica has another revision than it had."""
        before = self._reports.get(replica)
        self._reports[replica] = (self._clock(), report)
        self._bury()
        return before is None or before[1]["revision"] != report["revision"]

    def living(self) -> dict[str, Report]:
        """The last report of each replica that still reports."""
        now = self._clock()
        return {name: report for name, (seen, report) in self._reports.items() if now - seen <= GONE_S}

    def serving(self) -> list[Report]:
        """Of those that answer: one that starts has applied nothing yet, and gets no requests."""
        return [report for report in self.living().values() if report["revision"] > 0]

    def ready(self, model: str) -> set[int]:
        """The versions that every replica can answer with."""
        held = [set(report["ready"].get(model, ())) for report in self.serving()]
        return set.intersection(*held) if held else set()

    def states(self) -> dict[str, int]:
        """How many serve, how many start, and how many are missing that were there or have been replaced by nobody yet.

        Until all that are wanted were seen once, those that were not are starting.
        """
        living, serving = len(self.living()), len(self.serving())
        missing = max(0, self._wanted - living)
        self._complete = self._complete or not missing
        expected, gone = (0, missing) if self._complete else (missing, 0)
        return {"serving": serving, "starting": living - serving + expected, "unreachable": gone}

    def totals(self) -> Counts:
        """Statistics by model and version, of all replicas that this roster has seen, those that are gone included."""
        return summed(self._departed, *(report["statistics"] for _, report in self._reports.values()))

    def _bury(self) -> None:
        now = self._clock()
        for replica in [name for name, (seen, _) in self._reports.items() if now - seen > BURIED_S]:
            self._departed = summed(self._departed, self._reports.pop(replica)[1]["statistics"])
