"""What is held against what: objectives as the rules have them, and the sizes from which a departure matters."""

from __future__ import annotations

import re
from typing import Any

import yaml

from grafana.dashboards.foundation import units
from grafana.dashboards.look import FAINT, GOOD, WATCH, Look, above, below
from grafana.dashboards.series import RULES
from monitors.drift.comparison import EFFECT
from monitors.fairness.gap import GAP

FAST, SLOW = 14.4, 1.0
"""How many times the allowed rate: a budget of 30 days that is gone in two, and one that is just spent (objectives.yaml)."""


def _recorded() -> dict[str, str]:
    groups: list[dict[str, Any]] = yaml.safe_load((RULES / "recording.yaml").read_text(encoding="utf-8"))["groups"]
    return {rule["record"]: rule["expr"] for group in groups for rule in group["rules"]}


def _number(pattern: str, name: str) -> float:
    found = re.search(pattern, _recorded()[name])
    if found is None:
        raise ValueError(f"{RULES.name}/recording.yaml: {name}: expected {pattern}, found {_recorded()[name]}")
    return float(found[1])


AVAILABILITY = _number(r"vector\(([\d.]+)\)", "slo:driftgate_availability:objective")
LATENCY = _number(r"vector\(([\d.]+)\)", "slo:driftgate_latency:objective")
SLOW_FROM = _number(r'le="([\d.]+)"', "model:driftgate_slow_answers:rate5m")
"""The share that must be answered; the share that must be answered in time; and how many seconds that is."""

_ALLOWED = 1 - AVAILABILITY

RATE = Look(units.RequestsPerSecond, words=((0, "No traffic", FAINT),), least=0)
FLOW = RATE._replace(words=(), reach=1)
"""Over time, where 0 is a place on the axis."""
ERRORS = Look(
    units.PercentUnit, above(round(SLOW * _ALLOWED, 6), round(FAST * _ALLOWED, 6)), least=0, decimals=2, reach=0.01
)
LATENCIES = Look(units.Seconds, above(SLOW_FROM / 2, SLOW_FROM), least=0)
BUDGET = Look(units.PercentUnit, below(0.25, 0), decimals=0)
BURN = Look("suffix:×", above(SLOW, FAST), least=0, reach=2)
DRIFT = Look(units.NoUnit, above(EFFECT, 2.5 * EFFECT), empty="No full window yet", least=0, decimals=3)
"""A distance (PSI or JS) matters from 0.1 on (docs/monitors.md); PSI from 0.25 on is usually called large."""
FAIRNESS = Look(units.NoUnit, above(GAP, 2 * GAP), empty="No group has enough rows", least=0, decimals=3)
SHARE = Look(units.PercentUnit, least=0)
ALARMS = Look(units.NoUnit, above(1), words=((0, "None", GOOD),), empty="Not watched yet", least=0)
FIRING = Look(units.NoUnit, above(1), words=((0, "silent", GOOD), (1, "firing", WATCH)), empty="Not watched yet")
