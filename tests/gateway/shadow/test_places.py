"""The observer deletes what everybody has read, unless the journals run full."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from gateway.journal.places import DONE, discard, needed, readers_folder
from gateway.journal.reader import HOLD_NS, START, Place, Reader
from gateway.journal.segment import bytes_of
from gateway.journal.writer import Bounds, Journal
from tests.gateway.journal.conftest import LAYOUT, answered
from tests.gateway.shadow.conftest import Site

ROOM = 1 << 30


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """One with three segments, closed."""
    made = Journal(tmp_path / "journal", Bounds(64 << 10, ROOM))
    made.declare(0, LAYOUT)
    for number in range(3):
        made.append(answered(1_000, str(number)))
        if number < 2:
            made.renew()
    made.close()
    return made


def keep(data: Path, name: str, **places: Place) -> None:
    """What another reader writes at its checkpoint."""
    folder = readers_folder(data)
    folder.mkdir(parents=True, exist_ok=True)
    content = {"other": 1, "places": {key.replace("_", "-"): place for key, place in places.items()}}
    (folder / f"{name}.msgpack").write_bytes(msgspec.msgpack.encode(content))


def through(journal: Journal, data: Path) -> Reader:
    """A reader that has finished it."""
    reader = Reader(data / "journal" / journal.name)
    while not reader.finished:
        reader.read(time.time_ns())
    return reader


def segments(data: Path, journal: Journal) -> list[int]:
    """Those that are left."""
    return sorted(int(path.stem) for path in (data / "journal" / journal.name).glob("*.journal"))


def test_without_other_readers_a_finished_journal_goes(tmp_path: Path, journal: Journal) -> None:
    """As it always did."""
    reader = through(journal, tmp_path)
    assert discard(reader, reader.place, needed(tmp_path, ROOM)(journal.name))
    assert not reader.folder.exists()


@pytest.mark.parametrize(("others", "kept"), [([], [1, 2, 3]), ([2], [2, 3]), ([3, 2], [2, 3]), ([3, None], [1, 2, 3])])
def test_segments_stay_until_the_last_reader_is_through(
    tmp_path: Path, journal: Journal, others: list[int | None], kept: list[int]
) -> None:
    """One that does not name a journal has not begun to read it."""
    for number, segment in enumerate(others or [None]):
        places = {} if segment is None else {journal.name.replace("-", "_"): Place(segment, 8)}
        keep(tmp_path, f"shadow-m-{number}", **places)
    reader = through(journal, tmp_path)
    assert not discard(reader, reader.place, needed(tmp_path, ROOM)(journal.name))
    assert segments(tmp_path, journal) == kept


def test_once_all_are_done_with_it_the_journal_goes(tmp_path: Path, journal: Journal) -> None:
    """They say so by a place behind its end."""
    keep(tmp_path, "shadow-m-2", **{journal.name.replace("-", "_"): DONE})
    reader = through(journal, tmp_path)
    assert discard(reader, reader.place, needed(tmp_path, ROOM)(journal.name))


def test_nobody_waits_for_readers_of_what_shadows_wrote(tmp_path: Path) -> None:
    """Shadows do not read it."""
    keep(tmp_path, "shadow-m-2")
    asked = needed(tmp_path, ROOM)
    assert (asked("shadow-m-2-0198c0ff"), asked("0198c0ff")) == (DONE, START)


def test_journals_that_run_full_are_not_kept_for_others(tmp_path: Path, journal: Journal) -> None:
    """Answers are worth more than shadows."""
    keep(tmp_path, "shadow-m-2")
    taken = bytes_of(tmp_path / "journal")
    assert needed(tmp_path, taken * 2)(journal.name) == START
    assert needed(tmp_path, taken)(journal.name) == DONE


def test_a_shadow_reads_on_behind_a_gap_and_counts_it(make_site: Callable[..., Site]) -> None:
    """Deleted before it was read: some primaries are not shadowed, and it says that there are some."""
    site = make_site()
    journal = site.journal()
    for name in "abc":
        site.ask(name, x=[1.0])
        journal.renew()
    (site.data / "journal" / journal.name / "00000001.journal").unlink()
    (site.data / "journal" / journal.name / "00000002.journal").unlink()
    shadowing = site.shadowing()
    shadowing.step(time.time_ns() + 2 * HOLD_NS)
    shadowing.drain(time.time_ns() + 2 * HOLD_NS)
    assert (site.names(), site.kept.gaps) == ({"c": 1}, 2)


def test_a_journal_that_is_gone_is_a_gap_too(make_site: Callable[..., Site]) -> None:
    """Unless it had been read to its end."""
    site = make_site()
    journal = site.journal()
    site.ask("a", x=[1.0])
    shadowing = site.shadowing()
    shadowing.drain(time.time_ns() + 2 * HOLD_NS)
    journal.close()
    folder = site.data / "journal" / journal.name
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    shadowing.drain(time.time_ns() + 2 * HOLD_NS)
    assert site.kept.gaps == 1
    assert journal.name not in site.kept.places
