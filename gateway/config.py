"""`gateway.yaml`: what is served, where, and how much of it at once."""

from __future__ import annotations

import ipaddress
import math
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from gateway.document import Frozen, document
from gateway.errors import ConfigError
from gateway.manifest import Name

Port = Annotated[int, Field(ge=1, le=65535)]
Count = Annotated[int, Field(ge=1)]
VersionNumber = Annotated[int, Field(ge=1)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]

_UNITS = {"": 1, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def _measure(value: Any, units: dict[str, float] | dict[str, int], example: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", value) if isinstance(value, str) else None
    unit = units.get(match[2].lower()) if match else None
    if match is None or unit is None:
        raise ValueError(f"expected a number with a unit ({', '.join(filter(None, units))}), such as {example}")
    return float(match[1]) * unit


def _seconds(value: Any) -> float:
    return _measure(value, _UNITS, "500ms")


def _bytes(value: Any) -> int:
    size = _measure(value, _SIZES, "64MiB")
    if not math.isfinite(size):
        raise ValueError(f"expected a finite number, found {size}")
    return int(size)


Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0, le=30 * 86400)]
Bytes = Annotated[int, BeforeValidator(_bytes), Field(ge=1)]


class Listen(Frozen):
    """Where clients connect."""

    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$")] = "127.0.0.1"
    http: Port = 8000
    grpc: Port = 9000

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


class Limits(Frozen):
    """What one replica takes on at once; beyond it, requests are refused with 503 and Retry-After."""

    max_in_flight: Count = 1024
    max_queue: Count = 512
    max_body: Bytes = 64 * 2**20
    body_timeout: Seconds = 30.0
    timeout: Seconds | None = None
    drain: Annotated[Seconds, Field(ge=6)] = 6.0  # HAProxy looks every 5 s whether a replica is still there


class Autoscale(Frozen):
    """Replicas follow the load: `target` is the share of time (0 to 1) that a replica should be busy."""

    min: Annotated[int, Field(ge=1)] = 1
    max: Count = 2
    target: Annotated[float, Field(gt=0, le=1)] = 0.6
    up_delay: Seconds = 5.0
    down_delay: Seconds = 60.0

    @model_validator(mode="after")
    def _ordered(self) -> Autoscale:
        if self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}")
        return self


class Recording(Frozen):
    """What of a model's requests is recorded.

    features: the inputs; left out, all. redact: inputs or outputs whose values are hashed with a key, or dropped, before they
    touch the disk; a list hashes all it names. max_bytes: what is larger is recorded without its inputs.
    """

    features: tuple[str, ...] | None = None
    redact: dict[str, Literal["hash", "drop"]] = {}
    max_bytes: Bytes = 2**20

    @model_validator(mode="before")
    @classmethod
    def _full(cls, value: Any) -> Any:
        if value == "full":
            return {}
        if isinstance(value, dict) and isinstance(value.get("redact"), list):
            return {**value, "redact": dict.fromkeys(value["redact"], "hash")}
        return value


class JournalConfig(Frozen):
    """Where answers are written before they are sent. on_full: what happens when it has no room left."""

    max_bytes: Bytes = 4 * 2**30
    segment: Annotated[Bytes, Field(ge=2**16)] = 16 * 2**20
    on_full: Literal["refuse", "drop"] = "drop"

    @model_validator(mode="after")
    def _room(self) -> JournalConfig:
        if self.max_bytes < 2 * self.segment:
            raise ValueError(f"max_bytes {self.max_bytes} has no room for two segments of {self.segment}")
        return self


class StoreConfig(Frozen):
    """The Parquet files: how often they are written, and how long they are kept.

    flush: the longest that an answer waits to be in one. max_age, max_bytes: beyond these, the oldest are deleted.
    label_wait: how long a label waits for its prediction.
    """

    flush: Seconds = 60.0
    max_age: Annotated[float, BeforeValidator(_seconds), Field(gt=0)] = 90 * 86400.0
    max_bytes: Bytes = 50 * 2**30
    label_wait: Seconds = 30 * 86400.0


class ModelConfig(Frozen):
    """One model: which versions are served, how traffic is split, and where they run.

    versions: left out, every one in the repository but those whose stage is archived. traffic: weights by version;
    left out, all goes to the newest version in production. `placement: dedicated` gives each version processes of its
    own, min_replicas to max_replicas of them (0: it sleeps until the first request).
    """

    versions: tuple[VersionNumber, ...] | None = None
    traffic: dict[VersionNumber, Weight] | None = None
    placement: Literal["shared", "dedicated"] = "shared"
    min_replicas: Annotated[int, Field(ge=0)] = 1
    max_replicas: Count = 1
    idle: Seconds = 300.0
    threads: Count = 1
    workers: Count = 1
    max_batch_size: Annotated[int, Field(ge=0, le=65536)] | None = None
    record: Recording = Recording()

    @model_validator(mode="after")
    def _consistent(self) -> ModelConfig:
        if self.traffic is not None and not any(self.traffic.values()):
            raise ValueError("traffic: at least one weight must be above 0")
        if self.traffic and self.versions is not None:
            absent = sorted(set(self.traffic) - set(self.versions))
            if absent:
                raise ValueError(f"traffic names version {absent[0]}, but versions are {list(self.versions)}")
        if self.min_replicas > self.max_replicas:
            raise ValueError(f"min_replicas {self.min_replicas} is above max_replicas {self.max_replicas}")
        if self.placement == "shared" and {"min_replicas", "max_replicas", "idle"} & self.model_fields_set:
            raise ValueError("min_replicas, max_replicas and idle are for placement: dedicated")
        return self


class Config(Frozen):
    """The whole file. Relative folders are relative to the file's own."""

    listen: Listen = Listen()
    repository: Path = Path("models")
    data: Path = Path("var")
    replicas: Count | Autoscale = 1
    limits: Limits = Limits()
    journal: JournalConfig = JournalConfig()
    store: StoreConfig = StoreConfig()
    models: dict[Name, ModelConfig] | None = None

    def settings(self, model: str) -> ModelConfig | None:
        """What the file says of a model; None if it is not to be served."""
        if self.models is None:
            return ModelConfig()
        return self.models.get(model)


def read_config(path: Path) -> Config:
    """The configuration at `path`. Raises ConfigError: one line for each problem, with file, line and key."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; write one, or name another: driftgate up FILE") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{path}: cannot be read: {problem}") from None
    return rooted(document(text, Config, path, ConfigError), path.resolve().parent)


def rooted(config: Config, folder: Path) -> Config:
    """The same configuration with its folders made absolute, below `folder`."""
    return config.model_copy(
        update={"repository": (folder / config.repository).resolve(), "data": (folder / config.data).resolve()}
    )
