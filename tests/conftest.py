"""What many tests share: a real gateway to talk to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.running import Running, launch


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway with the bundled models and one replica, shared by all tests that leave it as they found it."""
    with launch(tmp_path_factory.mktemp("gateway")) as running:
        yield running
