"""The model repository: a folder for each model, in it a folder for each version, named by its number."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from gateway.config import Config, ModelConfig
from gateway.errors import RepositoryError
from gateway.manifest import Column, Manifest, read_manifest
from gateway.session import Session
from gateway.signature import Signature, Spec
from monitors.errors import ReferenceRefused
from monitors.reference import Reference

DEFAULT_BATCH = 64
"""Rows merged at most for a model that comes without a manifest and says itself that it takes batches."""


class Folder(NamedTuple):
    """A version as it lies on disk. `stamp` changes when any of its files does."""

    model: str
    version: int
    path: Path
    stamp: str

    @property
    def label(self) -> str:
        """How messages name the version: `flights/2`."""
        return f"{self.model}/{self.version}"


def scan(root: Path) -> dict[str, dict[int, Folder]]:
    """Every version in the repository, by model and number.

    Raises RepositoryError if `root` is not a folder, or holds one whose name cannot be printed: names become labels and paths.
    """
    if not root.is_dir():
        raise RepositoryError(f"{root}: no such folder; the configuration's `repository` names where models lie")
    found: dict[str, dict[int, Folder]] = {}
    for model in sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith((".", "_"))):
        versions = {folder.version: folder for folder in _versions(model)}
        if versions and not model.name.isprintable():
            raise RepositoryError(f"{root}: the model folder {model.name!a} cannot be printed; rename it")
        if versions:
            found[model.name] = dict(sorted(versions.items()))
    return found


def served(config: Config) -> dict[str, dict[int, Folder]]:
    """What of the repository the configuration wants served.

    Raises RepositoryError for a model or version that the configuration names and the repository lacks.
    """
    found = scan(config.repository)
    if config.models is None:
        return {model: _wanted(versions, ModelConfig()) for model, versions in found.items()}
    for model, settings in config.models.items():
        if model not in found:
            raise RepositoryError(
                f"model {model} is configured, but {config.repository} holds only {', '.join(found) or 'nothing'}"
            )
        for version in sorted({*(settings.versions or ()), *settings.named}):
            if version not in found[model]:
                raise RepositoryError(
                    f"version {model}/{version} is configured, but {config.repository / model} holds only "
                    f"{', '.join(map(str, found[model]))}"
                )
    return {model: _wanted(found[model], settings) for model, settings in config.models.items()}


def describe(folder: Folder, session: Session) -> Manifest:
    """The version's manifest, held against the model itself; without one, what the model says.

    Raises RepositoryError if the two differ, or the manifest is another version's.
    """
    path = folder.path / "model.yaml"
    if not path.exists():
        return _derived(folder, session)
    manifest = read_manifest(path)
    if (manifest.name, manifest.version) != (folder.model, folder.version):
        raise RepositoryError(f"{folder.label}: model.yaml says that it is {manifest.label}")
    signature = session.signature
    for kind, columns, specs in (
        ("input", manifest.inputs, signature.inputs),
        ("output", manifest.outputs, signature.outputs),
    ):
        declared = {column.name: Spec(column.name, column.datatype, column.shape) for column in columns}
        if set(declared) != set(specs):
            raise RepositoryError(
                f"{folder.label}: model.yaml has the {kind}s {sorted(declared)}, but model.onnx has {sorted(specs)}"
            )
        for name, spec in specs.items():
            if declared[name] != spec:
                raise RepositoryError(
                    f"{folder.label}: {kind} {name} is {_words(declared[name])} in model.yaml, "
                    f"but {_words(spec)} in model.onnx"
                )
    return manifest


def check_hash(folder: Folder) -> None:
    """Raises RepositoryError unless model.onnx has the sha256 that the manifest says, if there is one that says it."""
    path = folder.path / "model.yaml"
    expected = read_manifest(path).sha256 if path.exists() else None
    if expected is None:
        return
    try:
        with (folder.path / "model.onnx").open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as problem:
        raise RepositoryError(f"{folder.label}: model.onnx cannot be read: {problem.strerror}") from None
    if found != expected:
        raise RepositoryError(f"{folder.label}: model.onnx has sha256 {found}, but model.yaml says {expected}")


def check_reference(folder: Folder) -> None:
    """Raises RepositoryError if there is a reference profile and it cannot be read."""
    path = folder.path / "reference.npz"
    if path.exists():
        try:
            Reference.load(path)
        except ReferenceRefused as problem:
            raise RepositoryError(f"{folder.label}: {problem}") from None


def signature_of(manifest: Manifest) -> Signature:
    """The signature that a manifest declares: that of its model, once `describe` has compared the two."""
    return Signature(
        manifest.label,
        [Spec(column.name, column.datatype, column.shape) for column in manifest.inputs],
        [Spec(column.name, column.datatype, column.shape) for column in manifest.outputs],
    )


def _versions(model: Path) -> Iterator[Folder]:
    for path in model.iterdir():
        name = path.name
        if path.is_dir() and name.isdecimal() and name.isascii() and len(name) <= 18 and not name.startswith("0"):
            yield Folder(model.name, int(path.name), path, _stamp(path))


def _stamp(path: Path) -> str:
    """Names, sizes and times of the files: cheap, and different after any replacement.

    One that cannot be looked at (a link to nowhere) must not hold up the other versions: loading this one will tell.
    """
    facts = []
    for file in sorted(path.iterdir()) if os.access(path, os.R_OK | os.X_OK) else ():
        try:
            status = file.stat()
        except OSError:
            facts.append(f"{file.name}:?")
        else:
            facts.append(f"{file.name}:{status.st_size}:{status.st_mtime_ns}:{status.st_ino}")
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]


def _wanted(versions: dict[int, Folder], settings: ModelConfig) -> dict[int, Folder]:
    if settings.versions is not None:
        return {version: versions[version] for version in settings.versions}
    named = settings.named
    return {number: folder for number, folder in versions.items() if number in named or not _archived(folder)}


def _archived(folder: Folder) -> bool:
    path = folder.path / "model.yaml"
    try:
        return path.exists() and read_manifest(path).stage == "archived"
    except (RepositoryError, OSError):
        return False  # loading it will say what is wrong


def _derived(folder: Folder, session: Session) -> Manifest:
    signature = session.signature
    together = signature.batched and len(set(session.symbols)) == 1 and session.symbols[0] is not None
    try:
        return Manifest(
            name=folder.model,
            version=folder.version,
            inputs=tuple(Column(name=s.name, datatype=s.datatype, shape=s.shape) for s in signature.inputs.values()),
            outputs=tuple(Column(name=s.name, datatype=s.datatype, shape=s.shape) for s in signature.outputs.values()),
            max_batch_size=DEFAULT_BATCH if together else 0,
        )
    except ValidationError:
        raise RepositoryError(
            f"{folder.label}: the folder's name cannot be a model's: letters, digits, dots, dashes and underscores, at most 128"
        ) from None


def _words(spec: Spec) -> str:
    return f"{spec.datatype} {list(spec.shape)}"
