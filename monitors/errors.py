"""What the monitors refuse."""

from __future__ import annotations


class ReferenceRefused(ValueError):
    """Data or a file is not fit to be a reference; the message says what was found and what was expected."""
