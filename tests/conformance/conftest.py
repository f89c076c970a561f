"""Third-party clients, in environments of their own, against a real gateway."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.conformance.programs import Outcomes
from tests.running import MODELS, Running, launch

collect_ignore = ["clients"]  # they import what only the clients' environments have


@pytest.fixture(scope="session")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """What each client program found; it is run when a test first asks for one of its cases."""
    return Outcomes(tmp_path_factory.mktemp("outcomes"))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway with a copy of the models, for clients that load, unload and count. It merges requests of any size."""
    folder = tmp_path_factory.mktemp("own")
    shutil.copytree(MODELS, folder / "models")
    merging = {path.parent.name: {"max_batch_size": 65536} for path in MODELS.glob("*/1")}
    with launch(folder, repository=str(folder / "models"), models=merging) as running:
        yield running
