"""The configuration file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.config import Autoscale, Config, Listen, ModelConfig, read_config
from gateway.errors import ConfigError


def read(folder: Path, text: str) -> Config:
    """The configuration of this text."""
    path = folder / "gateway.yaml"
    path.write_text(text)
    return read_config(path)


def test_an_empty_file_serves_every_model_on_loopback(tmp_path: Path) -> None:
    """The defaults are safe: nobody but this machine can connect."""
    config = read(tmp_path, "")
    assert config.listen == Listen(host="127.0.0.1", http=8000, grpc=9000)
    assert config.settings("anything") == ModelConfig()
    assert config.repository == tmp_path.resolve() / "models"
    assert config.data == tmp_path.resolve() / "var"


def test_folders_are_relative_to_the_file(tmp_path: Path) -> None:
    """And an absolute one stays as it is."""
    config = read(tmp_path, "repository: ../elsewhere\ndata: /var/lib/driftgate")
    assert config.repository == (tmp_path.parent / "elsewhere").resolve()
    assert config.data == Path("/var/lib/driftgate")


def test_models_that_are_not_named_are_not_served(tmp_path: Path) -> None:
    """Once the file names models, it names all."""
    config = read(tmp_path, "models: {flights: {traffic: {1: 90, 2: 10}}}")
    flights = config.settings("flights")
    assert flights is not None
    assert flights.traffic == {1: 90, 2: 10}
    assert config.settings("credit") is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("2", 2), ("2s", 2), ("1.5m", 90), ("1h", 3600), ("30d", 30 * 86400), ("' 3 S '", 3)],
)
def test_durations_carry_their_unit(tmp_path: Path, text: str, seconds: float) -> None:
    """A bare number is seconds."""
    assert read(tmp_path, f"limits: {{timeout: {text}}}").limits.timeout == seconds


@pytest.mark.parametrize(
    ("text", "size"), [("1", 1), ("1kB", 1000), ("1KiB", 1024), ("64MiB", 64 << 20), ("0.5GB", 500_000_000)]
)
def test_sizes_carry_their_unit(tmp_path: Path, text: str, size: int) -> None:
    """Decimal and binary units are told apart."""
    assert read(tmp_path, f"limits: {{max_body: {text}}}").limits.max_body == size


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("prot: 1", ":1: prot: unknown key"),
        ("listen:\n  http: 0", ":2: listen.http: Input should be greater than or equal to 1, found 0"),
        ("listen:\n  http: 65536", ":2: listen.http: Input should be less than or equal to 65535, found 65536"),
        ("limits:\n  timeout: soon", ":2: limits.timeout: expected a number with a unit (ms, s, m, h, d), such as 500ms"),
        ("limits: {timeout: 5 weeks}", ":1: limits.timeout: expected a number with a unit"),
        ("limits: {timeout: -1}", ":1: limits.timeout: Input should be greater than 0"),
        ("limits: {timeout: .nan}", ":1: limits.timeout: Input should be greater than 0"),
        ("limits: {timeout: true}", ":1: limits.timeout: expected a number with a unit"),
        ("limits: {max_body: .inf}", ":1: limits.max_body: expected a finite number"),
        ("limits: {max_body: .nan}", ":1: limits.max_body: expected a finite number"),
        ("limits: {max_body: 0}", ":1: limits.max_body: Input should be greater than or equal to 1"),
        ("replicas: {min: 3, max: 2}", "min 3 is above max 2"),
        ("replicas: 0", "Input should be greater than or equal to 1"),
        ("models: {'a/b': {}}", "models.a/b"),
        ("models:\n  f:\n    traffic: {1: 0}", ":2: models.f: traffic: at least one weight must be above 0"),
        ("models:\n  f:\n    traffic: {1: -1}", ":3: models.f.traffic.1: Input should be greater than or equal to 0"),
        ("models:\n  f:\n    traffic: {1: .inf}", ":3: models.f.traffic.1: Input should be a finite number"),
        ("models: {f: {traffic: {1: 1, 3: 1}, versions: [1, 2]}}", "traffic names version 3, but versions are [1, 2]"),
        ("models:\n  f:\n    traffic: {1: 2e9}", ":3: models.f.traffic.1: Input should be less than or equal to 1000000000"),
        ("models:\n  f:\n    traffic: {1: 90,\n     '1': 10}", ":4: models.f.traffic.1: given twice, first in line 3"),
        ("models: {f: {shadow: [2, 2]}}", ":1: models.f: shadow: each version may stand once, found [2, 2]"),
        ("models: {f: {shadow: [3], versions: [1]}}", "shadow names version 3, but versions are [1]"),
        ("models: {f: {rules: [{cohort: a, version: 3}], versions: [1]}}", "rules names version 3, but versions are [1]"),
        ("models: {f: {idle: 3s}}", "min_replicas, max_replicas and idle are for placement: dedicated"),
        ("models: {f: {placement: dedicated, min_replicas: 2}}", "min_replicas 2 is above max_replicas 1"),
        ("models: {f: {placement: moon}}", ":1: models.f.placement: Input should be 'shared' or 'dedicated'"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    """With file, line and key."""
    with pytest.raises(ConfigError, match=f"gateway.yaml.*{re.escape(sentence)}"):
        read(tmp_path, text)


def test_replicas_may_follow_the_load(tmp_path: Path) -> None:
    """Instead of a number, bounds."""
    assert read(tmp_path, "replicas: {max: 4}").replicas == Autoscale(min=1, max=4)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("gateway.example", False),
    ],
)
def test_only_loopback_is_this_machine_alone(host: str, loopback: bool) -> None:
    """A name that is not known is taken for reachable by others."""
    assert Listen(host=host).loopback is loopback


def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    """Missing, a folder, or no text."""
    with pytest.raises(ConfigError, match="no such file; write one"):
        read_config(tmp_path / "gateway.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(tmp_path)
    (tmp_path / "gateway.yaml").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(tmp_path / "gateway.yaml")


@pytest.mark.parametrize(
    ("text", "key"), [("listen: {host: '::1'}", "listen.host"), ("limits: {drain: 2s}", "limits.drain")]
)
def test_what_cannot_work_is_refused(tmp_path: Path, text: str, key: str) -> None:
    """IPv6, which is not supported, and draining for less time than HAProxy takes to notice."""
    path = tmp_path / "gateway.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=f"gateway.yaml:1: {key}: "):
        read_config(path)
