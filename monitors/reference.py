"""The reference: how the training data was distributed, and what the model made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from monitors import archive
from monitors.categorical import Categorical, elements
from monitors.errors import ReferenceRefused
from monitors.halfspace import HalfSpaces, spots
from monitors.natural import Natural
from monitors.numeric import Numeric
from monitors.projection import Projection
from monitors.record import OUTPUT
from monitors.schema import ColumnSpec, Kind, Schema
from monitors.score import ClassScores, ScoreHistogram, ValueScores, places

Columns = Mapping[str, NDArray[Any]]
Profile = Numeric | Categorical | Projection

PLANE_SHARE = 0.8
"""The numeric columns' common components hold at least this share of their variance; the rest is what is watched."""


@dataclass(frozen=True, eq=False, slots=True)
class Reference:
    """The profile of the rows that a model was trained on: what every later window is compared with.

    rows: how many there were. columns: one profile for each column of the schema, in its order; a wide one is a
    Projection. plane: the principal components of the numeric columns together, None where there are fewer than two.
    scores: what the model answered, None where that was not given. labels: their distribution, None likewise.
    outliers: the half-spaces that tell strange rows from ordinary ones, None where there is no column to look at.
    natural: how far what monitors measure strayed within the training rows, in parts for measurements of different rows;
    empty if nobody looked (see monitors.rehearsal).
    Older files have neither of these two.
    All counts are integers, so windows that are counted over the same bins add up.
    """

    schema: Schema
    rows: int
    columns: tuple[Profile, ...]
    plane: Projection | None
    scores: ClassScores | ValueScores | None
    labels: Numeric | Categorical | None
    outliers: HalfSpaces | None = None
    natural: tuple[Natural, ...] = ()

    def __post_init__(self) -> None:
        if len(self.columns) != len(self.schema.columns):
            raise ReferenceRefused(f"found {len(self.columns)} profiles, expected {len(self.schema.columns)}")

    @classmethod
    def build(
        cls,
        columns: Columns,
        schema: Schema,
        scores: NDArray[Any] | None = None,
        labels: NDArray[Any] | None = None,
    ) -> Reference:
        """Profiles rows as the model saw them: float64 values would fall on other sides of the edges than its float32.

        columns: arrays by name, [n], wide ones [n, width]. More than the schema names are ignored.
        scores: float [n], or [n, classes] for a multiclass task, in the order of the classes. Leave NaN for rows that
        the model was fitted on: its answers to those look better calibrated than they are.
        labels: [n], NaN or None for those that are not known.
        Raises ReferenceRefused, naming the column, for what is missing or does not fit.
        """
        rows = _rows(columns, schema)
        profiles = tuple(_profile(columns[spec.name], spec) for spec in schema.columns)
        answered, truth = _answers(schema, rows, scores, labels)
        return cls(
            schema,
            rows,
            profiles,
            _plane(columns, schema),
            answered,
            truth,
            _outliers(columns, schema, profiles),
        )

    def __getitem__(self, name: str) -> Profile:
        """The profile of the column of that name. Raises KeyError."""
        return dict(zip((spec.name for spec in self.schema.columns), self.columns, strict=True))[name]

    def save(self, path: Path) -> None:
        """Writes one `.npz` file; the same reference gives the same bytes."""
        path.write_bytes(archive.pack(self))

    @classmethod
    def load(cls, path: Path) -> Reference:
        """Reads what `save` wrote. Raises ReferenceRefused for anything else."""
        return cast(Reference, archive.unpack(path, _KINDS, cls.__name__))


_KINDS = {
    kind.__name__: kind
    for kind in (
        Reference,
        Schema,
        ColumnSpec,
        Numeric,
        Categorical,
        Projection,
        ClassScores,
        ScoreHistogram,
        ValueScores,
        HalfSpaces,
        Natural,
    )
}


def numeric_matrix(columns: Columns, schema: Schema) -> NDArray[np.float64] | None:
    """The numeric columns side by side, float64 [n, width], as `plane` takes them; None where there are fewer than two."""
    names = [spec.name for spec in schema.columns if spec.kind == "numeric"]
    return np.column_stack([np.asarray(columns[name], np.float64) for name in names]) if len(names) > 1 else None


def _rows(columns: Columns, schema: Schema) -> int:
    lengths = {}
    for spec in schema.columns:
        if spec.name not in columns:
            raise ReferenceRefused(f'column "{spec.name}": missing; found {", ".join(columns) or "no columns"}')
        lengths[spec.name] = len(columns[spec.name])
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise ReferenceRefused(f"columns differ in length: {found}")
    rows = next(iter(lengths.values()), 0)
    if not rows:
        raise ReferenceRefused("found no rows, expected at least 1")
    return rows


def _profile(values: NDArray[Any], spec: ColumnSpec) -> Profile:
    try:
        if spec.kind == "categorical":
            return Categorical.build(values, spec.categories)
        if spec.kind == "numeric":
            return Numeric.build(values)
        if values.ndim != 2 or values.shape[1] < 2 or values.dtype.kind not in "fiub":
            raise ReferenceRefused(f"found {values.dtype} {list(values.shape)}, expected numbers [rows, 2 or more]")
        return Projection.build(values)
    except ReferenceRefused as problem:
        raise ReferenceRefused(f'column "{spec.name}": {problem}') from None


def _plane(columns: Columns, schema: Schema) -> Projection | None:
    matrix = numeric_matrix(columns, schema)
    return None if matrix is None else Projection.build(matrix, PLANE_SHARE)


def _outliers(columns: Columns, schema: Schema, profiles: tuple[Profile, ...]) -> HalfSpaces | None:
    """A point has the numbers first, then what wide columns are projected on, then two axes of each category."""
    kinds: tuple[Kind, ...] = ("numeric", "wide", "categorical")
    inputs = [pair for pair in zip(schema.columns, profiles, strict=True) if not pair[0].name.startswith(OUTPUT)]
    inputs.sort(key=lambda pair: kinds.index(pair[0].kind))
    if not inputs:
        return None
    points = np.concatenate([_axes(profile, columns[spec.name]) for spec, profile in inputs])
    return HalfSpaces.build(points, tuple(spec.name for spec, _ in inputs))


def _axes(profile: Profile, values: NDArray[Any]) -> NDArray[np.float32]:
    """float32 [axes, n]: the part of the points that is one column."""
    if isinstance(profile, Categorical):
        return np.ascontiguousarray(spots(profile).astype(np.float32)[profile.index(values)].T)
    with np.errstate(over="ignore"):
        if isinstance(profile, Numeric):
            return np.asarray(values, np.float64).astype(np.float32)[None]
        coordinates, error = profile.project(values)
        return np.vstack([coordinates.T, error]).astype(np.float32)


def _answers(
    schema: Schema, rows: int, scores: NDArray[Any] | None, labels: NDArray[Any] | None
) -> tuple[ClassScores | ValueScores | None, Numeric | Categorical | None]:
    for name, array in (("scores", scores), ("labels", labels)):
        if array is not None and len(array) != rows:
            raise ReferenceRefused(f"{name}: found {len(array)}, expected {rows}, one for each row")
    if schema.task == "other":
        return None, None
    if schema.task == "regression":
        return _values(scores, labels, rows)
    if scores is not None and (scores.ndim != (1 if schema.task == "binary" else 2)):
        shape = "[n], the positive class alone" if schema.task == "binary" else "[n, classes]"
        raise ReferenceRefused(f"scores: found shape {list(scores.shape)}, but a {schema.task} task expects {shape}")
    width = 2 if schema.task == "binary" else scores.shape[1] if scores is not None else 0
    classes = schema.classes or tuple(range(width))
    if scores is not None and len(classes) != width:
        raise ReferenceRefused(f"scores: found {width} columns, expected {len(classes)}, one for each class")
    truth = np.full(rows, -1) if labels is None or not classes else places(elements(labels), classes)
    answered = None if scores is None else ClassScores.build(scores, truth)
    return answered, None if labels is None else Categorical.build(labels, classes)


def _values(
    scores: NDArray[Any] | None, labels: NDArray[Any] | None, rows: int
) -> tuple[ValueScores | None, Numeric | None]:
    try:
        truth = np.full(rows, np.nan) if labels is None else np.asarray(labels, np.float64)
    except (ValueError, TypeError):
        raise ReferenceRefused(
            "labels: found values that are not numbers, but a regression task expects them"
        ) from None
    if scores is not None and scores.ndim != 1:
        raise ReferenceRefused(f"scores: found shape {list(scores.shape)}, but a regression task expects [n]")
    answered = None if scores is None else ValueScores.build(scores, truth)
    return answered, None if labels is None else Numeric.build(truth)
