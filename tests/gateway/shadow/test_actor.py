"""The shadows' actor, without Ray."""

from __future__ import annotations

import os

import pytest

from gateway.shadow import actor
from gateway.shadow import checkpoint as checkpoints
from gateway.shadow.actor import Shadows
from tests.gateway.shadow.conftest import Site
from tests.running import wait_for


def test_when_it_is_started_again_it_follows_what_was_followed_last(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray gives it the arguments with which it was created, however often the configuration was edited since."""
    monkeypatch.setattr(actor, "open_log", lambda *_: None)
    monkeypatch.setattr(os, "nice", lambda increment: increment)
    actor._keep(site.config)
    shadows = Shadows(site.data)
    wait_for(lambda: list(shadows.processes()) == [site.shadow.label], 20, "the process")
    actor._keep(site.config.model_copy(update={"models": None}))
    shadows.follow()
    assert shadows.processes() == {}
    assert shadows.finish(1.0) == []
    again = Shadows(site.data)
    assert again.finish(1.0) == []
    assert checkpoints.known(site.data) == []
