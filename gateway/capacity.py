"""Which versions with processes of their own keep them all, because a rollout may give them all traffic back at any moment."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path


def deployment_name(model: str, version: int) -> str:
    """The name in Serve of a version's own deployment.

    >>> deployment_name("flights", 2)
    'flights-2'
    """
    return f"{model}-{version}"


def held(data: Path, deployment: str) -> Path:
    """The file that is there as long as the deployment must not shrink."""
    return data / "state" / "held" / deployment


def hold(data: Path, deployments: Collection[str]) -> None:
    """From now on these must not shrink, and no others."""
    folder = held(data, "")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name not in deployments:
            path.unlink()
    for deployment in deployments:
        held(data, deployment).touch(mode=0o600)
