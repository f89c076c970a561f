"""YAML checked against a frozen pydantic tree; every problem is told at once, with file, line and key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.errors import SetupError


class Frozen(BaseModel):
    """A value: it never changes, and a key that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Tree = TypeVar("Tree", bound=BaseModel)

_MOST = 200_000
"""Values of a document, aliases written out: some kB could make as many as fill the memory."""


def document(text: str, tree: type[Tree], where: Path, error: type[SetupError]) -> Tree:
    """Reads YAML as `tree`; every problem is told at once, each as `file:line: key: what is wrong`.

    Raises `error`.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if _expanded(node) > max(_MOST, len(text)):  # without aliases there are never more than characters
            raise error(f"{where}: its aliases make more than {_MOST:,} values of it")
        content = yaml.safe_load(text)
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise error(f"{where}{line}: not valid YAML: {getattr(problem, 'problem', problem)}") from None
    except ValueError as problem:  # 2013-02-30 looks like a date
        raise error(f"{where}: not valid YAML: {problem}") from None
    doubled = [f"{where}:{line}: {key}: given twice, first in line {first}" for line, key, first in _doubled(node)]
    if doubled:
        raise error("\n".join(doubled))
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise error(f"{where}: expected a mapping of keys at the top, found {type(content).__name__}")
    try:
        return tree.model_validate(content)
    except ValidationError as problems:
        lines = [_sentence(problem, node, where) for problem in problems.errors()]
        raise error("\n".join(lines)) from None


def _expanded(root: yaml.Node | None) -> int:
    """Values, each alias written out, but for those within their own anchors: these never fit a tree."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node) -> int:
        if not isinstance(node, yaml.CollectionNode):
            return 1
        if id(node) not in sizes:
            sizes[id(node)] = 1
            held = node.value if isinstance(node, yaml.SequenceNode) else [part for pair in node.value for part in pair]
            sizes[id(node)] = 1 + sum(map(size, held))
        return sizes[id(node)]

    return 0 if root is None else size(root)


def _doubled(root: yaml.Node | None) -> Iterator[tuple[int, str, int]]:
    """Keys that stand in a mapping twice, of which YAML would silently keep the last: line, path, and the line of the first.

    Compared as text, as pydantic takes 1 and "1" for the same version. Each node is met once, whatever aliases lead to it.
    """
    met, waiting = set(), [(root, "")]
    while waiting:
        node, path = waiting.pop()
        if id(node) in met or not isinstance(node, yaml.CollectionNode):
            continue
        met.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += [(item, f"{path}{place}.") for place, item in enumerate(node.value)]
            continue
        lines: dict[str, int] = {}
        for key, value in node.value:
            line, name = key.start_mark.line + 1, str(key.value)
            if name in lines and name != "<<":
                yield line, path + name, lines[name]
            lines.setdefault(name, line)
            waiting.append((value, f"{path}{name}."))


def _sentence(problem: Any, node: yaml.Node | None, where: Path) -> str:
    path = tuple(problem["loc"])
    line, key = _locate(node, path)
    what = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        what = "unknown key"
    elif problem["type"] not in ("missing", "value_error"):
        what = f"{what}, found {problem['input']!r}"
    return f"{where}:{line}: {key + ': ' if key else ''}{what}"


def _locate(node: yaml.Node | None, path: tuple[str | int, ...]) -> tuple[int, str]:
    """The line (from 1) of the deepest part of `path` that the text holds, and the path in words."""
    line = node.start_mark.line + 1 if node else 1
    words: list[str] = []
    for part in path:
        if isinstance(node, yaml.MappingNode):
            entry = next(((k, v) for k, v in node.value if str(k.value) == str(part)), None)
            if entry is not None:
                line, node = entry[0].start_mark.line + 1, entry[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        words.append(str(part))
    return line, ".".join(words)
