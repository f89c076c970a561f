"""What of a request may be recorded, and in which form: decided once for each version, applied to every request."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from gateway.errors import ConfigError
from gateway.manifest import Manifest
from gateway.record import Field, Layout
from gateway.signature import Signature, Spec
from gateway.tensor import Array

Redaction = Literal["hash", "drop"]
Encode = Callable[[Array], Any]


class Policy(NamedTuple):
    """answers: whether anything is recorded. features: the inputs to record, None for all.

    redact: those whose values are hashed or dropped, outputs too. max_bytes: of one request; what is larger is recorded
    without its inputs, and if need be without its outputs.
    """

    answers: bool = True
    features: tuple[str, ...] | None = None
    redact: Mapping[str, Redaction] = {}
    max_bytes: int = 1 << 20


class Recipe(NamedTuple):
    """How a version's requests are recorded. inputs, outputs: the name and the encoder of each field of the layout.

    beyond: likewise for the groups that are request parameters.
    """

    layout: Layout
    inputs: tuple[tuple[str, Encode], ...]
    outputs: tuple[tuple[str, Encode], ...]
    beyond: tuple[tuple[str, Callable[[Any], Any]], ...]
    max_bytes: int


def recipe(manifest: Manifest, signature: Signature, stamp: str, policy: Policy, key: bytes) -> Recipe | None:
    """The recipe of a version; None if nothing of it is recorded. key: for hashes.

    Raises ConfigError if the policy names what the version does not have.
    """
    if not policy.answers:
        return None
    known = dict.fromkeys((*signature.inputs, *signature.outputs))
    for name in (*(policy.features or ()), *policy.redact):
        if name not in known and name not in manifest.groups:
            raise ConfigError(f"record: {manifest.label} has no input or output {name}; it has {', '.join(known)}")
    wanted = set(signature.inputs if policy.features is None else policy.features)
    inputs = [spec for name, spec in signature.inputs.items() if name in wanted and policy.redact.get(name) != "drop"]
    outputs = [spec for name, spec in signature.outputs.items() if policy.redact.get(name) != "drop"]
    kept = {spec.name for spec in inputs}
    layout = Layout(
        manifest.name,
        manifest.version,
        stamp,
        signature.batched,
        tuple(_field(spec, policy) for spec in inputs),
        tuple(_field(spec, policy) for spec in outputs),
        manifest.task,
        manifest.score,
        manifest.prediction,
        manifest.classes,
        tuple(
            name
            for name in manifest.groups
            if name in kept or (name not in known and policy.redact.get(name) != "drop")
        ),
    )
    return Recipe(
        layout,
        tuple((field.name, _encoder(layout, field, key)) for field in layout.inputs),
        tuple((field.name, _encoder(layout, field, key)) for field in layout.outputs),
        tuple((name, _parameter(policy.redact.get(name) == "hash", key)) for name in layout.beyond),
        policy.max_bytes,
    )


def keyed_hash(value: Any, key: bytes) -> str:
    """HMAC-SHA256 of a value's text, its first 128 bits as 32 hex digits.

    >>> keyed_hash("Jane", b"secret") == keyed_hash("Jane", b"other")
    False
    """
    return hmac.digest(key, str(value).encode(), hashlib.sha256).hex()[:32]


def _field(spec: Spec, policy: Policy) -> Field:
    return Field(spec.name, spec.datatype, spec.shape, policy.redact.get(spec.name) == "hash")


def _encoder(layout: Layout, field: Field, key: bytes) -> Encode:
    encode: Encode = np.ndarray.tobytes
    if field.hashed:
        encode = lambda array: [keyed_hash(value, key) for value in array.ravel().tolist()]  # noqa: E731
    elif field.datatype == "BYTES":
        encode = _texts
    if -1 in layout.tail(field):
        flat = encode
        return lambda array: [array.shape, flat(array)]
    return encode


def _parameter(hashed: bool, key: bytes) -> Callable[[Any], Any]:
    if hashed:
        return lambda value: None if value is None else keyed_hash(value, key)
    return _fitting


def _fitting(value: Any) -> Any:
    """JSON has whole numbers of any size; the store takes the text of those that the journal does not."""
    return str(value) if isinstance(value, int) and not -(2**63) <= value < 2**64 else value


def _texts(array: Array) -> list[Any]:
    return array.ravel().tolist()
