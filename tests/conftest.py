"""What many tests share: a real gateway to talk to, and which of them may run side by side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Running, launch

TOGETHER = ("hostile", "conformance")
"""Packages whose tests share a gateway; of other tests those of one file do."""


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keeps tests that share a gateway in one process, when several processes divide the tests (pytest-xdist)."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            place = item.path.relative_to(here).parts
            item.add_marker(pytest.mark.xdist_group(place[0] if place[0] in TOGETHER else str(item.path)))


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway with the bundled models and one replica, shared by all tests that leave it as they found it."""
    with launch(tmp_path_factory.mktemp("gateway")) as running:
        yield running
