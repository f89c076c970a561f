"""The page that draws: its packages from npm, and its bundle."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from grafana.proof.errors import ProofError

_HERE = Path(__file__).parent


def install() -> None:
    """The packages of package-lock.json, unless those that are installed are the same. Raises ProofError."""
    lock, installed = _HERE / "package-lock.json", _HERE / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        _run("npm", "ci", "--no-progress")


def build(folder: Path) -> None:
    """Puts index.html and everything that it loads into the folder. Raises ProofError."""
    folder.mkdir(parents=True, exist_ok=True)
    _run("node", "build.mjs", str(folder))


def _run(program: str, *words: str) -> None:
    found = shutil.which(program)
    if found is None:
        raise ProofError(f"{program} is not installed; drawing needs Node.js 20 or newer, with npm")
    done = subprocess.run([found, *words], cwd=_HERE, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ProofError(f"{program} {' '.join(words)} failed:\n{done.stderr[-4000:]}")
