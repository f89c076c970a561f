"""An edited configuration beside the one in force: what would change, and what cannot while the gateway runs."""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel

from gateway.config import Config, ModelConfig
from gateway.document import document
from gateway.errors import ConfigError
from gateway.wording import answering, direction, edits

LIVE = ("versions", "traffic", "sticky", "rules", "shadow", "rollout")
"""The keys of a model that may change while the gateway runs."""

_WHERE = Path("configuration")  # what came over the network has no name
_RESTART = "needs a restart: driftgate down, then driftgate up"
_EVERY = "models: # left out: every model of the repository\n"


class Change(NamedTuple):
    """One thing that changes: of which model (empty: of all), and what, in words; who answered before, and who does after."""

    model: str
    words: str
    before: str = ""
    after: str = ""

    def __str__(self) -> str:
        return f"{self.model}: {self.words}" if self.model else self.words


def read(text: str, before: Config) -> Config:
    """The configuration in `text`, YAML or JSON, as an edit of the one in force. Raises ConfigError, as document does.

    Its folders, if left out or relative, are those of `before` where these end so: only the file's owner knows its place.
    """
    try:
        config = _quick(text) or document(text, Config, _WHERE, ConfigError)
    except RecursionError:
        raise ConfigError(f"{_WHERE}: nested too deeply") from None
    folders = {key: _folder(config, before, key) for key in ("repository", "data")}
    return config.model_copy(update=folders)


def plain(config: Config) -> dict[str, Any]:
    """Plain values for YAML or JSON, without what is left at its default; `read` makes the same configuration of them.

    >>> plain(Config(repository=Path("/models"), data=Path("/var"), models={"flights": ModelConfig(traffic={1: 1, 2: 0.5})}))
    {'repository': '/models', 'data': '/var', 'models': {'flights': {'traffic': {1: 1, 2: 0.5}}}}
    """
    found = config.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"models"})
    found |= {"repository": str(config.repository), "data": str(config.data)}
    if config.models is not None:
        found["models"] = {
            model: _settings(settings, exclude=frozenset(LIVE)) | routing(settings)
            for model, settings in config.models.items()
        }
    return found


def routing(settings: ModelConfig) -> dict[str, Any]:
    """The keys that may change while the gateway runs, those that are given: in one order, numbers in one form."""
    found = _settings(settings, exclude=frozenset(ModelConfig.model_fields) - frozenset(LIVE))
    if settings.traffic is not None:
        found["traffic"] = dict(sorted(settings.traffic.items()))
    if settings.rollout is not None:
        rollout = settings.rollout.model_dump(mode="json", exclude_none=True)
        found["rollout"] = {**rollout, "bake": f"{settings.rollout.bake:.12g}s"}
    return {key: _tidy(found[key]) for key in LIVE if key in found}


def changes(before: Config, after: Config, repository: Collection[str] = ()) -> list[Change]:
    """What would change, in words; empty if nothing would. Raises ConfigError for what needs a restart, a line for each key.

    repository: the models that are served where a configuration names none.
    """
    refused = [f"{words} {_RESTART}" for words in restarts(before, after)]
    if refused:
        raise ConfigError("\n".join(refused))
    return directed(before, after, repository)


def directed(before: Config, after: Config, repository: Collection[str] = ()) -> list[Change]:
    """What changes in what is served and how requests are directed, in words. See changes."""
    ours, theirs = _models(before, repository), _models(after, repository)
    found = []
    if before.models is None and after.models is not None:
        found.append(Change("", "only the models that are named are served, instead of every one of the repository"))
    elif before.models is not None and after.models is None:
        found.append(Change("", "every model of the repository is served, instead of those that are named"))
    for model in sorted({*ours, *theirs}):
        found += _changed(model, ours.get(model), theirs.get(model))
    return found


def edited(before: Config, after: Config, repository: Collection[str] = ()) -> dict[str, ModelConfig]:
    """The models of `after` that are new, or whose requests it directs otherwise."""
    ours = _models(before, repository)
    return {
        model: settings
        for model, settings in _models(after, repository).items()
        if model not in ours or routing(ours[model]) != routing(settings)
    }


def diff(before: Config, after: Config) -> str:
    """The unified diff of what directs requests, as YAML; empty if nothing changes."""
    return "".join(
        difflib.unified_diff(_lines(before), _lines(after), "in force", "planned"),
    )


def _changed(model: str, before: ModelConfig | None, after: ModelConfig | None) -> list[Change]:
    if after is None:
        words = ["the model is no longer served"]
    elif before is None:
        words = ["the model is added", *direction(after), *edits(ModelConfig(), _undirected(after))]
    elif routing(before) == routing(after):
        words = []
    else:
        words = edits(before, after) or ["is written otherwise; no request goes another way"]
    was, then = (answering(settings) if settings else "" for settings in (before, after))
    return [Change(model, each, was, then) for each in words]


def _undirected(settings: ModelConfig) -> ModelConfig:
    """The same without where its shares go."""
    return settings.model_copy(update={"traffic": None, "rollout": None})


def _models(config: Config, repository: Collection[str]) -> Mapping[str, ModelConfig]:
    return dict.fromkeys(repository, ModelConfig()) if config.models is None else config.models


def restarts(before: Config, after: Config) -> Iterator[str]:
    """What is another in `after` and cannot change while the gateway runs, in words, by key."""
    for key in Config.model_fields:
        if key != "models":
            yield from _differences(key, getattr(before, key), getattr(after, key))
    for model in sorted({*(before.models or ()), *(after.models or ())}):
        # A model that is added is recorded and watched by what the processes know of it: by the defaults.
        ours, theirs = before.settings(model) or ModelConfig(), after.settings(model)
        for key in ModelConfig.model_fields if theirs else ():
            if key not in LIVE:
                yield from _differences(f"models.{model}.{key}", getattr(ours, key), getattr(theirs, key))


def _differences(key: str, before: Any, after: Any) -> Iterator[str]:
    if before == after:
        return
    if isinstance(before, BaseModel) and type(before) is type(after):
        for name in type(before).model_fields:
            yield from _differences(f"{key}.{name}", getattr(before, name), getattr(after, name))
        return
    yield f"{key}: {_shown(after)} instead of {_shown(before)}"


def _shown(value: Any) -> str:
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return str(value) if isinstance(value, Path) else json.dumps(value, ensure_ascii=False)


def _folder(config: Config, before: Config, key: str) -> Path:
    told: Path = getattr(config, key)
    known: Path = getattr(before, key)
    if key not in config.model_fields_set or (not told.is_absolute() and known.parts[-len(told.parts) :] == told.parts):
        return known
    return told


def _quick(text: str) -> Config | None:
    """What is JSON and in order; reading that as YAML takes a thousand times as long. For all else there are sentences."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        return Config.model_validate(json.loads(text, object_pairs_hook=_once))
    except ValueError:
        return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found


def _settings(settings: ModelConfig, exclude: frozenset[str]) -> dict[str, Any]:
    return settings.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=set(exclude))


def _tidy(value: Any) -> Any:
    """Whole numbers as such."""
    if isinstance(value, dict):
        return {key: _tidy(held) for key, held in value.items()}
    if isinstance(value, list):
        return [_tidy(held) for held in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _lines(config: Config) -> list[str]:
    if config.models is None:
        return [_EVERY]
    held = {"models": {model: routing(settings) for model, settings in sorted(config.models.items())}}
    text = yaml.safe_dump(held, sort_keys=False, allow_unicode=True, width=100)
    return text.splitlines(keepends=True)
