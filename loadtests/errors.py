"""What a load test refuses, and what stops it."""

from __future__ import annotations

from gateway.errors import SetupError


class LoadError(SetupError):
    """The root of what this package says no with; the command line prints it and exits 1."""

    code = "load"


class ScenarioError(LoadError):
    """The scenario does not say what it should; the message names file, line and key."""

    code = "scenario"


class TargetError(LoadError):
    """The address is not on this machine. Load is for one's own servers only."""

    code = "target"


class ServerError(LoadError):
    """A server under test did not start, did not become ready, or gave a wrong answer."""

    code = "server"
