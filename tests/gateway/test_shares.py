"""Which share of the routed requests each version answers, whatever is ready."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.repository import scan
from gateway.routing import Routing
from gateway.shares import shares
from tests import onnx_models

Ready = list[tuple[int, ...]]


@pytest.mark.parametrize(
    ("weights", "ready", "expected"),
    [
        ({1: 90, 2: 10}, [(1, 2), (1, 2)], {1: 0.9, 2: 0.1}),
        ({1: 90, 2: 10}, [(1, 2), (1,)], {1: 0.95, 2: 0.05}),  # one replica gives its share of 2 to 1
        ({1: 90, 2: 10}, [(2,)], {1: 0, 2: 1}),
        ({1: 90, 2: 0}, [(2,)], {1: 0, 2: 0}),  # dark: it is not reached without its own path
        ({1: 90, 2: 10}, [], {1: 0, 2: 0}),
        (None, [(1, 2, 3)], {1: 0, 2: 0, 3: 1}),
        (None, [()], {}),
    ],
)
def test_replicas_divide_among_what_they_hold(
    weights: dict[int, float] | None, ready: Ready, expected: dict[int, float]
) -> None:
    """And each gets as many requests as the others."""
    assert shares(Routing(weights), {}, ready) == pytest.approx(expected)


@pytest.mark.parametrize(("ready", "version"), [((1, 2, 3), 2), ((1, 3), 1), ((3,), 3)])
def test_without_weights_the_newest_in_production_answers(tmp_path: Path, ready: tuple[int, ...], version: int) -> None:
    """Or, where none is, the newest of all; the third here is in development, and the first has no manifest."""
    made = onnx_models.scale()
    onnx_models.save(tmp_path, "m", 1, made)
    for number, stage in ((2, "production"), (3, "development")):
        declared = onnx_models.declared("m", number, made, stage=stage)
        onnx_models.save(tmp_path, "m", number, made, manifest=declared)
    found = shares(Routing(None), scan(tmp_path)["m"], [ready])
    assert {number for number, share in found.items() if share == 1} == {version}
    assert sum(found.values()) == 1
