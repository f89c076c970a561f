"""What monitoring has to know of `model.yaml`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import yaml

from monitors.errors import ManifestRefused
from monitors.schema import Task


@dataclass(frozen=True, slots=True)
class Column:
    """An input or an output. width: how many values a row holds, -1 if that varies."""

    name: str
    datatype: str
    width: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What of a manifest concerns monitoring; see `docs/configuration.md` for what each key means."""

    name: str
    task: Task
    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]
    score: str | None
    prediction: str | None
    classes: tuple[str | int, ...]
    groups: tuple[str, ...]


def read_facts(path: Path) -> Facts:
    """The facts of the manifest at `path`. Raises ManifestRefused."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError) as problem:
        raise ManifestRefused(f"{path}: cannot be read: {problem}") from None
    if not isinstance(content, dict):
        raise ManifestRefused(f"{path}: found {type(content).__name__}, expected a mapping of keys")
    try:
        return _facts(content)
    except (KeyError, TypeError, ValueError) as problem:
        what = f"no {problem}" if isinstance(problem, KeyError) else str(problem)
        raise ManifestRefused(f"{path}: {what}") from None


def _facts(content: Mapping[str, Any]) -> Facts:
    task = content.get("task", "other")
    if task not in get_args(Task):
        raise ValueError(f"task: found {task!r}, expected one of {', '.join(get_args(Task))}")
    return Facts(
        str(content["name"]),
        task,
        _columns(content["inputs"]),
        _columns(content["outputs"]),
        content.get("score"),
        content.get("prediction"),
        tuple(content.get("classes", ())),
        tuple(content.get("groups", ())),
    )


def _columns(declared: Sequence[Mapping[str, Any]]) -> tuple[Column, ...]:
    return tuple(Column(each["name"], each["datatype"], _width(each["shape"])) for each in declared)


def _width(shape: Sequence[int]) -> int:
    row = shape[1:] if list(shape[:1]) == [-1] else shape
    return -1 if -1 in row else math.prod(row)
