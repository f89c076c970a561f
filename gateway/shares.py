"""Which share of a model's routed requests each version answers now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

from gateway.errors import RepositoryError
from gateway.manifest import read_manifest
from gateway.repository import Folder
from gateway.routing import Routing, split


def shares(routing: Routing, folders: Mapping[int, Folder], ready: Sequence[Collection[int]]) -> dict[int, float]:
    """Shares by version, 0 to 1, of all that some replica has or some weight names; their sum is 1 unless no replica can answer.

    ready: the versions that each replica holds. A replica divides among these what is meant for others, and all replicas get
    as many requests. Without weights all goes to the newest version in production.
    """
    found: defaultdict[int, float] = defaultdict(float)
    for version in {*(routing.weights or ()), *(version for held in ready for version in held)}:
        found[version] = 0.0
    for held in ready:
        divided = split(_held(routing, folders, held))
        if divided is not None:
            for version in held:
                found[version] += divided.share(version) / len(ready)
    return {version: round(share, 12) for version, share in sorted(found.items())}


def _held(routing: Routing, folders: Mapping[int, Folder], held: Collection[int]) -> dict[int, float]:
    if routing.weights is not None:
        return {version: weight for version, weight in routing.weights.items() if version in held}
    production = [version for version in held if version not in folders or _production(folders[version])]
    return {max(production or held): 1.0} if held else {}


@lru_cache(maxsize=4096)
def _production(folder: Folder) -> bool:
    path = folder.path / "model.yaml"
    try:
        return not path.exists() or read_manifest(path).stage == "production"
    except (RepositoryError, OSError):
        return True  # it was loaded with another, which is gone
