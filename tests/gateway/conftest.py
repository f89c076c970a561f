"""What holds for all tests of the gateway."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from hypothesis import settings

LOGGER = logging.getLogger("driftgate")

settings.register_profile("unhurried", deadline=None)  # other tests may be using the processor just then
settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def _log() -> Iterator[None]:
    """The log is left as it was found, whoever opens it."""
    kept = LOGGER.handlers[:], LOGGER.level, LOGGER.propagate
    yield
    if LOGGER.handlers != kept[0]:
        for handler in LOGGER.handlers:
            handler.close()
    LOGGER.handlers[:], LOGGER.level, LOGGER.propagate = kept
