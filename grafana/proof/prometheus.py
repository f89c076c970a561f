"""A Prometheus of our own: on a port and in a folder of its own, waited for, and ended by its process id."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import yaml

from gateway.ports import free_port
from grafana.proof.answers import Answers
from grafana.proof.errors import ProofError

_START_S = 30.0
_STOP_S = 15.0


@contextlib.contextmanager
def prometheus(
    folder: Path, rules: Sequence[Path] = (), targets: Sequence[str] = (), interval_s: float = 1.0
) -> Iterator[Answers]:
    """Prometheus with its data in `folder`/data, which may hold blocks; it answers until the block is left.

    rules: files that it evaluates. targets: `host:port` of gateways, scraped as job "driftgate". interval_s: between
    scrapes, and between evaluations. Raises ProofError if it is not installed, or ends by itself.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config, log, port = folder / "prometheus.yml", folder / "prometheus.log", free_port()
    config.write_text(yaml.safe_dump(configuration(rules, targets, interval_s)), encoding="utf-8")
    command = [
        executable("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=35d",
        f"--web.listen-address=127.0.0.1:{port}",
        "--enable-feature=exemplar-storage",
        "--log.level=warn",
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(process, url, log)
        with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
            yield Answers(client)
    finally:
        _end(process)


def executable(name: str) -> str:
    """The path of one of Prometheus' programs. Raises ProofError where it is not installed."""
    found = shutil.which(name)
    if found is None:
        raise ProofError(f"{name} is not installed; on Debian: apt-get install prometheus")
    return found


def configuration(rules: Sequence[Path], targets: Sequence[str], interval_s: float) -> dict[str, Any]:
    """The configuration file's content: as grafana/prometheus.yml, at another pace, and without an Alertmanager."""
    pace = f"{int(interval_s * 1000)}ms"
    job = {"job_name": "driftgate", "static_configs": [{"targets": list(targets)}]}
    return {
        "global": {"scrape_interval": pace, "scrape_timeout": pace, "evaluation_interval": pace},
        "rule_files": [str(path) for path in rules],
        "scrape_configs": [job] if targets else [],
    }


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + _START_S
    while time.monotonic() < end:
        if process.poll() is not None:
            raise ProofError(f"prometheus ended with {process.returncode}:\n{_tail(log)}")
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/-/ready", timeout=5, trust_env=False).status_code == 200:
                return
        time.sleep(0.05)
    raise ProofError(f"prometheus was not ready after {_START_S:.0f} s:\n{_tail(log)}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:])
