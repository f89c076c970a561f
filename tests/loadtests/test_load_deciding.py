"""What a decision costs: every way of routing is measured, on as many requests as it says."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path

from click.testing import CliRunner

from loadtests.__main__ import cli
from loadtests.deciding import REQUESTS, WAYS, decisions


def test_every_way_has_its_cost(tmp_path: Path) -> None:
    """As a table and as JSON."""
    found = CliRunner().invoke(cli, ["routing", "--rounds", "3", "--json", str(tmp_path / "found.json")])
    assert found.exit_code == 0, found.output
    assert all(way in found.output for way in WAYS)
    assert all(cost > 0 for cost in json.loads((tmp_path / "found.json").read_text()).values())


def test_a_cost_is_that_of_one_decision() -> None:
    """By a clock that goes on by one second for each round."""
    ticks = count(step=10**9)
    assert set(decisions(3, lambda: next(ticks)).values()) == {1e6 / REQUESTS}
