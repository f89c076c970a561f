"""The environments of the peers: `.venv-peers/NAME`, made with venv and pip."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from loadtests.errors import LoadError

ROOT = Path(__file__).parents[2] / ".venv-peers"


@dataclass(frozen=True, slots=True)
class Peer:
    """A project to compare with, at the version that was measured. GET `ready` answers 200 when its server is up."""

    name: str
    version: str
    ready: str

    @property
    def python(self) -> Path:
        """The interpreter of its environment; missing when it is not installed."""
        return ROOT / self.name / "bin" / "python"

    @property
    def requirements(self) -> list[str]:
        """What pip installs."""
        return [f"{self.name}=={self.version}", "onnxruntime", "numpy", "msgspec"]


PEERS = (
    Peer("mosec", "0.9.8", "/"),
    Peer("mlserver", "1.7.1", "/v2/health/ready"),
    Peer("litserve", "0.2.19", "/health"),
    Peer("bentoml", "1.4.39", "/readyz"),
)


def install(peer: Peer, log: Callable[[str], None]) -> None:
    """Makes or brings up to date the peer's environment. Raises LoadError with the end of what pip said."""
    if not peer.python.exists():
        log(f"{peer.name}: making {ROOT / peer.name}")
        _run([sys.executable, "-m", "venv", str(ROOT / peer.name)])
    log(f"{peer.name}: installing {' '.join(peer.requirements)}")
    _run([str(peer.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.requirements])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-8:])
        raise LoadError(f"{' '.join(command[:4])} … failed:\n{said}")
