"""Rollouts on disk."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import NotReady, SetupError
from gateway.rollout.gates import Verdict
from gateway.rollout.ledger import Ledger
from gateway.rollout.machine import Event, State, begin, step
from tests.gateway.rollout.building import SECOND, plan, verdict

SCRIPT: list[tuple[str | None, tuple[int, ...]]] = [
    (None, ()),
    (None, (1, 2)),
    *[("no_data", (1, 2))] * 5,
    *[("pass", (1, 2))] * 10,
    ("error", (1, 2)),
    ("pass", (1,)),
    *[("pass", (1, 2))] * 30,
]
"""What is seen in each second."""

DRIVER = """
import sys
from pathlib import Path
from tests.gateway.rollout.test_ledger import drive
print("begun", flush=True)
drive(Path(sys.argv[1]), pause=0.004)
"""


def seen(second: int) -> tuple[tuple[Verdict, ...], tuple[int, ...]]:
    """Verdicts and the versions that are ready."""
    outcome, ready = SCRIPT[second]
    return ((verdict(outcome),) if outcome else (), ready)  # type: ignore[arg-type]


def drive(path: Path, pause: float = 0, most: int = 1000) -> int:
    """A process: it opens the ledger, goes on where that is, and records at most so many changes. Returns how many."""
    ledger, changes = Ledger(path), 0
    known = ledger.states()
    if "flights" not in known:
        state, events = begin("flights", plan(), "ann", 0)
        ledger.record([state], events)
        changes += 1
    state = ledger.states()["flights"]
    last = ledger.history("flights")[-1].time // SECOND
    for second in range(last + (last > 0), len(SCRIPT)):
        if changes == most:
            break
        verdicts, ready = seen(second)
        after, events = step(state, verdicts, 100, ready, second * SECOND)
        if after != state:
            ledger.record([after], events)
            changes += bool(events)
        state = after
        time.sleep(pause)
    ledger.close()
    return changes


def outcome(path: Path) -> tuple[State, list[Event]]:
    """What the ledger holds."""
    ledger = Ledger(path)
    found = ledger.states()["flights"], ledger.history("flights")
    ledger.close()
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[State, list[Event]]:
    """One process from beginning to end."""
    path = tmp_path_factory.mktemp("ledger") / "state" / "rollouts.sqlite"
    drive(path)
    return outcome(path)


def test_the_script_goes_through_all(undisturbed: tuple[State, list[Event]]) -> None:
    """Otherwise the other tests would show little."""
    state, events = undisturbed
    assert state.phase == "succeeded"
    kinds = ["begin", "start", "advance", "retry", "withdraw", "start", "advance", "succeed"]
    assert [event.what for event in events] == kinds


def test_a_process_that_ends_at_every_change_takes_the_same_way(
    undisturbed: tuple[State, list[Event]], tmp_path: Path
) -> None:
    """The next one goes on from what was recorded."""
    path = tmp_path / "rollouts.sqlite"
    while drive(path, most=1):
        pass
    assert outcome(path) == undisturbed


def test_a_process_that_is_killed_anywhere_takes_the_same_way(
    undisturbed: tuple[State, list[Event]], tmp_path: Path
) -> None:
    """With SIGKILL, at whatever it was doing."""
    path = tmp_path / "rollouts.sqlite"
    for delay in (0.02, 0.08):
        with subprocess.Popen([sys.executable, "-c", DRIVER, str(path)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"begun\n"
            try:
                process.wait(delay)
            except subprocess.TimeoutExpired:
                process.kill()
    drive(path)
    assert outcome(path) == undisturbed


def test_a_change_that_is_not_whole_did_not_happen(tmp_path: Path) -> None:
    """The state is not kept without the events that led to it."""
    ledger = Ledger(tmp_path / "rollouts.sqlite")
    state, _ = begin("flights", plan(), "ann", 0)
    broken: list[Event] = [Event(0, "flights", None, "begin", "", "", "")]  # type: ignore[arg-type]
    with pytest.raises(NotReady, match="NOT NULL"):
        ledger.record([state], broken)
    assert ledger.states() == {}
    ledger.close()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A new one."""
    found = Ledger(tmp_path / "rollouts.sqlite")
    yield found
    found.close()


def test_history_is_of_one_model_or_of_all(ledger: Ledger) -> None:
    """The newest, in the order in which they came."""
    for second, model in enumerate(("flights", "digits", "flights")):
        state, events = begin(model, plan(), "ann", second * SECOND)
        ledger.record([state], events)
    ledger.record([], [Event(9 * SECOND, "digits", "ann", "apply", "3", "4", "traffic of digits")])
    assert [event.time // SECOND for event in ledger.history()] == [0, 1, 2, 9]
    assert [event.time // SECOND for event in ledger.history("flights")] == [0, 2]
    assert [event.time // SECOND for event in ledger.history(most=2)] == [2, 9]
    assert sorted(ledger.states()) == ["digits", "flights"]


def test_another_version_of_the_file_is_refused(tmp_path: Path) -> None:
    """And so is what is no database."""
    path = tmp_path / "rollouts.sqlite"
    Ledger(path).close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 9")
    database.close()
    with pytest.raises(SetupError, match="version 9 of its tables, this driftgate knows 1"):
        Ledger(path)
    other = tmp_path / "other.sqlite"
    other.write_text("no database at all, only words, and enough of them to look like a header of one " * 3)
    with pytest.raises(SetupError, match="cannot be used"):
        Ledger(other)
