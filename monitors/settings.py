"""How windows are cut, what is kept, and how many false alarms are put up with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from monitors.schema import Category

Sliced = Literal[
    "performance",
    "estimate",
    "quality",
    "prediction_drift",
    "fairness",
    "drift",
    "multivariate_drift",
    "label_drift",
    "outlier",
]
"""The monitors that can watch a slice."""

SLICED: Final[tuple[Sliced, ...]] = ("performance", "estimate", "quality", "prediction_drift", "fairness")
"""Those that do, unless others are named."""

Slices = tuple[Mapping[str, tuple[Category, ...]], ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user may set; the defaults work without tuning.

    every: s, the pane: windows begin and end on its multiples. rows: how many answers make a window; at_most: s, after
    which it closes with fewer. lateness: s, how much later than newer answers an answer may come without being late.
    false_alarms_per_month: how many a model that does not change may raise. k, of: an alarm that is not strong enough to
    fire at once fires when k of the last `of` windows departed. min_group: rows that a group needs before it is compared.
    slices: each an entry of columns or groups and the values of the rows that belong to it, such as
    {"carrier": ("UA", "DL")}; their rows are watched once more, on their own, by the monitors that `sliced` names.
    keep_bytes: of closed windows whose labels may still come; beyond it the oldest neighbours become one.
    history: how many closed windows are remembered for dashboards.
    """

    every: float = 60.0
    rows: int = 1_000
    at_most: float = 86_400.0
    lateness: float = 10.0
    false_alarms_per_month: float = 1.0
    k: int = 2
    of: int = 3
    min_group: int = 30
    slices: Slices = ()
    sliced: tuple[Sliced, ...] = SLICED
    keep_bytes: int = 32 * 2**20
    history: int = 500

    def __post_init__(self) -> None:
        for name in ("every", "rows", "at_most", "false_alarms_per_month", "k", "min_group", "keep_bytes", "history"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected more than 0")
        if self.lateness < 0:
            raise ValueError(f"lateness: found {self.lateness}, expected 0 or more")
        if self.at_most < self.every:
            raise ValueError(f"at_most: found {self.at_most} s, expected at least `every`, {self.every} s")
        if unknown := [name for name in self.sliced if name not in get_args(Sliced)]:
            raise ValueError(f"sliced: found {', '.join(unknown)}, expected {', '.join(get_args(Sliced))}")
        if self.k > self.of:
            raise ValueError(f"k of m: found {self.k} of {self.of}, expected at most {self.of} of {self.of}")
