"""`gateway.yaml`: what is served, where, and how much of it at once."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gateway.document import Frozen, document
from gateway.errors import ConfigError
from gateway.manifest import Name
from gateway.quantity import Bytes, Count, Seconds, VersionNumber, Weight, seconds
from gateway.traffic import RolloutConfig, RuleConfig, StickyText
from monitors.settings import SLICED, Sliced

Port = Annotated[int, Field(ge=1, le=65535)]


HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$")]


class Listen(Frozen):
    """Where clients connect, and by which names beside addresses and `localhost`, where that is this machine only."""

    host: HostName = "127.0.0.1"
    http: Port = 8000
    grpc: Port = 9000
    names: tuple[HostName, ...] = ()

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

    answers: whether anything is; `record: none` says no, and then nothing follows from them either. features: the inputs; left
    out, all. redact: inputs or outputs whose values are hashed with a key, or dropped, before they
    touch the disk; a list hashes all it names. max_bytes: what is larger is recorded without its inputs.
    """

    answers: bool = True
    features: tuple[str, ...] | None = None
    redact: dict[str, Literal["hash", "drop"]] = {}
    max_bytes: Bytes = 2**20

    @model_validator(mode="before")
    @classmethod
    def _full(cls, value: Any) -> Any:
        if value in ("full", "none"):
            return {"answers": value == "full"}
        if isinstance(value, dict) and isinstance(value.get("redact"), list):
            return {**value, "redact": dict.fromkeys(value["redact"], "hash")}
        return value


class Monitoring(Frozen):
    """How a model is watched; see monitors.settings. The defaults work without tuning. `monitor: none` watches nothing.

    every: windows begin and end on its multiples. rows: how many answers make one; at_most: after which it closes with fewer.
    false_alarms_per_month: how many may be raised though nothing changed. slices: rows that are watched once more on their
    own, such as {carrier: [UA, DL]}; sliced: by which monitors.
    """

    on: bool = True
    every: Annotated[Seconds, Field(ge=1)] = 60.0
    rows: Count = 1000
    at_most: Seconds = 86400.0
    lateness: Annotated[float, BeforeValidator(seconds), Field(ge=0, le=86400)] = 10.0
    false_alarms_per_month: Annotated[float, Field(gt=0, le=10_000)] = 1.0
    min_group: Count = 30
    slices: tuple[dict[str, tuple[str | int | bool, ...]], ...] = ()
    sliced: tuple[Sliced, ...] = SLICED

    @model_validator(mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        return {"on": False} if value == "none" else value

    @model_validator(mode="after")
    def _ordered(self) -> Monitoring:
        if self.at_most < self.every:
            raise ValueError(f"at_most {self.at_most:g} s is below every, {self.every:g} s")
        return self


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
    max_age: Annotated[float, BeforeValidator(seconds), Field(gt=0)] = 90 * 86400.0
    max_bytes: Bytes = 50 * 2**30
    label_wait: Seconds = 30 * 86400.0


class LogConfig(Frozen):
    """The log: one line for each thing that happened, as text or as JSON, from this level on."""

    format: Literal["text", "json"] = "text"
    level: Literal["debug", "info", "warning", "error"] = "info"


def _collector(text: str) -> str:
    """The address of a collector. Its secrets have no place here: /gateway/config shows this to whoever asks."""
    parts = urlsplit(text)
    if "@" in parts.netloc:
        raise ValueError("a name or password does not belong here; set OTEL_EXPORTER_OTLP_HEADERS")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.port == 0:
        raise ValueError(f"expected the address of a collector, such as http://127.0.0.1:4318, found {text!r}")
    path = parts.path.rstrip("/").removesuffix("/v1/traces")
    return f"{parts.scheme}://{parts.netloc}{path}"


class TracingConfig(Frozen):
    """Spans for an OpenTelemetry collector; see docs/tracing.md.

    otlp: its address for OTLP over HTTP, without `/v1/traces`. sample: the share of requests traced of those that no client
    traces. service: the name of this service; left out, OTEL_SERVICE_NAME or driftgate. resource: more attributes of it.
    """

    otlp: Annotated[str, Field(max_length=2048), AfterValidator(_collector)]
    sample: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.01
    service: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    resource: dict[str, str] = {}


class ModelConfig(Frozen):
    """One model: which versions are served, how traffic is split, and where they run.

    versions: left out, every one in the repository but those whose stage is archived. traffic: weights by version;
    left out, all goes to the newest version in production. rollout stands instead of traffic. sticky, rules: see
    docs/routing.md. shadow: versions that run on recorded requests and never answer. `placement: dedicated` gives each
    version processes of its own, min_replicas to max_replicas of them (0: it sleeps until the first request).
    """

    versions: tuple[VersionNumber, ...] | None = None
    traffic: dict[VersionNumber, Weight] | None = None
    sticky: StickyText | None = None
    rules: tuple[RuleConfig, ...] = ()
    shadow: tuple[VersionNumber, ...] = ()
    rollout: RolloutConfig | None = None
    placement: Literal["shared", "dedicated"] = "shared"
    min_replicas: Annotated[int, Field(ge=0)] = 1
    max_replicas: Count = 1
    idle: Seconds = 300.0
    threads: Count = 1
    workers: Count = 1
    max_batch_size: Annotated[int, Field(ge=0, le=65536)] | None = None
    record: Recording = Recording()
    monitor: Monitoring = Monitoring()

    @model_validator(mode="after")
    def _consistent(self) -> ModelConfig:
        if self.traffic is not None and not any(self.traffic.values()):
            raise ValueError("traffic: at least one weight must be above 0")
        if self.traffic is not None and self.rollout is not None:
            raise ValueError("traffic and rollout cannot both be given: a rollout sets the shares itself")
        if len(set(self.shadow)) < len(self.shadow):
            raise ValueError(f"shadow: each version may stand once, found {list(self.shadow)}")
        for key, versions in self._named():
            absent = sorted(versions - set(versions if self.versions is None else self.versions))
            if absent:
                raise ValueError(f"{key} names version {absent[0]}, but versions are {list(self.versions or ())}")
        if self.min_replicas > self.max_replicas:
            raise ValueError(f"min_replicas {self.min_replicas} is above max_replicas {self.max_replicas}")
        if self.placement == "shared" and {"min_replicas", "max_replicas", "idle"} & self.model_fields_set:
            raise ValueError("min_replicas, max_replicas and idle are for placement: dedicated")
        return self

    @property
    def named(self) -> frozenset[int]:
        """The versions that traffic, rules, shadow and rollout name: served even if their stage is archived."""
        return frozenset().union(*(versions for _, versions in self._named()))

    def _named(self) -> list[tuple[str, set[int]]]:
        rollout = {self.rollout.stable, self.rollout.candidate} if self.rollout else set()
        return [
            ("traffic", set(self.traffic or ())),
            ("rules", {rule.version for rule in self.rules}),
            ("shadow", set(self.shadow)),
            ("rollout", rollout),
        ]


class Config(Frozen):
    """The whole file. Relative folders are relative to the file's own."""

    listen: Listen = Listen()
    repository: Path = Path("models")
    data: Path = Path("var")
    replicas: Count | Autoscale = 1
    limits: Limits = Limits()
    journal: JournalConfig = JournalConfig()
    store: StoreConfig = StoreConfig()
    log: LogConfig = LogConfig()
    tracing: TracingConfig | None = None
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
