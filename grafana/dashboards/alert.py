"""The alerts of grafana/rules. A Prometheus may have many others, which are not of this gateway."""

from __future__ import annotations

import yaml

from grafana.dashboards.series import RULES

NAMES: tuple[str, ...] = tuple(
    sorted(
        rule["alert"]
        for path in RULES.glob("*.yaml")
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
        if "alert" in rule
    )
)

FIRING = f'ALERTS{{alertstate="firing", alertname=~"{"|".join(NAMES)}"}}'
"""Those that fire."""
