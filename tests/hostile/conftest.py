"""A gateway of its own: the bundled models beside the tiny ones, and little patience."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hostile.models import write_repository
from tests.running import Running, launch

PATIENCE_S = 1.0
MAX_BODY = 8 << 20


@pytest.fixture(scope="package")
def hostage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The gateway that every hostile request goes to; it must be as well after the last as before the first."""
    folder = tmp_path_factory.mktemp("hostile")
    repository = write_repository(folder / "models")
    limits = {"body_timeout": f"{PATIENCE_S}s", "max_body": MAX_BODY}
    with launch(folder, repository=str(repository), limits=limits) as running:
        yield running
