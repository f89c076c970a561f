"""What docs/routing.md shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.config import ModelConfig, read_config
from gateway.desired import routing_of
from gateway.traffic import METRICS

PAGE = (Path(__file__).parents[2] / "docs" / "routing.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def flights(folder: Path, block: str) -> ModelConfig:
    """The model of a block."""
    path = folder / "gateway.yaml"
    path.write_text(block)
    found = read_config(path).settings("flights")
    assert found is not None
    return found


@pytest.mark.parametrize("block", BLOCKS)
def test_every_block_is_a_configuration(tmp_path: Path, block: str) -> None:
    """It loads, and directs requests somewhere."""
    routing = routing_of(flights(tmp_path, block))
    assert routing.weights is not None
    assert routing.needs() <= {1, 2}


def test_every_key_of_routing_is_shown(tmp_path: Path) -> None:
    """Of those that a model has."""
    shown = set[str]().union(*(flights(tmp_path, block).model_fields_set for block in BLOCKS))
    assert {"traffic", "sticky", "rules", "shadow", "rollout"} <= shown


@pytest.mark.parametrize("metric", [metric for metric in METRICS if not metric.startswith("estimated_")])
def test_every_metric_is_named(metric: str) -> None:
    """In the text on gates."""
    assert f"`{metric}`" in PAGE
