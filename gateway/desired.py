"""What the replicas should hold: a value with a revision, and the few ways in which it changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from gateway.config import Config, ModelConfig
from gateway.errors import NotFound
from gateway.repository import Folder, served
from gateway.routing import Routing
from gateway.rules import COHORT, Rule, rule
from gateway.signature import shown
from gateway.stickiness import parse_sticky
from gateway.traffic import RuleConfig


class Desired(NamedTuple):
    """`models` holds every version that the repository has and the configuration wants, loaded or not.

    absent: those that were unloaded. generation counts the loads of a model: raising it makes replicas try again.
    """

    revision: int
    models: Mapping[str, Mapping[int, Folder]]
    absent: Mapping[str, frozenset[int]]
    generation: Mapping[str, int]
    routing: Mapping[str, Routing]

    def loaded(self, model: str) -> dict[int, Folder]:
        """The versions of a model that should be in service."""
        gone = self.absent.get(model, frozenset()) | self.silent(model)
        return {number: folder for number, folder in self.models.get(model, {}).items() if number not in gone}

    def silent(self, model: str) -> set[int]:
        """The versions of a model that only shadow."""
        routing = self.routing.get(model)
        return set() if routing is None else routing.silent() & set(self.models.get(model, ()))


def initial(config: Config, revision: int) -> Desired:
    """Everything that the configuration asks for. Raises RepositoryError."""
    models = served(config)
    return Desired(revision, models, {}, {}, {model: _configured(config, model) for model in models})


def load(desired: Desired, config: Config, model: str, versions: Collection[int] | None) -> Desired:
    """After a look at the repository as it is now: the model's versions (None: all) are wanted in service.

    Where versions are named, the model's others stay as they are, whatever has become of their files. So does the routing,
    but for a model that is new: a rollout may be under way.

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
        routing={**desired.routing, model: desired.routing.get(model) or _configured(config, model)},
    )


def unload(desired: Desired, model: str, versions: Collection[int] | None) -> Desired:
    """The model's versions (None: all) are wanted out of service. Raises NotFound for what is not there."""
    held = desired.models.get(model)
    if held is None:
        raise NotFound(f'no model "{shown(model)}"')
    _exist(model, versions, held)
    gone = desired.absent.get(model, frozenset()) | set(held if versions is None else versions)
    return desired._replace(revision=desired.revision + 1, absent={**desired.absent, model: gone})


def with_routing(desired: Desired, model: str, routing: Routing) -> Desired:
    """The model's requests are to be directed so; one revision more, unless they already are.

    Raises NotFound for a model, or a version to send requests to, that is not there.
    """
    held = desired.models.get(model)
    if held is None:
        raise NotFound(f'no model "{shown(model)}"')
    _exist(model, routing.needs(), held)
    if desired.routing.get(model) == routing:
        return desired
    return desired._replace(revision=desired.revision + 1, routing={**desired.routing, model: routing})


def with_weights(desired: Desired, model: str, weights: Mapping[int, float]) -> Desired:
    """Other shares for the model's versions; who is sticky, the rules, and the names of stable and candidate stay.

    weights: finite and >= 0, not all 0; only their proportions matter. Raises NotFound, as with_routing does.
    """
    if not any(weights.values()):
        raise ValueError(f"{model}: no version would get any traffic")
    return with_routing(desired, model, desired.routing.get(model, Routing())._replace(weights=dict(weights)))


def reconfigured(desired: Desired, config: Config, edited: Collection[str], checked: Collection[str] = ()) -> Desired:
    """What another configuration asks for: its models and versions, and for the edited ones its routing. One revision more.

    Versions that are held stay as they are, whatever has become of their files, but for those, `model/version`, whose files
    were `checked` just now. What was unloaded stays unloaded where the model is served as before. Raises RepositoryError.
    """
    models = served(config)
    return desired._replace(
        revision=desired.revision + 1,
        models={
            model: _kept(desired.models.get(model, {}), folders, checked)
            if model in edited
            else desired.models.get(model, folders)
            for model, folders in models.items()
        },
        absent={model: gone for model, gone in desired.absent.items() if model in models and model not in edited},
        routing={
            model: _configured(config, model)
            if model in edited or model not in desired.routing
            else desired.routing[model]
            for model in models
        },
    )


def routing_of(settings: ModelConfig) -> Routing:
    """What the configuration says of a model, as a routing. A rollout begins with everything at stable.

    >>> routing_of(ModelConfig(traffic={1: 90, 2: 10}, sticky="header:X-User-Id")).sticky
    Sticky(source='header', name='x-user-id')
    """
    rollout = settings.rollout
    weights: Mapping[int, float] | None = settings.traffic
    if rollout is not None:
        weights = {rollout.stable: 1.0, rollout.candidate: 0.0}
    return Routing(
        weights,
        None if settings.sticky is None else parse_sticky(settings.sticky),
        tuple(_rule(told) for told in settings.rules),
        settings.shadow,
        rollout.stable if rollout else None,
        rollout.candidate if rollout else None,
    )


def _kept(held: Mapping[int, Folder], found: Mapping[int, Folder], checked: Collection[str]) -> Mapping[int, Folder]:
    return {number: folder if folder.label in checked else held.get(number, folder) for number, folder in found.items()}


def _configured(config: Config, model: str) -> Routing:
    return routing_of(config.settings(model) or ModelConfig())


def _rule(told: RuleConfig) -> Rule:
    if told.parameter is not None:
        return rule("parameter", told.parameter, told.values, told.version)
    return rule("header", told.header or COHORT, told.values, told.version)


def _exist(model: str, versions: Iterable[int] | None, held: Mapping[int, Folder]) -> None:
    for version in versions or ():
        if version not in held:
            raise NotFound(f"{model} has no version {version}; it has {', '.join(map(str, held))}")
