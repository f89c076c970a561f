"""Rules: Prometheus' own tools accept them, every alert fires and ends, and each has its page."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.metrics import ALL
from gateway.metrics_page import exposed
from gateway.observer.histogram import BUCKETS
from gateway.rollout.evidence import BLAMELESS

ROOT = Path(__file__).parent.parent.parent
GRAFANA = ROOT / "grafana"
RULES = sorted((GRAFANA / "rules").glob("*.yaml"))
UNIT_TESTS = sorted((Path(__file__).parent / "rules").glob("*.yaml"))
PAGES = sorted((ROOT / "docs" / "runbooks").glob("*.md"))


def tool(name: str, *words: str | Path) -> str:
    """What a tool of Prometheus says; where it is not installed, the test is skipped."""
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed: apt-get install prometheus prometheus-alertmanager")
    done = subprocess.run([name, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rules() -> list[dict[str, Any]]:
    """All rules of all files."""
    return [rule for path in RULES for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}
RECORDED = {rule["record"]: rule for rule in rules() if "record" in rule}


def test_promtool_accepts_the_rules() -> None:
    """Without a single remark."""
    tool("promtool", "check", "rules", "--lint=all", "--lint-fatal", *RULES)


def test_promtool_accepts_the_example_of_a_configuration() -> None:
    """It finds the rules where they are."""
    assert f"{len(RULES)} rule files found" in tool("promtool", "check", "config", GRAFANA / "prometheus.yml")


@pytest.mark.parametrize("path", UNIT_TESTS, ids=lambda path: path.stem)
def test_alerts_fire_and_end(path: Path) -> None:
    """On series that tell of an incident, with labels and texts as they will be read."""
    tool("promtool", "test", "rules", path)


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_is_shown_to_fire_and_to_end(alert: str) -> None:
    """One incident at least in which it is silent, fires, and is silent again."""
    shown = []
    for path in UNIT_TESTS:
        for case in yaml.safe_load(path.read_text())["tests"]:
            looks = [look for look in case.get("alert_rule_test", ()) if look["alertname"] == alert]
            shown.append([bool(look.get("exp_alerts")) for look in looks])
    assert [False, True, False] in shown


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_says_what_it_is(alert: str) -> None:
    """Severity, summary, description, and where to read on; nothing of it is longer than a screen is wide."""
    rule = ALERTS[alert]
    assert rule["labels"] == {"severity": rule["labels"]["severity"]}
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"].endswith(f"docs/runbooks/{alert}.md")
    assert len(rule["annotations"]["summary"]) < 130


def test_each_alert_has_its_page_and_each_page_its_alert() -> None:
    """Under the alert's name, with the same three sections and the severity that the rule has."""
    assert [path.stem for path in PAGES] == sorted(ALERTS)
    for path in PAGES:
        text = path.read_text()
        assert text.startswith(f"# {path.stem}\n\n**{ALERTS[path.stem]['labels']['severity']}**")
        assert re.findall("^## .*", text, re.MULTILINE) == ["## What it means", "## How to check", "## What to do"]


def test_names_are_used_once() -> None:
    """Of alerts and of recorded series."""
    assert not [name for name, count in Counter(r.get("alert") or r["record"] for r in rules()).items() if count > 1]


TEXTS = {
    **{
        name: " ".join([rule["expr"], *rule.get("annotations", {}).values()])
        for name, rule in {**ALERTS, **RECORDED}.items()
    },
    **{f"{path.stem}.md": path.read_text() for path in PAGES},
}
SERIES = {name: metric for metric in ALL for name in exposed(metric)}
SPOKEN_OF = {metric.name for metric in ALL if metric.kind == "histogram"}
"""What a sentence may name, and a query may not."""


@pytest.mark.parametrize("where", TEXTS)
def test_every_metric_is_in_the_catalogue(where: str) -> None:
    """As it is exposed, with its suffix, and with labels that it has; or it is recorded by another rule."""
    recorded = re.compile(r"\b[a-z]+:driftgate_[a-z_]+:[a-z_0-9]+")
    assert set(recorded.findall(TEXTS[where])) <= set(RECORDED)
    for name, matchers in re.findall(r"\b(driftgate_[a-z_]+)(?:\{([^}]*)\})?", recorded.sub("", TEXTS[where])):
        assert name in SERIES or (where.endswith(".md") and name in SPOKEN_OF), f"{where}: {name} is no metric"
        labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
        assert not matchers or labels <= {*SERIES[name].labels, "job", "instance", "le"}


def test_recorded_names_say_level_metric_and_operations() -> None:
    """And no ratio is averaged."""
    for name, rule in RECORDED.items():
        assert re.fullmatch(r"(model|slo):driftgate_[a-z_]+:[a-z0-9_]+", name)
        assert "avg" not in rule["expr"]


def test_the_clients_own_faults_are_those_of_the_rollout_gates() -> None:
    """So that a gate and an objective never disagree on what a failure is."""
    patterns = {pattern for rule in RECORDED.values() for pattern in re.findall(r'outcome!~"([^"]+)"', rule["expr"])}
    assert sorted(set(pattern.split("|")) ^ BLAMELESS for pattern in patterns) == [set(), {"ok"}]


def test_the_latency_objective_is_a_bound_of_the_histogram() -> None:
    """As it is exposed: any other would select nothing."""
    bounds = {bound for rule in RECORDED.values() for bound in re.findall(r'\ble="([^"]+)"', rule["expr"])}
    assert bounds == {"0.25"} <= {str(bound) for bound in BUCKETS}


def test_amtool_accepts_the_configuration() -> None:
    """And sends what is critical to the pager, and the rest to the team."""
    path = GRAFANA / "alertmanager.yml"
    assert "SUCCESS" in tool("amtool", "check-config", path)
    for severity, receiver in (("critical", "pager"), ("warning", "team")):
        said = tool("amtool", "config", "routes", "test", f"--config.file={path}", f"severity={severity}")
        assert said.strip() == receiver


def test_inhibitions_name_alerts() -> None:
    """Ones that there are."""
    for rule in yaml.safe_load((GRAFANA / "alertmanager.yml").read_text())["inhibit_rules"]:
        for name in re.findall(r'alertname!?="(\w+)"', " ".join(rule["source_matchers"] + rule["target_matchers"])):
            assert name in ALERTS


def test_every_monitor_has_one_alert() -> None:
    """None is forgotten, and none wakes somebody twice."""
    sources = "".join(path.read_text() for path in (ROOT / "monitors").rglob("*.py"))
    found = [re.search(r'monitor=~?"([^"]+)"', rule["expr"]) for rule in ALERTS.values()]
    watched = [name for match in found if match for name in match[1].split("|")]
    assert sorted(watched) == sorted(set(re.findall(r'^    name = "(\w+)"$', sources, re.MULTILINE)))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_links_of_a_page_lead_somewhere(path: Path) -> None:
    """To a file beside it, and to a heading of it where one is named."""
    for target, heading in re.findall(r"\]\(([^)#]+)(?:#([^)]+))?\)", path.read_text()):
        text = (path.parent / target).read_text()
        headings = {line.lstrip("# ").lower().replace(" ", "-") for line in text.splitlines() if line.startswith("#")}
        assert not heading or heading in headings
