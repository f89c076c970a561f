"""Dashboards as they lie in grafana/json: their panels, with those of closed rows, and what each of them asks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Json = dict[str, Any]
_PIXELS, _COLUMNS = 1600, 24


def boards(folder: Path) -> dict[str, Json]:
    """The dashboards of a folder by the names of their files, without the suffix."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def opened(dashboard: Mapping[str, Any]) -> list[Json]:
    """All panels in the order of the page, rows among them; closed rows are opened, and move down what is below them."""
    found: list[Json] = []
    moved = 0
    for panel in dashboard["panels"]:
        place = {**panel["gridPos"], "y": panel["gridPos"]["y"] + moved}
        found.append({**panel, "gridPos": place, "panels": [], "collapsed": False})
        inner = panel.get("panels") or []
        if panel["type"] == "row" and inner:
            top = min(nested["gridPos"]["y"] for nested in inner)
            for nested in inner:
                spot = nested["gridPos"]
                found.append({**nested, "gridPos": {**spot, "y": spot["y"] - top + place["y"] + 1}})
            moved += max(nested["gridPos"]["y"] + nested["gridPos"]["h"] for nested in inner) - top
    return found


def targets(panel: Mapping[str, Any]) -> list[Json]:
    """What a panel asks; hidden ones too, since transformations may use them."""
    return [target for target in panel.get("targets", []) if target.get("expr")]


def marks(dashboard: Mapping[str, Any]) -> Iterator[Json]:
    """The annotations that ask Prometheus."""
    for annotation in dashboard.get("annotations", {}).get("list", []):
        if annotation.get("expr"):
            yield annotation


def points(panel: Mapping[str, Any]) -> int:
    """How many points a panel has room for: as many as pixels, unless it says."""
    return int(panel.get("maxDataPoints") or panel["gridPos"]["w"] * _PIXELS // _COLUMNS)


def least_step(panel: Mapping[str, Any]) -> float:
    """How far apart points are at least, in seconds; 0 unless the panel says."""
    return float(panel.get("interval", "0s").removesuffix("s"))
