"""What the replicas should hold: a value with a revision, and the few ways in which it changes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from gateway.config import Config
from gateway.errors import NotFound
from gateway.repository import Folder, served
from gateway.signature import shown


class Desired(NamedTuple):
    """`models` holds every version that the repository has and the configuration wants, loaded or not.

    absent: those that were unloaded. generation counts the loads of a model: raising it makes replicas try again.
    """

    revision: int
    models: Mapping[str, Mapping[int, Folder]]
    absent: Mapping[str, frozenset[int]]
    generation: Mapping[str, int]
    weights: Mapping[str, Mapping[int, float] | None]

    def loaded(self, model: str) -> dict[int, Folder]:
        """The versions of a model that should be in service."""
        gone = self.absent.get(model, frozenset())
        return {number: folder for number, folder in self.models.get(model, {}).items() if number not in gone}


def initial(config: Config, revision: int) -> Desired:
    """Everything that the configuration asks for. Raises RepositoryError."""
    models = served(config)
    return Desired(revision, models, {}, {}, _weights(config, models))


def load(desired: Desired, config: Config, model: str, versions: Collection[int] | None) -> Desired:
    """After a look at the repository as it is now: the model's versions (None: all) are wanted in service.

    Where versions are named, the model's others stay as they are, whatever has become of their files.

    Raises NotFound for what the repository does not have or the configuration does not serve.
    """
    models = served(config)
    found = models.get(model)
    if found is None:
        raise NotFound(f'no model "{shown(model)}" in the repository')
    _exist(model, versions, found)
    if versions is not None:
        found = dict(
            sorted({**desired.models.get(model, {}), **{number: found[number] for number in versions}}.items())
        )
    gone = frozenset() if versions is None else desired.absent.get(model, frozenset()) - set(versions)
    kept = {name: held for name, held in desired.models.items() if name != model}
    return desired._replace(
        revision=desired.revision + 1,
        models={**kept, model: found},
        absent={**desired.absent, model: gone & set(found)},
        generation={**desired.generation, model: desired.generation.get(model, 0) + 1},
        weights={**desired.weights, model: _weights(config, models)[model]},
    )


def unload(desired: Desired, model: str, versions: Collection[int] | None) -> Desired:
    """The model's versions (None: all) are wanted out of service. Raises NotFound for what is not there."""
    held = desired.models.get(model)
    if held is None:
        raise NotFound(f'no model "{shown(model)}"')
    _exist(model, versions, held)
    gone = desired.absent.get(model, frozenset()) | set(held if versions is None else versions)
    return desired._replace(revision=desired.revision + 1, absent={**desired.absent, model: gone})


def _exist(model: str, versions: Collection[int] | None, held: Mapping[int, Folder]) -> None:
    for version in versions or ():
        if version not in held:
            raise NotFound(f"{model} has no version {version}; it has {', '.join(map(str, held))}")


def _weights(config: Config, models: Mapping[str, object]) -> dict[str, Mapping[int, float] | None]:
    return {model: settings.traffic if (settings := config.settings(model)) else None for model in models}
