"""Which dashboards the pictures show: beside them, a digest of each one's JSON as it was drawn."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from grafana.proof.board import Json

NAME = "dashboards.json"


def digest(dashboard: Json) -> str:
    """Of all that is in it, however it is written."""
    return sha256(json.dumps(dashboard, sort_keys=True).encode()).hexdigest()


def digests(folder: Path) -> dict[str, str]:
    """Of the dashboards whose pictures lie in the folder, by name."""
    path = folder / NAME
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def note(folder: Path, name: str, dashboard: Json) -> None:
    """The picture of this dashboard is new."""
    found = {**digests(folder), name: digest(dashboard)}
    (folder / NAME).write_text(json.dumps(found, indent=2, sort_keys=True) + "\n", encoding="utf-8")
