"""How many rows are run together: as many as take about a quarter of a second, so that no version is cut off for its slowness."""

from __future__ import annotations

_TARGET_NS = 250_000_000
_FIRST, _GROWTH = 16, 4


class Pace:
    """Grows fourfold at the most from one run to the next.

    >>> pace = Pace()
    >>> pace.rows(256)
    16
    >>> pace.ran(16, 16_000)
    >>> pace.rows(256)
    64
    >>> pace.ran(1, 2_000_000_000)
    >>> pace.rows(256)
    1
    """

    def __init__(self) -> None:
        self._rows = _FIRST

    def rows(self, most: int) -> int:
        """So many, and `most` at the most."""
        return min(self._rows, most)

    def ran(self, rows: int, took_ns: int) -> None:
        """A run of so many rows took so long."""
        fit = _TARGET_NS * rows // max(1, took_ns)
        self._rows = max(1, min(fit, self._rows * _GROWTH))
