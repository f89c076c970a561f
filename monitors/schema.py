"""What the columns of a model are, as far as monitoring has to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from monitors.errors import ReferenceRefused

Category = str | int | bool
Kind = Literal["numeric", "categorical", "wide"]
Task = Literal["binary", "multiclass", "regression", "other"]


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """One column. `wide` holds several numbers in each row, such as the pixels of an image.

    categories: the values that are expected of a categorical column, in the order in which they are counted; left empty,
    they are found in the data.
    """

    name: str
    kind: Kind
    categories: tuple[Category, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ReferenceRefused(
                f'column "{self.name}": kind {self.kind!r}, expected one of {", ".join(get_args(Kind))}'
            )
        if self.categories and self.kind != "categorical":
            raise ReferenceRefused(f'column "{self.name}": categories are given, but its kind is {self.kind}')
        if len(set(self.categories)) < len(self.categories):
            raise ReferenceRefused(f'column "{self.name}": each category may stand once, found {self.categories}')


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns, and what the model does with them.

    classes: the labels of a classifier, in the order of its scores; for a binary task the last is the positive one.
    Empty means 0 and 1 for a binary task, and 0, 1, 2, … for a multiclass task.
    """

    columns: tuple[ColumnSpec, ...]
    task: Task = "other"
    classes: tuple[str | int, ...] = ()

    def __post_init__(self) -> None:
        if self.task not in get_args(Task):
            raise ReferenceRefused(f"task {self.task!r}, expected one of {', '.join(get_args(Task))}")
        names = [column.name for column in self.columns]
        if len(set(names)) < len(names):
            raise ReferenceRefused(f"columns: each name may stand once, found {', '.join(names)}")
        if self.task == "binary" and len(self.classes) not in (0, 2):
            raise ReferenceRefused(f"a binary task has 2 classes, found {len(self.classes)}: {self.classes}")
        if len(set(self.classes)) < len(self.classes):
            raise ReferenceRefused(f"classes: each may stand once, found {self.classes}")
