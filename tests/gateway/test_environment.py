"""What Ray and Serve read when they are imported."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway import environment, haproxy
from gateway.config import Config, Limits, Listen

CONFIG = Config(listen=Listen(http=18123), limits=Limits(max_body=10 << 20, drain=7))


def test_without_haproxy_none_of_its_settings_is_made() -> None:
    """Serve's own proxy stands in front."""
    variables = environment.settings(CONFIG, None, (20001, 26001), (1, 2))
    assert not [name for name in variables if "HAPROXY" in name or "HA_PROXY" in name]
    assert variables["RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH"] == "gateway.ingress:middlewares"


def test_limits_reach_serve() -> None:
    """Bodies of the largest size allowed pass between processes, and draining takes as long as configured."""
    variables = environment.settings(CONFIG, "/bin/true", (20001, 26001), (1, 2))
    assert int(variables["RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH"]) > 2 * CONFIG.limits.max_body
    assert int(variables["RAY_SERVE_GRPC_MAX_MESSAGE_SIZE"]) > CONFIG.limits.max_body
    assert float(variables["RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S"]) == 7


def test_haproxys_files_lie_in_the_run_folder() -> None:
    """With the token, where the launcher is and where orphans are looked for; sockets have short paths."""
    variables = environment.settings(CONFIG, "/bin/true", (20001, 26001), (9101, 8404))
    run = environment.run_folder(CONFIG)
    paths = [value for name, value in variables.items() if name.endswith(("_PATH", "_LOC", "_BASE", "_FILE"))]
    paths.remove("gateway.ingress:middlewares")
    assert len(paths) == 7
    assert all(path.startswith(str(run)) and len(path) < 100 for path in paths)
    assert (variables["RAY_SERVE_HAPROXY_METRICS_PORT"], variables["RAY_SERVE_HAPROXY_STATS_PORT"]) == ("9101", "8404")


def test_gateways_on_different_ports_have_different_run_folders() -> None:
    """And the same port has the same, so that its orphans are found."""
    other = Config(listen=Listen(http=18124))
    assert environment.run_folder(CONFIG) == environment.run_folder(CONFIG) != environment.run_folder(other)


def test_what_the_user_has_set_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All else is set, and the launcher written if there is a HAProxy."""
    kept = dict(os.environ)
    monkeypatch.setattr(environment.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv("RAY_DEDUP_LOGS", "1")
    run = environment.run_folder(CONFIG)
    run.mkdir()
    try:
        prepared = environment.prepare(CONFIG)
        prepared.block.guard.close()
        assert os.environ["RAY_DEDUP_LOGS"] == "1"
        assert os.environ["RAY_SERVE_THROUGHPUT_OPTIMIZED"] == "1"
        assert os.environ["RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT"] == str(prepared.block.http)
    finally:
        os.environ.clear()
        os.environ.update(kept)
    assert prepared.balanced == (haproxy.binary() is not None) == (run / "haproxy").exists()
