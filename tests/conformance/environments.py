"""The clients' environments: `.venv-clients/NAME`, made with venv and pip from `requirements-NAME.txt`.

They cannot share ours, whose protobuf is too new for them. Each is made once, and again when its requirements change.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ROOT / ".venv-clients"
INSTALL_S = 480

_missing: dict[str, EnvironmentMissing] = {}  # asked for once in a run, and not once for each program


class EnvironmentMissing(AssertionError):
    """It could not be made; the message ends with what pip said."""


def python(name: str) -> Path:
    """The interpreter of an environment, which is made first if need be. Raises EnvironmentMissing."""
    if name in _missing:
        raise _missing[name]
    try:
        return _made(name)
    except EnvironmentMissing as problem:
        _missing[name] = problem
        raise


def _made(name: str) -> Path:
    folder, requirements = ENVIRONMENTS / name, Path(__file__).with_name(f"requirements-{name}.txt")
    stamp = folder / "made-from"
    content = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    ENVIRONMENTS.mkdir(exist_ok=True)
    with (ENVIRONMENTS / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != content:
            shutil.rmtree(folder, ignore_errors=True)
            _run(name, [sys.executable, "-m", "venv", str(folder)])
            _run(name, [str(folder / "bin" / "python"), *_install(requirements)])
            stamp.write_text(content)
    return folder / "bin" / "python"


def _install(requirements: Path) -> list[str]:
    """Wheels only, each with a hash that we know: nothing is built, nothing else is let in."""
    patience = ["--retries", "2", "--timeout", "30"]
    options = ["--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--require-hashes"]
    return ["-m", "pip", "install", *patience, *options, "-r", str(requirements)]


def _run(name: str, command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S, check=False)
        failed, said = done.returncode != 0, done.stdout + done.stderr
    except subprocess.TimeoutExpired:
        failed, said = True, f"nothing within {INSTALL_S} s"
    if failed:
        end = "\n".join(said.splitlines()[-10:])
        raise EnvironmentMissing(
            f"the environment of the {name} clients could not be made (it needs a package index, once); "
            f"{' '.join(command[:4])} … said:\n{end}"
        )
