"""The gateway's own parts die, and it goes on; it is killed, and starts again."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import yaml

from tests.resilience.load import load
from tests.running import MODELS, Running, command_line, launch, launched, wait_for

BODY = json.loads((MODELS / "digits" / "1" / "golden.json").read_text())["requests"][0]["request"]
INFER = "/v2/models/digits/infer"


def family(running: Running) -> list[psutil.Process]:
    """Every process of the gateway."""
    return [psutil.Process(running.process.pid), *psutil.Process(running.process.pid).children(recursive=True)]


def alive(process: psutil.Process) -> bool:
    """Whether it still runs; one that nobody has buried yet does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def named(running: Running, word: str) -> list[psutil.Process]:
    """Those of its processes whose command line holds a word."""
    return [process for process in family(running) if word in command_line(process)]


def test_killing_the_control_actor_or_the_proxies_fails_no_request(gateway: Running) -> None:
    """Control actor and Serve's proxies are not on the way of a request; what was unloaded stays unloaded after them."""
    with gateway.client() as client:
        assert client.post("/v2/repository/models/credit/unload").status_code == 200
        with load(f"{gateway.url}{INFER}", BODY) as tally:
            wait_for(lambda: tally.answered > 200, 20, "load")
            (control,) = named(gateway, "ray::Control")
            control.kill()
            control.wait(10)
            wait_for(lambda: client.get("/gateway/status").status_code == 200, 30, "the control actor to come back")
            seen = tally.answered
            wait_for(lambda: tally.answered > seen + 200, 20, "load")
        assert not tally.failures
        index = {row["name"]: row["state"] for row in client.post("/v2/repository/index").json()}
        assert (index["credit"], index["digits"]) == ("UNAVAILABLE", "READY")
        assert client.post("/v2/repository/models/credit/load").status_code == 200


def test_a_killed_gateway_starts_again_on_its_ports(tmp_path: Path) -> None:
    """SIGKILL of the gateway's main process: `up` on the same configuration works at once, whatever was left behind."""
    with launch(tmp_path) as running:
        remains = family(running)
        running.process.kill()
        running.process.wait()
        with launched(running.config, tmp_path / "again.log") as again, again.client() as client:
            assert client.post(INFER, json=BODY).status_code == 200
        wait_for(lambda: not any(map(alive, remains)), 15, "the first one's processes to end")


def test_without_haproxy_everything_works_and_it_says_so(tmp_path: Path) -> None:
    """Where no HAProxy is to be had, Serve's own proxy stands in front: inference, gRPC port, management, refusals."""
    program = "import gateway.haproxy as h; h.binary = lambda: None; from gateway.cli import main; main()"
    with launch(tmp_path, command=[sys.executable, "-c", program, "up"]) as running, running.client() as client:
        assert "no HAProxy for this platform" in running.log.read_text()
        assert client.post(INFER, json=BODY).status_code == 200
        assert client.get("/v2/models/flights").json()["versions"] == ["1", "2"]
        refused = client.post("/v2/models/nothing/infer", json=BODY)
        assert (refused.status_code, refused.json()) == (404, {"error": 'no model "nothing"'})
        with load(f"{running.url}{INFER}", BODY, connections=4) as tally:
            wait_for(lambda: tally.answered > 200, 30, "load")
        assert not tally.failures


def test_nothing_of_ours_listens_beyond_this_machine(gateway: Running) -> None:
    """HAProxy, and the HTTP and gRPC servers of replicas and proxies, take connections on loopback alone.

    Ray's own ports listen wider; they are closed to strangers by the token, and are told apart by the ports that we gave.
    """
    ours = [
        process for name in ("haproxy -db", "ray::ServeReplica", "ray::ProxyActor") for process in named(gateway, name)
    ]
    assert len(ours) >= 3
    wide = [
        (process.name(), connection.laddr.port)
        for process in ours
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
        and connection.laddr.ip.removeprefix("::ffff:") != "127.0.0.1"
        and (process.name() == "haproxy" or 20000 <= connection.laddr.port < 32000)
    ]
    assert wide == []
    folder = Path(tempfile.gettempdir()) / f"driftgate-{os.getuid()}-{gateway.url.rpartition(':')[2]}"
    assert (folder / "token").stat().st_mode & 0o077 == 0
    unauthenticated = subprocess.run(
        [sys.executable, "-c", f"import ray; ray.init(address='127.0.0.1:{gcs_port(gateway)}')"],
        env={**os.environ, "RAY_AUTH_MODE": "disabled"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert unauthenticated.returncode != 0


def gcs_port(running: Running) -> int:
    """Where Ray's head listens."""
    command = " ".join(named(running, "raylet/raylet")[0].cmdline())
    return int(re.search(r"--gcs-address=[\d.]+:(\d+)", command)[1])  # type: ignore[index]


def test_down_stops_every_process(tmp_path: Path) -> None:
    """`driftgate down` returns when nothing of the gateway is left, and a second one says that there is none."""
    with launch(tmp_path) as running:
        everything = family(running)
        command = [sys.executable, "-m", "gateway.cli", "down", str(running.config)]
        subprocess.run(command, check=True, capture_output=True)
        wait_for(lambda: not any(map(alive, everything)), 5, "the last of its processes to end")
        again = subprocess.run(command, check=False, capture_output=True, text=True)
        assert (again.returncode, "no gateway is running" in again.stderr) == (1, True)


def test_a_second_gateway_on_the_same_ports_is_refused(gateway: Running, tmp_path: Path) -> None:
    """It says which port is taken and what to do, and exits 1; the first one is not disturbed."""
    content = yaml.safe_load(gateway.config.read_text())
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump({**content, "data": str(tmp_path / "other")}))
    command = [sys.executable, "-m", "gateway.cli", "up", str(other)]
    second = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert second.returncode == 1
    assert f"already uses port {content['listen']['http']}" in second.stderr
    with gateway.client() as client:
        assert client.post(INFER, json=BODY).status_code == 200
