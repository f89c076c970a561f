"""The key of hashes in recorded data."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from gateway.errors import SetupError
from gateway.secret import REDACT_KEY, redaction_key, settle_key, settled_key


def test_the_redaction_key_is_made_for_its_owner_only(tmp_path: Path) -> None:
    """With its folder."""
    assert redaction_key(tmp_path / "var") == redaction_key(tmp_path / "var")
    assert stat.S_IMODE((tmp_path / "var" / "state").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "var" / "state" / "redact.key").stat().st_mode) == 0o600


def test_a_key_that_is_too_short_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody could try all of them."""
    monkeypatch.setenv(REDACT_KEY, "short")
    with pytest.raises(SetupError, match="found 5 characters"):
        redaction_key(tmp_path)


def test_hashes_are_made_with_one_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With another, equal values would no longer have equal hashes; whoever wants that says so."""
    settle_key(tmp_path)
    settle_key(tmp_path)
    made = redaction_key(tmp_path)
    assert settled_key(tmp_path) == made
    monkeypatch.setenv(REDACT_KEY, "a key that is long enough")
    for asked in (settle_key, settled_key):
        with pytest.raises(SetupError, match=f"{REDACT_KEY}: another key .* or remove .*fingerprint"):
            asked(tmp_path)
    (tmp_path / "state" / "redact.fingerprint").unlink()
    settle_key(tmp_path)
    monkeypatch.delenv(REDACT_KEY)
    with pytest.raises(SetupError, match=r"redact\.key: another key"):
        settled_key(tmp_path)


def test_a_key_is_not_made_to_look_for_hashes(tmp_path: Path) -> None:
    """Nothing was hashed with it."""
    with pytest.raises(SetupError, match=f"{REDACT_KEY} is not set"):
        settled_key(tmp_path)
    assert not (tmp_path / "state").exists()


def test_the_fingerprint_does_not_tell_the_key(tmp_path: Path) -> None:
    """And is its owner's alone."""
    settle_key(tmp_path)
    path = tmp_path / "state" / "redact.fingerprint"
    assert redaction_key(tmp_path) not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
