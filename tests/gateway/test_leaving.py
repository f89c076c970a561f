"""What Serve reads when it ends a replica."""

from __future__ import annotations

import inspect

import pytest

from tests.importing import quietly

NAME = "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S"


def test_serve_waits_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The period is read from the module when a replica ends, not before."""
    leaving = quietly("gateway.leaving")
    monkeypatch.setattr(leaving.replica, NAME, 6.0)
    leaving.at_once()
    assert getattr(leaving.replica, NAME) == 0
    assert NAME in inspect.getsource(leaving.replica.Replica._perform_graceful_shutdown)
