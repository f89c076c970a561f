"""Secrets: from the environment, and nowhere else but the data folder; and files that nobody else may read or write."""

from __future__ import annotations

import hmac
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
    path = _path(data)
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


def settle_key(data: Path) -> None:
    """From now on hashes in recorded data are made with this key, and no other. Raises SetupError if it was another so far."""
    key = redaction_key(data)
    if not _fingerprint(data).exists():
        keep(_fingerprint(data), _mark(key))
    _check(data, key)


def settled_key(data: Path) -> bytes:
    """The key that hashes in recorded data were made with. Raises SetupError if it is not here."""
    if REDACT_KEY not in os.environ and not _path(data).exists():
        raise SetupError(f"{REDACT_KEY} is not set, and there is no {_path(data)}: set it to the key of the gateway")
    key = redaction_key(data)
    _check(data, key)
    return key


def keep(path: Path, content: bytes) -> None:
    """Replaces a file of one writer, whole or not at all, also when the machine stops. Only this user may read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _check(data: Path, key: bytes) -> None:
    path = _fingerprint(data)
    if path.exists() and path.read_bytes() != _mark(key):
        where = REDACT_KEY if REDACT_KEY in os.environ else _path(data)
        raise SetupError(
            f"{where}: another key than what is recorded was hashed with; go back to that one, or remove {path} "
            f"to go on with this one: what was hashed before is then found by its hash alone"
        )


def _path(data: Path) -> Path:
    return data / "state" / "redact.key"


def _fingerprint(data: Path) -> Path:
    return data / "state" / "redact.fingerprint"


def _mark(key: bytes) -> bytes:
    return hmac.digest(key, b"fingerprint", "sha256").hex().encode()
