"""A file that somebody edits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.draft import Draft

LATER = 10**19
"""A time at which no write is recent."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file."""
    path = tmp_path / "gateway.yaml"
    path.write_text("one")
    return path


def test_a_change_is_told_once_it_has_stayed_for_a_look(path: Path) -> None:
    """And only once."""
    draft = Draft(path)
    assert [draft.changed(LATER) for _ in range(3)] == [False, False, False]
    path.write_text("two!")
    assert [draft.changed(LATER) for _ in range(4)] == [False, True, False, False]


def test_a_file_in_the_midst_of_being_written_is_waited_for(path: Path) -> None:
    """What is empty for a moment would say that every model is served."""
    draft, told = Draft(path), []
    for content in ("", "models:", "models: {}", "models: {}"):
        path.write_text(content)
        told.append(draft.changed(LATER))
    assert told == [False, False, False, True]


def test_a_file_that_is_put_in_its_place_is_the_same_file(path: Path, tmp_path: Path) -> None:
    """Gone for a moment, it has not changed; with the same content neither."""
    draft = Draft(path)
    path.unlink()
    assert [draft.changed(LATER) for _ in range(3)] == [False, False, False]
    (tmp_path / "new").write_text("one")
    (tmp_path / "new").replace(path)
    assert [draft.changed(LATER) for _ in range(3)] == [False, False, False]
    (tmp_path / "new").write_text("two")
    (tmp_path / "new").replace(path)
    assert [draft.changed(LATER) for _ in range(3)] == [False, True, False]


def test_what_is_written_within_one_tick_of_the_clock_is_seen(path: Path) -> None:
    """The same size, the same time: while that is recent, the content is read."""
    draft = Draft(path)
    written = path.stat().st_mtime_ns
    draft.changed(written)
    path.write_text("two")
    os.utime(path, ns=(written, written))
    assert [draft.changed(written + 1) for _ in range(3)] == [False, True, False]


def test_a_file_that_is_not_there_yet_is_told_when_it_comes(path: Path) -> None:
    """Whoever watches may be first."""
    path.unlink()
    draft = Draft(path)
    assert not draft.changed(LATER)
    path.write_text("one")
    assert [draft.changed(LATER) for _ in range(3)] == [False, True, False]
