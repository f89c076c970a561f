"""What is written to a journal is read from it: in order, once, whatever dies."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from gateway.journal.frame import HEADER, MAGIC
from gateway.journal.reader import HOLD_NS, PATIENCE_NS, START, Chunk, Place, Reader
from gateway.journal.segment import segment_path
from gateway.journal.writer import Bounds, Journal
from gateway.record import Field
from tests.gateway.journal.conftest import LAYOUT, answered, refused

LATER = HOLD_NS * 2
BOUNDS = Bounds(64 << 10, 1 << 20)
WIDE = structs.replace(LAYOUT, inputs=tuple(Field(f"feature {n}", "FP32", (-1, 1)) for n in range(200)))


def opened(folder: Path, bounds: Bounds = BOUNDS) -> Journal:
    """A journal in which answers of LAYOUT may be written."""
    journal = Journal(folder, bounds)
    journal.declare(0, LAYOUT)
    return journal


def ids(chunk: Chunk) -> list[str]:
    """The ids of the answers."""
    return [frame.id for _, frame in chunk.answers]


def drained(reader: Reader, now_ns: int = LATER) -> list[str]:
    """The ids of all answers that there are to read at a time."""
    found: list[str] = []
    while (chunk := reader.read(now_ns)).bytes:
        found += ids(chunk)
    return found


def test_frames_come_back_as_they_were_written(tmp_path: Path) -> None:
    """Answers with their layout, and refusals, in order."""
    journal = opened(tmp_path)
    journal.append(answered(name="a"))
    journal.append(refused())
    journal.append(answered(name="b", rows=3))
    chunk = Reader(tmp_path / journal.name).read(LATER)
    assert chunk.answers == [(LAYOUT, answered(name="a")), (LAYOUT, answered(name="b", rows=3))]
    assert chunk.refusals == [refused()]


def test_a_frame_is_held_back_until_its_answer_has_left(tmp_path: Path) -> None:
    """A quarter second; one from a clock that was since set back is not held for ever."""
    journal = opened(tmp_path)
    journal.append(answered(at=1_000))
    reader = Reader(tmp_path / journal.name)
    assert ids(reader.read(1_500 + HOLD_NS - 1)) == []
    assert ids(reader.read(1_500 + HOLD_NS)) == ["a"]
    journal.append(answered(at=3_600_000_000_000, name="future"))
    assert ids(reader.read(LATER)) == ["future"]


def test_segments_follow_one_another_and_each_declares_its_layouts(tmp_path: Path) -> None:
    """So that a segment can be read when those before it are gone."""
    journal = opened(tmp_path)
    names = [f"{n}-{'x' * 100}" for n in range(2_000)]
    for name in names:
        journal.append(answered(name=name))
    folder = tmp_path / journal.name
    assert len(list(folder.glob("*.journal"))) > 3
    assert drained(Reader(folder)) == names
    segment_path(folder, 1).unlink()
    later = drained(Reader(folder, Place(2, len(MAGIC))))
    assert later == names[-len(later) :]


@pytest.mark.parametrize("dead", [False, True])
def test_segments_that_are_gone_are_passed_over_and_counted(tmp_path: Path, dead: bool) -> None:
    """As when a folder of state is removed, or an older one brought back: what is there is read, not waited for."""
    journal = opened(tmp_path)
    places = []
    reader = Reader(tmp_path / journal.name)
    for n in range(6):
        journal.append(answered(name=f"{n}"))
        drained(reader)
        places.append(reader.place)
        journal._rotate(0)
    assert reader.missing == 0
    for number in (1, 2, 3, 5):
        segment_path(reader.folder, number).unlink()
    if dead:
        die(journal)
    for place in (START, places[0]):
        again = Reader(reader.folder, place)
        assert drained(again) + drained(again, LATER + PATIENCE_NS) == ["3", "5"]
        assert (again.missing, again.finished) == (4, dead)


def test_a_segment_that_a_listing_has_missed_is_not_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two may be begun while the folder is listed; the list may then have the second of them alone."""
    journal = opened(tmp_path)
    for n in range(3):
        journal.append(answered(name=f"{n}"))
        journal._rotate(0)
    monkeypatch.setattr(Reader, "_numbers", lambda reader: [3])
    reader = Reader(tmp_path / journal.name)
    assert (drained(reader)[:3], reader.missing) == (["0", "1", "2"], 0)


@given(cut=st.integers(0, 299))
def test_reading_goes_on_where_a_checkpoint_was_taken(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    """Whatever the place: nothing twice, nothing left out."""
    folder = tmp_path_factory.mktemp("journal")
    journal = opened(folder, Bounds(16 << 10, 1 << 20))
    for n in range(300):
        journal.append(answered(name=f"{n}", at=1_000 + n))
    first = Reader(folder / journal.name)
    before = ids(first.read(1_500 + cut + HOLD_NS))
    assert len(before) == cut + 1
    assert before + drained(Reader(folder / journal.name, first.place)) == [f"{n}" for n in range(300)]


def test_a_frame_larger_than_a_segment_gets_one_of_its_size(tmp_path: Path) -> None:
    """And larger than what the reader takes at once."""
    journal = opened(tmp_path)
    large = answered(name="x" * 600_000)
    assert journal.append(large)
    journal.append(answered(name="after"))
    assert drained(Reader(tmp_path / journal.name)) == [large.id, "after"]


def test_a_full_journal_counts_what_it_loses_and_says_so_when_it_has_room(tmp_path: Path) -> None:
    """The loss stands in the journal, between what was written before and after."""
    journal = opened(tmp_path, Bounds(64 << 10, 128 << 10))
    written = 0
    while journal.append(answered(name=f"{written}")):
        written += 1
    assert journal.full
    assert not journal.append(answered(name="lost too"))
    assert not journal.make_room()
    reader = Reader(tmp_path / journal.name)
    assert drained(reader) == [f"{n}" for n in range(written)]
    reader.delete(reader.place)
    assert journal.make_room()
    assert journal.append(answered(name="again"))
    chunk = reader.read(LATER)
    assert ids(chunk) == ["again"]
    assert [lost.count for lost in chunk.lost] == [2] == [journal.lost]


def test_answers_whose_layout_found_no_room_are_lost_until_there_is_some(tmp_path: Path) -> None:
    """However small they are: nobody could read them. The layout itself is no exchange, and counts as none."""
    journal = opened(tmp_path, Bounds(64 << 10, 128 << 10))
    while journal.append(answered(name="x" * 1_000)):
        pass
    small = answered(name="small", layout=1)
    assert journal._segment
    assert len(journal.encode(small)) < journal._segment.size - journal._segment.used
    journal.declare(1, WIDE)
    assert journal.lost == 1
    assert not journal.append(small)
    reader = Reader(tmp_path / journal.name)
    drained(reader)
    reader.delete(reader.place)
    assert journal.make_room()
    assert journal.append(small)
    chunk = reader.read(LATER)
    assert (chunk.answers, chunk.unreadable) == ([(WIDE, small)], 0)
    assert [each.count for each in chunk.lost] == [2]


def test_a_layout_that_fills_its_segment_stands_in_the_next(tmp_path: Path) -> None:
    """With the answers that name it."""
    journal = opened(tmp_path)
    assert journal._segment
    journal.append(answered(name="x" * (journal._segment.size - journal._segment.used - 500)))
    journal.declare(1, WIDE)
    journal.append(answered(name="wide", layout=1))
    reader = Reader(tmp_path / journal.name, Place(2, len(MAGIC)))
    assert reader.read(LATER).answers == [(WIDE, answered(name="wide", layout=1))]


def test_an_answer_whose_layout_is_not_known_is_passed_over_and_counted(tmp_path: Path) -> None:
    """Those around it are read."""
    journal = opened(tmp_path)
    for name, layout in (("before", 0), ("unknown", 9), ("after", 0)):
        journal.append(answered(name=name, layout=layout))
    chunk = Reader(tmp_path / journal.name).read(LATER)
    assert (ids(chunk), chunk.unreadable) == (["before", "after"], 1)


def test_a_disk_without_room_is_a_full_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks are asked for before the file is mapped, so that nobody writes where nothing is."""

    def no_room(descriptor: int, offset: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", no_room)
    journal = opened(tmp_path)
    assert journal.full
    assert not list((tmp_path / journal.name).glob("*.journal"))
    monkeypatch.undo()
    assert journal.make_room()
    assert journal.append(answered())


def test_a_closed_journal_is_read_to_its_end_at_once_and_deleted(tmp_path: Path) -> None:
    """Nothing is in doubt, whatever the time, and its unused room was given back."""
    journal = opened(tmp_path)
    journal.append(answered())
    journal.close()
    folder = tmp_path / journal.name
    assert segment_path(folder, 1).stat().st_size < 1_000
    reader = Reader(folder)
    assert drained(reader, now_ns=2_000) == ["a"]
    assert reader.finished
    assert not reader.torn
    reader.delete(reader.place)
    assert not folder.exists()


def test_the_last_quarter_second_of_a_dead_writer_is_in_doubt(tmp_path: Path) -> None:
    """It comes apart from the rest, and only after those who were asked again had time to answer."""
    journal = opened(tmp_path)
    journal.append(answered(at=0, name="sure"))
    journal.append(answered(at=HOLD_NS * 3, name="in flight"))
    die(journal)
    reader = Reader(tmp_path / journal.name)
    now = HOLD_NS * 10
    assert ids(reader.read(now)) == ["sure"]
    assert ids(reader.read(now + PATIENCE_NS - 1)) == []
    last = reader.read(now + PATIENCE_NS)
    assert (ids(last), last.doubtful) == (["in flight"], True)
    assert not reader.finished
    assert not reader.read(now + PATIENCE_NS).bytes
    assert reader.finished


@pytest.mark.parametrize("damage", ["cut", "garbled"])
def test_a_torn_tail_is_cut_and_counted(tmp_path: Path, damage: str) -> None:
    """What stands before it is whole."""
    journal = opened(tmp_path)
    journal.append(answered(name="whole"))
    end = journal._segment.used if journal._segment else 0
    journal.append(answered(name="torn"))
    die(journal)
    path = segment_path(tmp_path / journal.name, 1)
    content = bytearray(path.read_bytes())
    content[end + 20 : end + 30 if damage == "garbled" else len(content)] = bytes(10 if damage == "garbled" else 0)
    path.write_bytes(content)
    reader = Reader(tmp_path / journal.name)
    found = drained(reader) + drained(reader, LATER + PATIENCE_NS)
    assert found == ["whole"]
    assert reader.finished
    assert reader.torn == 1


WRITER = """
import sys, time
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.gateway.journal.test_journal import opened
from tests.gateway.journal.conftest import answered
journal = opened(Path(sys.argv[1]))
n = 0
while True:
    journal.append(answered(at=time.time_ns(), name=str(n)))
    sys.stdout.write(f"{{n}}\\n")
    sys.stdout.flush()
    n += 1
"""


def test_a_killed_writer_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    """SIGKILL at a random moment, ten times: all that it said it had written is there, once, in order."""
    script = WRITER.format(root=str(Path(__file__).parents[3]))
    for turn in range(10):
        folder = tmp_path / str(turn)
        with subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(random.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
            said = process.stdout.read().split()
        (only,) = folder.iterdir()
        now = time.time_ns()
        reader = Reader(only)
        found = drained(reader, now) + drained(reader, now + PATIENCE_NS)
        assert found == [str(n) for n in range(len(found))]
        assert len(found) >= len(said)
        assert reader.finished


def test_a_segment_is_left_only_for_another(tmp_path: Path) -> None:
    """Where there is no room for a new one, the old one still takes what fits into it."""
    journal = opened(tmp_path, Bounds(64 << 10, 96 << 10))
    journal.append(answered(name="a"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "00000001.journal").write_bytes(bytes(64 << 10))
    journal.renew()
    assert journal.append(answered(name="b"))
    assert not journal.append(answered(name="x" * 100_000))
    assert journal.full
    assert journal.append(answered(name="c"))
    assert drained(Reader(tmp_path / journal.name)) == ["a", "b", "c"]


@pytest.mark.parametrize("fits", [True, False])
def test_a_journal_that_is_closed_while_it_is_full_says_what_it_lost(tmp_path: Path, fits: bool) -> None:
    """And that it is closed, though its last segment has not a byte left; what comes after is lost, and opens nothing."""
    journal = opened(tmp_path, Bounds(64 << 10, 64 << 10))
    while journal.append(answered(name="x" * 100)):
        pass
    while not fits and journal._segment and journal._segment.append(b"\0"):
        pass
    journal.close()
    assert not journal.append(answered(name="late"))
    assert not journal.make_room()
    assert journal.lost == 2
    reader = Reader(tmp_path / journal.name)
    chunk = reader.read(2_000)
    assert [lost.count for lost in chunk.lost] == [1]
    reader.read(2_000)
    assert (reader.finished, reader.torn) == (True, 0)


def test_damage_within_a_journal_is_counted_and_the_next_segment_read(tmp_path: Path) -> None:
    """What stood behind it in its segment cannot be found; nobody is to believe that it was all."""
    journal = opened(tmp_path)
    journal.append(answered(name="before"))
    assert journal._segment
    end = journal._segment.used
    journal.append(answered(name="damaged"))
    journal.append(answered(name="behind it"))
    journal.renew()
    journal.append(answered(name="after"))
    path = segment_path(tmp_path / journal.name, 1)
    content = bytearray(path.read_bytes())
    content[end + 12] ^= 255
    path.write_bytes(content)
    reader = Reader(tmp_path / journal.name)
    assert drained(reader) == ["before", "after"]
    assert reader.torn == 1


def test_a_frame_of_a_form_that_is_not_known_is_passed_over_and_counted(tmp_path: Path) -> None:
    """A later version wrote it, or what stands in it is not what it says; those around it are read."""
    journal = opened(tmp_path)
    journal.append(answered(name="before"))
    payload = msgspec.msgpack.encode([99, "of a time to come"])
    journal.append_encoded(bytearray(HEADER.pack(len(payload), zlib.crc32(payload)) + payload))
    journal.append(answered(name="after"))
    chunk = Reader(tmp_path / journal.name).read(LATER)
    assert (ids(chunk), chunk.unreadable) == (["before", "after"], 1)


def test_a_dead_writer_is_in_doubt_from_its_last_answer_on(tmp_path: Path) -> None:
    """Also where that stands some segments before the last."""
    journal = opened(tmp_path)
    journal.append(answered(at=HOLD_NS * 3, name="last"))
    journal._rotate(0)
    journal._rotate(0)
    die(journal)
    reader = Reader(tmp_path / journal.name)
    assert ids(reader.read(HOLD_NS * 10)) == []
    assert reader.doubt_from == HOLD_NS * 2 + 500


def die(journal: Journal) -> None:
    """Lets go of the lock, as the death of the process would."""
    os.close(journal._lock)
