"""Pictures show the dashboards that there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from grafana.drawing.digest import digest, digests, note
from tests.grafana.lint import DASHBOARDS

IMAGES = Path(__file__).parent.parent.parent / "docs" / "images"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_each_picture_is_of_the_dashboard_as_it_is(name: str) -> None:
    """A digest beside the pictures says of what they are; who draws them writes it."""
    assert (IMAGES / f"dashboard-{name}.png").exists()
    assert digests(IMAGES).get(name) == digest(DASHBOARDS[name]), "the picture is of another state: run `make pictures`"


def test_one_picture_that_is_drawn_anew_leaves_the_others(tmp_path: Path) -> None:
    """Theirs may be of an older state."""
    note(tmp_path, "drift", {"title": "Drift"})
    note(tmp_path, "model", {"title": "Model"})
    note(tmp_path, "drift", {"title": "Drift of inputs"})
    assert digests(tmp_path) == {"drift": digest({"title": "Drift of inputs"}), "model": digest({"title": "Model"})}
