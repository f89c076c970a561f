"""Alert and recording rules, at a pace that suits a Prometheus that lives for minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import yaml


class Rule(NamedTuple):
    """One rule. name: the alert's, or the recorded series'. labels: those that it adds."""

    name: str
    expression: str
    alert: bool
    labels: dict[str, str]


def rules(folder: Path) -> list[Rule]:
    """All rules of a folder's files, in their order."""
    found = [rule for path in _files(folder) for group in _groups(path) for rule in group["rules"]]
    return [
        Rule(rule.get("alert") or rule["record"], rule["expr"], "alert" in rule, rule.get("labels", {}))
        for rule in found
    ]


def hurried(folder: Path, into: Path, *, patient: bool = False) -> list[Path]:
    """Copies of the rules in which no group has an interval of its own, and no alert waits unless `patient`; their paths.

    What an alert waits for is tested in tests/grafana/rules, on made-up time.
    """
    into.mkdir(parents=True, exist_ok=True)
    copies = []
    for path in _files(folder):
        groups = [{key: value for key, value in group.items() if key != "interval"} for group in _groups(path)]
        for group in groups if not patient else ():
            group["rules"] = [{key: value for key, value in rule.items() if key != "for"} for rule in group["rules"]]
        copy = into / path.name
        copy.write_text(yaml.safe_dump({"groups": groups}, allow_unicode=True), encoding="utf-8")
        copies.append(copy)
    return copies


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.yaml"))


def _groups(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    return found
