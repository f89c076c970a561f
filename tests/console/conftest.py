"""A browser for each module: with it, no event loop runs, as other tests need it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.console import answers
from tests.console.chromium import MISSING, PROGRAM, chromium
from tests.console.standin import Standin


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, where it is installed."""
    if PROGRAM is None:
        pytest.skip(MISSING)
    with chromium() as found:
        yield found


@pytest.fixture
def standin() -> Iterator[Standin]:
    """A gateway of a few words, with one model, `flights`."""
    with Standin(answers.gateway()).running() as found:
        yield found
