"""Rows for the monitors: 30 features that move together, an attribute, scores and labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from monitors.record import Batch
from monitors.reference import Reference
from monitors.rehearsal import rehearse
from monitors.schema import ColumnSpec, Schema

NUMBERS, CATEGORIES, FACTORS = 24, 6, 5
TRAINED = 20_000
SECOND = 10**9


@dataclass(frozen=True, slots=True)
class Traffic:
    """batch: the rows, 100 of them each second. past: those that the reference was made of, by column."""

    reference: Reference
    batch: Batch
    past: dict[str, Any]
    groups: tuple[str, ...] = ("sex",)

    def save(self, path: Path, rows: int) -> None:
        """Writes the first `rows` of the batch and as many past rows as there are, as arrays by name, strings as text."""
        now = {f"now.{name}": _plain(values[:rows]) for name, values in self.batch.columns.items()}
        before = {f"before.{name}": _plain(values) for name, values in self.past.items()}
        np.savez(path, **now, **before)


def traffic(rows: int, seed: int = 11) -> Traffic:
    """The same rows for the same seed; nothing drifts."""
    random = np.random.default_rng(seed)
    loadings = random.normal(size=(FACTORS, NUMBERS + CATEGORIES))
    past, scores, labels = _columns(TRAINED, loadings, random)
    kinds = [ColumnSpec(name, "categorical" if name.startswith("c") else "numeric") for name in past]
    times = np.arange(TRAINED) * SECOND
    built = Reference.build(past, Schema(tuple(kinds), "binary"), scores, labels)
    names = np.arange(TRAINED).astype(str).astype(object)
    reference = rehearse(built, Batch(times, names, past, scores, None, labels))
    columns, scores, labels = _columns(rows, loadings, random)
    ids = np.array([f"{number:016x}" for number in random.integers(0, 2**62, rows).tolist()], object)
    time = TRAINED * SECOND + np.arange(rows) * (SECOND // 100)
    sex = random.choice(np.array(["female", "male"], object), rows)
    said = (scores >= 0.5).astype(np.int64)
    batch = Batch(time, ids, columns, scores, said, labels, groups={"sex": sex}, label_time=time + 10 * SECOND)
    return Traffic(reference, batch, past)


def _columns(rows: int, loadings: Any, random: np.random.Generator) -> tuple[dict[str, Any], Any, Any]:
    factors = random.normal(size=(rows, FACTORS))
    values = factors @ loadings + random.normal(size=(rows, NUMBERS + CATEGORIES))
    columns: dict[str, Any] = {f"x{i}": values[:, i].astype(np.float32) for i in range(NUMBERS)}
    words = np.array([f"v{i}" for i in range(8)], object)
    for i in range(CATEGORIES):
        columns[f"c{i}"] = words[np.clip(np.rint(values[:, NUMBERS + i] + 4), 0, 7).astype(np.int64)]
    scores = 1 / (1 + np.exp(-factors[:, 0]))
    return columns, scores, (random.random(rows) < scores).astype(np.float64)


def _plain(values: Any) -> Any:
    return values.astype(str) if values.dtype == object else values
