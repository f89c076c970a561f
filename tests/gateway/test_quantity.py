"""Numbers with units; how the configuration reads them stands in test_config."""

from __future__ import annotations

import pytest

from gateway.quantity import octets, seconds


@pytest.mark.parametrize("value", ["", "s", "1 2", "-1s", "1 week", None, True, [1], "1e3s"])
def test_what_is_no_quantity_is_told_with_an_example(value: object) -> None:
    """And with the units that there are."""
    with pytest.raises(ValueError, match=r"such as 500ms$"):
        seconds(value)
    with pytest.raises(ValueError, match=r"such as 64MiB$"):
        octets(value)
