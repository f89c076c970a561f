"""What a version says of itself: its card, for people, and its manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.config import Config
from gateway.errors import NotFound
from gateway.manifest import read_manifest
from gateway.repository import Folder, scan
from gateway.signature import shown

LONGEST = 256 * 1024
"""Bytes of a card that are told; a longer one is cut."""


def card(config: Config, model: str, version: int | None) -> dict[str, Any]:
    """`{"model", "version", "card": Markdown or None, "manifest": {…} or None}`. version: None is the newest one.

    Raises NotFound for a model or version that the repository lacks, RepositoryError for a manifest that cannot be read.
    """
    versions = scan(config.repository).get(model)
    if not versions:
        raise NotFound(f'no model "{shown(model)}"')
    if version is not None and version not in versions:
        raise NotFound(f"no version {version} of {model}; there are {', '.join(map(str, versions))}")
    folder = versions[max(versions) if version is None else version]
    return {
        "model": model,
        "version": folder.version,
        "card": _text(folder.path / "card.md"),
        "manifest": _manifest(folder),
    }


def _manifest(folder: Folder) -> dict[str, Any] | None:
    path = folder.path / "model.yaml"
    return read_manifest(path).model_dump(mode="json") if path.exists() else None


def _text(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            found = file.read(LONGEST + 1)
    except OSError:
        return None
    text = found[:LONGEST].decode(errors="replace")
    return (
        text if len(found) <= LONGEST else f"{text}\n\n… (the card goes on; only its first {LONGEST} bytes are shown)"
    )
