"""What was refused of a model's requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gateway.report.content import Refused
from gateway.report.period import Period, Scale
from gateway.report.question import Question
from gateway.store.part import epoch_us
from gateway.store.snapshot import Snapshot, snapshot

_COLUMNS = ("time", "model", "version", "status", "code")
_OF_ALL_MODELS = ""  # what Part.model says of refusals


class Refusals(NamedTuple):
    """Refused requests of a model in a period. seconds: how many in each second since the epoch that had one."""

    requests: list[Refused]
    seconds: Counter[int]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.seconds.values())

    @property
    def ends(self) -> list[tuple[int, int]]:
        """The seconds of the first and of the last one, as ns since the epoch; empty if there is none."""
        return [(min(self.seconds) * 10**9, max(self.seconds) * 10**9)] if self.seconds else []

    def by_stretch(self, scale: Scale) -> list[int]:
        """How many in each stretch."""
        times = np.array(list(self.seconds), np.int64) * 10**9
        counts = np.array(list(self.seconds.values()), np.int64)
        summed = np.bincount(scale.places(times), counts, scale.count)
        return [int(count) for count in summed]


def refusals(data: Path, question: Question) -> Refusals:
    """What is committed of them; where versions are named, only what these refused. Raises SetupError if there is no store."""
    requests: Counter[tuple[str, int, int]] = Counter()
    seconds: Counter[int] = Counter()
    with snapshot(data, _OF_ALL_MODELS) as found:
        for table in _tables(found, question.model, question.period):
            chosen = np.ones(len(table), np.bool_)
            if question.versions:
                chosen = np.isin(table.column("version").to_numpy(), list(question.versions))
            rows = table.filter(pa.array(chosen))
            requests.update(
                zip(*(rows.column(name).to_pylist() for name in ("code", "status", "version")), strict=True)
            )
            seconds.update((epoch_us(rows.column("time")) // 1_000_000).tolist())
    told = [
        Refused(code=code, status=status, version=version or None, requests=count)
        for (code, status, version), count in sorted(requests.items(), key=lambda each: (-each[1], each[0]))
    ]
    return Refusals(told, seconds)


def _tables(found: Snapshot, model: str, period: Period) -> Iterator[pa.Table]:
    for part in found.parts:
        if not period.meets(part.begin * 1000, part.end * 1000):
            continue
        for table in found.read(part, _COLUMNS):
            mine = table.filter(pc.equal(table.column("model"), model))
            if len(mine):
                yield mine.filter(pa.array(period.holds(epoch_us(mine.column("time")) * 1000)))
