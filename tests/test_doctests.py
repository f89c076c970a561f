"""The examples in our docstrings are true."""

from __future__ import annotations

import doctest

import pytest

from tests.importing import quietly
from tests.test_layers import everything

EXAMPLES = [name for name, path in sorted(everything().items()) if ">>> " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("module", EXAMPLES)
def test_examples(module: str) -> None:
    """Each example prints what it says."""
    found = doctest.testmod(quietly(module))
    assert found.attempted
    assert not found.failed
