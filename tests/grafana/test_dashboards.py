"""Dashboards: the files are what the code makes, Grafana reads all of them, and they keep the rules of good ones."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import combinations
from typing import Any

import pytest

from grafana.dashboards.board import SCHEMA, WIDTH
from grafana.dashboards.collection import BOARDS, FOLDER, texts
from grafana.dashboards.foundation import JSONEncoder, dashboard, register_default_plugins, units
from grafana.dashboards.link import TAG
from tests.grafana.lint import DASHBOARDS, overlapping, panels

UIDS = {
    "overview": "driftgate-overview",
    "model": "driftgate-model",
    "drift": "driftgate-drift",
    "performance": "driftgate-performance",
    "fairness": "driftgate-fairness",
    "rollout": "driftgate-rollout",
    "gateway": "driftgate-gateway",
}
"""Frozen: links and bookmarks have them, and a provisioned file whose uid changes is not loaded again."""

EACH = pytest.mark.parametrize("name", DASHBOARDS)
UNITS = {value for name, value in vars(units).items() if isinstance(value, str) and not name.startswith("_")}


def test_the_files_are_what_the_code_makes() -> None:
    """Run `python -m grafana.dashboards` after a change."""
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")} == texts()


def test_addresses_never_change() -> None:
    """A dashboard keeps the uid that it was born with."""
    assert {name: found["uid"] for name, found in DASHBOARDS.items()} == UIDS
    assert len({board.title for board in BOARDS}) == len(BOARDS)


@EACH
def test_nothing_is_lost_when_grafana_reads_it(name: str) -> None:
    """By Grafana's own models of its schema: a misspelt key would not come back."""
    register_default_plugins()
    read = dashboard.Dashboard.from_json(DASHBOARDS[name])
    again = json.loads(json.dumps(read, cls=JSONEncoder))
    assert list(_lost(DASHBOARDS[name], again, name)) == []


def _lost(before: Any, after: Any, where: str) -> list[str]:
    if isinstance(before, dict):
        gone = [f"{where}.{key}" for key in before if not isinstance(after, dict) or key not in after]
        kept = [key for key in before if f"{where}.{key}" not in gone]
        return gone + [lost for key in kept for lost in _lost(before[key], after[key], f"{where}.{key}")]
    if isinstance(before, list):
        if not isinstance(after, list) or len(before) != len(after):
            return [where]
        pairs = enumerate(zip(before, after, strict=True))
        return [lost for at, (one, other) in pairs for lost in _lost(one, other, f"{where}[{at}]")]
    return [] if before == after else [f"{where}: {before!r} became {after!r}"]


@EACH
def test_every_grafana_from_11_on_can_read_it(name: str) -> None:
    """Migrations only run upward."""
    assert DASHBOARDS[name]["schemaVersion"] == SCHEMA == 39
    assert "id" not in DASHBOARDS[name]


@EACH
def test_prometheus_is_chosen_above(name: str) -> None:
    """By a variable that is named everywhere: in panels, their queries, variables and annotations."""
    found = DASHBOARDS[name]
    assert found["templating"]["list"][0]["name"] == "datasource"
    assert found["templating"]["list"][0]["type"] == "datasource"
    source = {"type": "prometheus", "uid": "${datasource}"}
    asking = [*panels(found), *(target for panel in panels(found) for target in panel["targets"])]
    asking += [each for each in found["templating"]["list"] if each["type"] == "query"]
    asking += found["annotations"]["list"]
    assert [each["datasource"] for each in asking] == [source] * len(asking)


@EACH
def test_gateways_are_chosen_above(name: str) -> None:
    """Several of them, or all; and the choice follows the time range."""
    variables = {each["name"]: each for each in DASHBOARDS[name]["templating"]["list"]}
    for label in ("job", "instance"):
        assert variables[label]["multi"]
        assert variables[label]["includeAll"]
        assert variables[label]["allValue"] == ".+"
    assert {each.get("refresh") for each in variables.values() if each["type"] == "query"} == {2}


@EACH
def test_links_keep_time_and_variables(name: str) -> None:
    """Those to all dashboards, and those from values."""
    for link in DASHBOARDS[name]["links"]:
        assert (link["type"], link["tags"]) == ("dashboards", [TAG])
        assert link["keepTime"]
        assert link["includeVars"]
        assert "placement" not in link
    assert TAG in DASHBOARDS[name]["tags"]
    addresses = re.findall(r'"/d/[^"]+"', json.dumps(DASHBOARDS[name]))
    for address in addresses:
        assert re.match(r'"/d/([\w-]+)\?', address)[1] in UIDS.values()
        assert "${__url_time_range}" in address
        assert all(word in address for word in ("${datasource}", "${job:queryparam}", "${instance:queryparam}"))


@EACH
def test_what_happened_is_marked(name: str) -> None:
    """On every dashboard: rollouts, loads, and alerts that fire."""
    found = {each["name"]: each for each in DASHBOARDS[name]["annotations"]["list"]}
    assert list(found) == ["Rollouts", "Loads", "Alerts"]
    for each in found.values():
        assert each["enable"]
        assert each["titleFormat"]
        assert each["textFormat"]
        assert each["expr"] == each["target"]["expr"]


@EACH
def test_panels_have_their_places(name: str) -> None:
    """Each an id of its own, inside the grid, and on nobody else's place."""
    found = DASHBOARDS[name]
    every = [*panels(found), *(panel for panel in found["panels"] if panel["type"] == "row")]
    assert [number for number, count in Counter(panel["id"] for panel in every).items() if count > 1] == []
    assert all(panel["id"] > 0 for panel in every)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= WIDTH for panel in every)
    for one, other in combinations(every, 2):
        assert not overlapping(one["gridPos"], other["gridPos"]), f"{one['title']} lies on {other['title']}"


@EACH
def test_titles_are_used_once(name: str) -> None:
    """Within one section, so that one can speak of a panel by its name."""
    found, section = DASHBOARDS[name], 0
    titles = []
    for panel in found["panels"]:
        section += panel["type"] == "row"
        titles.append((section, panel["title"]))
    assert [title for title, count in Counter(titles).items() if count > 1] == []


@EACH
def test_every_panel_says_what_it_shows(name: str) -> None:
    """A title, a sentence, the metrics by their names, and the unit."""
    for panel in panels(DASHBOARDS[name]):
        where = f"{name} · {panel['title']}"
        assert panel["title"]
        sentence, *metrics = panel["description"].split("\n\n")
        assert sentence.endswith("."), where
        assert metrics, f"{where} names no metric"
        assert all(re.fullmatch(r"`[\w:]+`: .+\.", line) for line in metrics), where
        unit = panel["fieldConfig"]["defaults"]["unit"]
        assert unit in UNITS or unit.startswith("suffix:"), where


@EACH
def test_every_panel_asks(name: str) -> None:
    """By queries with references of their own."""
    for panel in panels(DASHBOARDS[name]):
        references = [target["refId"] for target in panel["targets"]]
        assert references
        assert len(set(references)) == len(references), f"{name} · {panel['title']}"


@EACH
def test_no_panel_says_no_data(name: str) -> None:
    """Where there is nothing, it says why; and nobody sees NaN."""
    for panel in panels(DASHBOARDS[name]):
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["noValue"], f"{name} · {panel['title']}"
        special = [mapping["options"] for mapping in defaults["mappings"] if mapping["type"] == "special"]
        assert [options["match"] for options in special] == ["null+nan"]


@EACH
def test_thresholds_rise(name: str) -> None:
    """The first step holds from below."""
    for panel in panels(DASHBOARDS[name]):
        steps = [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
        assert steps[0] is None, f"{name} · {panel['title']}"
        assert steps[1:] == sorted(steps[1:])


@EACH
def test_overrides_name_what_is_there(name: str) -> None:
    """A series by its legend, a column by the name that the transformations give it, or a value of the legend's label."""
    for panel in panels(DASHBOARDS[name]):
        names = {target["legendFormat"] for target in panel["targets"]}
        for each in panel.get("transformations", ()):
            names |= set(each["options"].get("renameByName", {}).values())
        told = any("{{" in legend for legend in names)
        for override in panel["fieldConfig"]["overrides"]:
            assert override["matcher"]["id"] == "byName"
            said = override["matcher"]["options"]
            assert said in names or (told and f"{said}" in panel["description"]), f"{name} · {panel['title']}: {said}"


def test_replicas_are_not_stacked() -> None:
    """None that is unreachable would be a red line where those that serve end."""
    (panel,) = [each for each in panels(DASHBOARDS["gateway"]) if each["title"] == "Replicas by state"]
    assert "stacking" not in panel["fieldConfig"]["defaults"]["custom"]
