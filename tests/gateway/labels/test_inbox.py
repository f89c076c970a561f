"""Labels on the disk: durable, in order, once; whoever writes beside, and however a writer ends."""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Overloaded, SetupError
from gateway.labels.database import connect
from gateway.labels.inbox import Accepted, Event, Inbox
from gateway.labels.label import Label

ROOT = Path(__file__).parents[3]
WRITER = """
import sys
from pathlib import Path
from gateway.labels.inbox import Inbox
from gateway.labels.label import Label
path, name, calls = sys.argv[1:]
inbox = Inbox(Path(path))
for number in range(int(calls)):
    inbox.accept([Label("m", f"{name}-{number}-{k}", 0, 1, 0) for k in range(10)] + [Label("m", "all", number, 1, 0)], 0)
    print(number, flush=True)
"""


def label(identifier: str = "a", value: Any = 1, row: int = 0, model: str = "m", time: int = 7) -> Label:
    """A label."""
    return Label(model, identifier, row, value, time)


def start(path: Path, name: str, calls: int) -> subprocess.Popen[bytes]:
    """A process that writes calls of eleven labels, ten of its own and one that all write, and says which it has written."""
    command = [sys.executable, "-c", WRITER, str(path), name, str(calls)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)})


def test_a_label_is_an_event(inbox: Inbox) -> None:
    """With all that was said, and when."""
    assert inbox.accept([label(), label("b", 0.5, row=2)], 9) == Accepted(2, 0, 0)
    assert inbox.read(0, 10) == [Event(1, "m", "a", 0, 1, 7, 9, 0), Event(2, "m", "b", 2, 0.5, 7, 9, 0)]
    assert inbox.last() == 2


@pytest.mark.parametrize("value", [0, -(2**63), 2**63 - 1, 0.1, 1.0, True, False, "", "late", "1", 'ü"\n'])
def test_a_value_comes_back_as_it_was(inbox: Inbox, value: Any) -> None:
    """And of the same type."""
    inbox.accept([label(value=value)], 0)
    (event,) = inbox.read(0, 1)
    assert (event.label, type(event.label)) == (value, type(value))


@pytest.mark.parametrize("again", [label(), label(time=99)])
def test_a_label_sent_twice_is_a_duplicate(inbox: Inbox, again: Label) -> None:
    """And not kept again, whatever time it names the second time."""
    inbox.accept([label()], 0)
    assert inbox.accept([again], 1) == Accepted(0, 1, 0)
    assert inbox.last() == 1


def test_another_value_is_a_correction(inbox: Inbox) -> None:
    """One more event that says so; going back to the first value is a correction too."""
    for value in (1, 0, 1):
        inbox.accept([label(value=value)], 0)
    assert [(event.label, event.corrects) for event in inbox.read(0, 9)] == [(1, 0), (0, 1), (1, 1)]
    assert inbox.accept([label(value=1)], 0) == Accepted(0, 1, 0)


@pytest.mark.parametrize("other", [label("b"), label(row=1), label(model="n"), label("A")])
def test_other_ids_rows_and_models_are_other_labels(inbox: Inbox, other: Label) -> None:
    """Neither duplicates nor corrections."""
    inbox.accept([label(value=0)], 0)
    assert inbox.accept([other], 0) == Accepted(1, 0, 0)


def test_within_a_call_order_counts(inbox: Inbox) -> None:
    """Twice the same is a duplicate, another value after it a correction."""
    found = inbox.accept([label(value=1), label(value=1), label(value=0), label("b"), label(value=0)], 0)
    assert found == Accepted(3, 2, 1)
    assert [event.label for event in inbox.read(0, 9)] == [1, 0, 1]


def test_calls_committed_together_are_told_apart(inbox: Inbox) -> None:
    """Each has its own counts; a later one sees what an earlier one brought."""
    calls = [[label()], [], [label(), label("b")], [label("c", model="n")]]
    assert inbox.accept_calls(calls, 0) == [(1, 0, 0), (0, 0, 0), (1, 1, 0), (1, 0, 0)]


def test_counts_last(path: Path, inbox: Inbox) -> None:
    """By model, over all processes and restarts."""
    inbox.accept([label(), label(), label(value=0)], 0)
    inbox.accept_calls([], 0, {"m": 2, "n": 1})
    other = Inbox(path)
    other.accept([label(value=0)], 0)
    other.close()
    assert inbox.counts() == {
        ("m", "accepted"): 2,
        ("m", "duplicate"): 2,
        ("m", "corrected"): 1,
        ("m", "refused_calls"): 2,
        ("n", "refused_calls"): 1,
    }


def test_events_are_read_in_order_from_any_place(inbox: Inbox) -> None:
    """A few at a time."""
    inbox.accept([label(str(number)) for number in range(10)], 0)
    assert [event.seq for event in inbox.read(3, 4)] == [4, 5, 6, 7]
    assert inbox.read(10, 4) == []


def test_an_empty_inbox_has_no_last_event(inbox: Inbox) -> None:
    """Its number is 0."""
    assert (inbox.last(), inbox.read(0, 1), inbox.accept([], 0)) == (0, [], Accepted(0, 0, 0))


def test_what_was_joined_long_ago_is_dropped(inbox: Inbox) -> None:
    """What is younger, or was not joined, stays, and with it the knowledge of what is a duplicate."""
    for now in (10, 20, 30):
        inbox.accept([label(str(now))], now)
    assert inbox.prune(until_seq=2, older_than_ns=20) == 1
    assert [event.id for event in inbox.read(0, 9)] == ["20", "30"]
    assert inbox.accept([label("10"), label("20")], 40) == Accepted(1, 1, 0)
    assert inbox.prune(until_seq=2, older_than_ns=99) == 1


def test_looking_for_what_is_old_holds_up_nobody(inbox: Inbox, path: Path) -> None:
    """The observer runs when nobody else wants to: while it looks, replicas must be able to write."""
    inbox.accept([label()], 10)
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    assert inbox.prune(until_seq=1, older_than_ns=5) == 0
    writer.close()


def test_numbers_are_never_given_twice(inbox: Inbox) -> None:
    """Even where nothing is left; more is dropped than fits one transaction."""
    inbox.accept([label(str(number)) for number in range(12_000)], 0)
    assert inbox.prune(12_000, 1) == 12_000
    assert inbox.last() == 12_000
    inbox.accept([label()], 0)
    assert [event.seq for event in inbox.read(0, 9)] == [12_001]


def test_what_is_forgotten_is_not_on_the_disk(path: Path, inbox: Inbox) -> None:
    """Neither in the file nor in the log beside it."""
    secret = "subject-of-the-request"
    inbox.accept([label(secret), label(secret, row=1), label("b"), label(secret, model="n")], 0)
    assert inbox.forget("m", [secret]) == 2
    assert inbox.forget("n", [secret, "unknown"]) == 1
    assert [event.id for event in inbox.read(0, 9)] == ["b"]
    assert secret.encode() not in b"".join(file.read_bytes() for file in path.parent.iterdir())


def test_several_processes_write_at_once(path: Path, inbox: Inbox) -> None:
    """Every label is there once, and each reader sees the numbers grow without ever missing one."""
    writers = [start(path, str(number), 20) for number in range(3)]
    seen: list[Event] = []
    while any(writer.poll() is None for writer in writers):
        seen += inbox.read(seen[-1].seq if seen else 0, 1000)
    seen += inbox.read(seen[-1].seq, 1000)
    for writer in writers:
        assert len(writer.communicate()[0].split()) == 20
    assert [event.seq for event in seen] == list(range(1, 3 * 20 * 10 + 20 + 1))
    assert len({(event.id, event.row) for event in seen}) == len(seen)
    assert inbox.counts()["m", "duplicate"] == 2 * 20


def test_a_killed_process_loses_nothing_that_it_accepted(path: Path, inbox: Inbox) -> None:
    """SIGKILL at any moment: what it has said is there, whole calls only, and others can go on at once."""
    for name in "abc":
        writer = start(path, name, 100_000)
        assert writer.stdout
        said = [int(line) for line in itertools.islice(writer.stdout, 30)]
        writer.send_signal(signal.SIGKILL)
        said += [int(line) for line in writer.stdout.read().split() if line]
        writer.wait()
        writer.stdout.close()
        ids = {event.id for event in inbox.read(0, 10**6) if event.id.startswith(f"{name}-")}
        assert {f"{name}-{number}-{k}" for number in range(len(said)) for k in range(10)} <= ids
        assert len(ids) % 10 == 0
        assert inbox.accept([label(name)], 0).accepted == 1


def test_a_locked_file_is_an_overload_that_passes(path: Path, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the call is kept; the same call succeeds once the lock is gone."""
    monkeypatch.setattr("gateway.labels.database.BUSY_S", 0.05)
    hasty = Inbox(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Overloaded, match="labels cannot be stored or read just now: database is locked"):
        hasty.accept([label()], 0)
    other.execute("ROLLBACK")
    other.close()
    assert hasty.accept([label()], 0).accepted == 1
    hasty.close()


def test_a_failed_call_leaves_no_half(inbox: Inbox) -> None:
    """A label that SQLite cannot hold takes the whole call with it."""
    with pytest.raises(OverflowError):
        inbox.accept([label(), label("b", time=2**63)], 0)
    assert inbox.last() == 0
    assert inbox.accept([label()], 0).accepted == 1


def test_a_file_of_another_kind_is_refused(path: Path) -> None:
    """And one of a later driftgate."""
    path.parent.mkdir()
    path.write_bytes(b"no database" * 200)
    with pytest.raises(SetupError, match="cannot be used: file is not a database"):
        Inbox(path)
    path.unlink()
    database = connect(path)
    database.execute("PRAGMA user_version = 9")
    database.close()
    with pytest.raises(SetupError, match="has version 9 of its tables, this driftgate knows 1"):
        Inbox(path)


def test_its_folder_is_for_this_user_alone(path: Path, inbox: Inbox) -> None:
    """And a commit waits for the disk."""
    assert path.parent.stat().st_mode & 0o777 == 0o700
    database = connect(path)
    assert database.execute("PRAGMA synchronous").fetchone() == (2,)
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()
