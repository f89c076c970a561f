"""What can go wrong while dashboards are proved or drawn."""

from __future__ import annotations


class ProofError(Exception):
    """A sentence for whoever runs the proof: what was found, what was expected, and where."""
