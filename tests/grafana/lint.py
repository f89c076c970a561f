"""What the lints of dashboards look at: panels, and the series that their queries select."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import promql_parser

Json = dict[str, Any]

FOLDER = Path(__file__).parent.parent.parent / "grafana" / "json"
DASHBOARDS: dict[str, Json] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))
}

_DURATIONS = {"$__rate_interval": "5m", "$__range": "3h"}


class Asked(NamedTuple):
    """A query, and where it is asked."""

    where: str
    expr: str


class Selected(NamedTuple):
    """A series that a query selects. within: the functions and aggregations around it, innermost first."""

    name: str
    matchers: dict[str, str]
    window: bool
    within: tuple[str, ...]


def panels(dashboard: Json) -> Iterator[Json]:
    """All panels but rows; those of closed rows too."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def asked(name: str) -> Iterator[Asked]:
    """Every query of a dashboard's panels and annotations."""
    dashboard = DASHBOARDS[name]
    for panel in panels(dashboard):
        for target in panel["targets"]:
            yield Asked(f"{name} · {panel['title']} · {target['refId']}", target["expr"])
    for annotation in dashboard["annotations"]["list"]:
        yield Asked(f"{name} · annotation {annotation['name']}", annotation["expr"])
        yield Asked(f"{name} · annotation {annotation['name']}", annotation["target"]["expr"])


def questions(name: str) -> Iterator[Asked]:
    """The selector of every variable that asks Prometheus for values of a label."""
    for variable in DASHBOARDS[name]["templating"]["list"]:
        if variable["type"] == "query":
            found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            assert found, f"{name}: variable {variable['name']}: {variable['query']}"
            yield Asked(f"{name} · variable {variable['name']} · {found[2]}", found[1])


def selected(expr: str) -> list[Selected]:
    """All series in a query, with what is done to each. Raises ValueError where it is no PromQL."""
    for variable, duration in _DURATIONS.items():
        expr = expr.replace(variable, duration)
    return list(_selected(promql_parser.parse(expr), ()))


def _selected(node: Any, within: tuple[str, ...], window: bool = False) -> Iterator[Selected]:
    kind = type(node).__name__
    if kind == "VectorSelector":
        matchers = {each.name: each.value for each in node.matchers.matchers}
        yield Selected(node.name or matchers.get("__name__", ""), matchers, window, within)
    elif kind == "MatrixSelector":
        yield from _selected(node.vector_selector, within, window=True)
    elif kind == "Call":
        for argument in node.args:
            yield from _selected(argument, (node.func.name, *within))
    elif kind == "BinaryExpr":
        yield from _selected(node.lhs, within)
        yield from _selected(node.rhs, within)
    elif kind in ("AggregateExpr", "ParenExpr", "UnaryExpr", "SubqueryExpr"):
        around = (str(node.op), *within) if kind == "AggregateExpr" else within
        yield from _selected(node.expr, around)
    else:
        assert kind in ("NumberLiteral", "StringLiteral"), kind


def grouped(expr: str) -> set[str]:
    """The labels that a query groups by, joins on, or leaves out."""
    found = re.findall(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)", expr)
    return {label.strip() for labels in found for label in labels.split(",") if label.strip()}


def overlapping(one: Json, other: Json) -> bool:
    """Whether two places on the grid have a cell in common."""
    return bool(
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )
