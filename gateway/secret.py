"""Secrets: from the environment, and nowhere else but the data folder; and files that nobody else may read or write."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from gateway.errors import SetupError

REDACT_KEY = "DRIFTGATE_REDACT_KEY"
_LEAST = 16


def redaction_key(data: Path) -> bytes:
    """The key of hashes in recorded data: `DRIFTGATE_REDACT_KEY`, or one that is made once and kept in `data/state`.

    Raises SetupError for a key that is too short to keep anybody from guessing it.
    """
    given = os.environ.get(REDACT_KEY)
    if given is not None:
        if len(given) < _LEAST:
            raise SetupError(f"{REDACT_KEY}: found {len(given)} characters, expected at least {_LEAST}")
        return given.encode()
    path = data / "state" / "redact.key"
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_hex(32).encode())
        try:
            os.link(draft, path)  # the first of several replicas wins
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_bytes()


def keep(path: Path, content: bytes) -> None:
    """Replaces a file of one writer, whole or not at all, also when the machine stops. Only this user may read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
