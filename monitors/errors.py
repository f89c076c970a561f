"""What the monitors refuse. Each message says what was found and what was expected."""

from __future__ import annotations


class ReferenceRefused(ValueError):
    """Data or a file is not fit to be a reference."""


class LogRefused(ValueError):
    """A file is no log of answers; the message says where."""


class ManifestRefused(ValueError):
    """A file is no manifest that monitoring can use; the message says where."""


class CheckpointRefused(ValueError):
    """Bytes are no checkpoint, or one of other monitors."""


class BinMismatch(ValueError):
    """Counts of different numbers of bins were to be compared."""
