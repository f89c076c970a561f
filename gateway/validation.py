"""Whether an edited configuration can be put into force: all that must hold before anything changes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from gateway.config import Config, ModelConfig
from gateway.desired import routing_of
from gateway.errors import ConfigError, GatewayError, RepositoryError
from gateway.manifest import Manifest, read_manifest
from gateway.planning import edited
from gateway.policy import Policy, recipe
from gateway.repository import Folder, describe, scan, served, signature_of
from gateway.rollout.gates import unfit
from gateway.session import Session
from gateway.signature import Signature, Spec
from gateway.stickiness import misfit, parse_sticky
from gateway.version import prepare

Folders = Mapping[str, Mapping[int, Folder]]
"""By model and version number."""


class Known(NamedTuple):
    """What must be known of a version. anew: it is new to requests, so that it was checked just now.

    referenced: whether it has a reference profile.
    """

    manifest: Manifest
    signature: Signature
    referenced: bool
    anew: bool


Versions = Sequence[Known]
Prepared = Mapping[str, Known | str]
"""By `model/version`, or by model: what is known, or why it cannot be served."""


def prepared(before: Config, after: Config, held: Folders) -> Prepared:
    """Loads and checks each version that `after` makes new to requests, as it would be before it is served.

    held: what the replicas hold. A version that answers already is not looked at again, whatever has become of its files: that
    must not keep another, which is bad, from being taken out. What is wrong with one version stands in its place.
    Takes as long as loading takes: call it in a thread. Raises RepositoryError if there is no repository.
    """
    found: dict[str, Known | str] = {}
    folders = scan(after.repository)
    for model, settings in edited(before, after, folders).items():
        absent = dict(_absent(model, settings, folders, after))
        found |= absent
        if not absent:
            versions = served(after.model_copy(update={"models": {model: settings}}))[model]
            known = before.settings(model) if model in held else None
            found |= _looked(versions, settings, known, held.get(model, {}), after)
    return found


def validate(before: Config, after: Config, prepared: Prepared) -> None:
    """Raises ConfigError, a line for each problem, unless every version that `after` directs requests to can take them.

    They exist, passed their checks, take and give the same tensors, and can be judged by the gates of their rollout.
    """
    problems = [found for found in prepared.values() if isinstance(found, str)]
    models: dict[str, dict[int, Known]] = {}
    for found in prepared.values():
        if isinstance(found, Known):
            models.setdefault(found.manifest.name, {})[found.manifest.version] = found
    for model, settings in edited(before, after, models).items():
        problems += _unfit(model, models.get(model, {}), before.settings(model), settings)
    if problems:
        raise ConfigError("\n".join(dict.fromkeys(problems)))


def differences(one: Signature, other: Signature) -> list[str]:
    """In what `one` differs from `other`, by input and output; empty if requests for one fit the other, and so do answers."""
    found = []
    for kind, ours, theirs in (("input", one.inputs, other.inputs), ("output", one.outputs, other.outputs)):
        found += [f"it has no {kind} {name}" for name in theirs if name not in ours]
        found += [f"{kind} {name} is not there" for name in ours if name not in theirs]
        found += [
            f"{kind} {name} is {_words(spec)}, there {_words(theirs[name])}"
            for name, spec in ours.items()
            if name in theirs and spec != theirs[name]
        ]
    return found


def _unfit(model: str, versions: Mapping[int, Known], before: ModelConfig | None, after: ModelConfig) -> Iterator[str]:
    answering = _chosen(versions, after)
    old = {number: known for number, known in versions.items() if not known.anew}
    yield from _mismatched(answering, _chosen(old, before) if before else [])
    yield from _blind([versions[number] for number in after.shadow if number in versions], answering)
    yield from _keyless(answering, after)
    yield from _unjudged(model, versions, after)


def _chosen(versions: Mapping[int, Known], settings: ModelConfig) -> Versions:
    chosen = _answering(settings, versions, lambda number: versions[number].manifest.stage)
    return [versions[number] for number in sorted(chosen)]


def _absent(model: str, settings: ModelConfig, folders: Folders, config: Config) -> Iterator[tuple[str, str]]:
    if model not in folders:
        yield model, f"models.{model}: {config.repository} has no such model; it has {', '.join(folders) or 'none'}"
        return
    for version in sorted({*(settings.versions or ()), *settings.named} - set(folders[model])):
        label = f"{model}/{version}"
        yield label, f"{label} is not there: {config.repository / model} has {', '.join(map(str, folders[model]))}"


def _looked(
    versions: Mapping[int, Folder],
    settings: ModelConfig,
    before: ModelConfig | None,
    held: Mapping[int, Folder],
    config: Config,
) -> Iterator[tuple[str, Known | str]]:
    """before: how the model is served so far, from the files `held`."""
    answered = _answering(before, held, lambda number: _stage(held[number])) if before else frozenset()
    copied = frozenset(before.shadow) if before else frozenset()
    sent = _answering(settings, versions, lambda number: _stage(versions[number])) | set(settings.shadow)
    woken = routing_of(before).silent() - routing_of(settings).silent() if before else set()  # no replica has them yet
    new = sent - answered - copied | woken
    for number, folder in {**held, **versions}.items():
        if number in versions and (number not in held or number in new):
            yield folder.label, _checked(folder, settings, config, held)
        elif number in sent | answered:
            known = _described(folder)
            if known is not None:
                yield folder.label, known


def _checked(folder: Folder, settings: ModelConfig, config: Config, held: Mapping[int, Folder]) -> Known | str:
    if settings.placement == "dedicated" and folder.version not in held:
        return (
            f"{folder.label}: placement is dedicated, and versions so placed are deployed at start: it needs a restart"
        )
    try:
        version = prepare(folder, settings, config.limits)
        told = settings.record
        policy = Policy(told.answers, told.features, told.redact, told.max_bytes)
        recipe(version.manifest, version.signature, version.stamp, policy, b"")
    except GatewayError as problem:
        return problem.message
    return Known(version.manifest, version.signature, _referenced(folder), anew=True)


def _described(folder: Folder) -> Known | None:
    """Of a version that answers already; None if its files do not tell."""
    try:
        path = folder.path / "model.yaml"
        if path.exists():
            manifest = read_manifest(path)
            return Known(manifest, signature_of(manifest), _referenced(folder), anew=False)
        session = Session(folder.path / "model.onnx", folder.label)
        return Known(describe(folder, session), session.signature, _referenced(folder), anew=False)
    except (RepositoryError, OSError):
        return None


def _answering(settings: ModelConfig, versions: Collection[int], stage: Callable[[int], str]) -> frozenset[int]:
    """Those of `versions` that may answer a request which names none."""
    ruled = {rule.version for rule in settings.rules}
    if settings.rollout is not None:
        named = {settings.rollout.stable, settings.rollout.candidate}
    elif settings.traffic is not None:
        named = {version for version, weight in settings.traffic.items() if weight}
    else:
        production = [version for version in versions if stage(version) == "production"]
        named = {max(production or versions, default=0)}
    return frozenset(named | ruled) & set(versions)


def _stage(folder: Folder) -> str:
    path = folder.path / "model.yaml"
    try:
        return read_manifest(path).stage if path.exists() else "production"
    except RepositoryError:
        return "archived"


def _mismatched(answering: Versions, references: Versions) -> Iterator[str]:
    """Each new version beside one that answers already, or else beside the first of the new ones."""
    for known in answering:
        other = next(iter(references or answering))
        found = differences(known.signature, other.signature) if known.anew else []
        if found:
            yield f"{known.manifest.label} cannot stand in for {other.manifest.label}: {'; '.join(found)}"


def _blind(shadows: Versions, answering: Versions) -> Iterator[str]:
    """A shadow runs on what others were asked, and may answer as it likes."""
    for shadow in shadows:
        for other in answering if shadow.anew else ():
            for name, spec in shadow.signature.inputs.items():
                given = other.signature.inputs.get(name)
                if given is None or not _may_fit(spec, given):
                    what = "does not take" if given is None else f"takes as {_words(given)}"
                    label, asked = shadow.manifest.label, other.manifest.label
                    yield f"{label} cannot be a shadow of {asked}: it needs input {name}, {_words(spec)}, which that {what}"


def _keyless(answering: Versions, settings: ModelConfig) -> Iterator[str]:
    sticky = None if settings.sticky is None else parse_sticky(settings.sticky)
    for known in answering:
        problem = misfit(sticky, known.manifest.label, known.signature.inputs)
        if problem is not None:
            yield problem


def _unjudged(model: str, versions: Mapping[int, Known], settings: ModelConfig) -> Iterator[str]:
    """Why a rollout could never advance."""
    plan = settings.rollout
    if plan is None:
        return
    if not settings.record.answers:
        yield f"models.{model}.rollout: record is none, so that nothing could ever be said of the candidate"
    for gate in plan.gates:
        for number in (plan.stable, plan.candidate):
            known = versions.get(number)
            problem = None if known is None else unfit(gate, known.manifest, known.referenced)
            if problem is not None:
                yield f"models.{model}.rollout.gates: {problem}"
                break


def _referenced(folder: Folder) -> bool:
    return (folder.path / "reference.npz").exists()


def _may_fit(wanted: Spec, given: Spec) -> bool:
    return (
        wanted.datatype == given.datatype
        and len(wanted.shape) == len(given.shape)
        and all(-1 in sizes or sizes[0] == sizes[1] for sizes in zip(wanted.shape, given.shape, strict=True))
    )


def _words(spec: Spec) -> str:
    return f"{spec.datatype} {list(spec.shape)}"
