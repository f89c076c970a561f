"""The fold has the effect of each frame and each label once, wherever it is cut off."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from msgspec import structs

from gateway.config import Config, StoreConfig
from gateway.errors import GatewayError, SetupError
from gateway.journal.reader import HOLD_NS, PATIENCE_NS
from gateway.journal.writer import Bounds, Journal
from gateway.labels.label import Label
from gateway.observer.fold import Fold
from gateway.observer.ledger import Subject
from gateway.observer.pulse import Pulse
from gateway.observer.recent import Recent
from gateway.observer.samples import FAULTS, samples
from gateway.rollout.evidence import BLAMELESS
from gateway.shadow.checkpoint import Checkpoint, Shadow, write
from gateway.shadow.shadowing import GIVEN_UP, UNRECORDED
from monitors.hub import Hub
from monitors.judgement import Window
from tests.gateway.journal.conftest import LAYOUT, answered, refused
from tests.gateway.journal.test_journal import die
from tests.gateway.observer.test_watching import MODELS, told

NOW = 1_800_000_000_000_000_000
SCALE = Subject("scale", 1, "primary")


class Site:
    """A data folder with journals, and folds on it."""

    def __init__(self, folder: Path) -> None:
        self.config = Config(data=folder, repository=folder / "models", store=StoreConfig(flush=3600))
        (folder / "models" / "scale").mkdir(parents=True)
        self.folds: list[Fold] = []

    def fold(self) -> Fold:
        """The one before is dropped as a crash would drop it."""
        self.close()
        self.folds.append(Fold(self.config))
        return self.folds[-1]

    def close(self) -> None:
        """Lets go of the last one."""
        while self.folds:
            self.folds.pop().close()

    def journal(self, *ids: str, at: int = NOW) -> Journal:
        """A journal with answers of these ids."""
        journal = Journal(self.config.data / "journal", Bounds(64 << 10, 1 << 20))
        journal.declare(0, LAYOUT)
        for name in ids:
            journal.append(answered(at, name))
        return journal

    def rows(self, column: str = "request_id") -> list[object]:
        """What stands in the Parquet files."""
        parts = sorted((self.config.data / "store" / "answers").glob("*/*/*.parquet"))
        return [value for path in parts for value in pq.read_table(path)[column].to_pylist()]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """An empty one."""
    made = Site(tmp_path)
    yield made
    made.close()


def test_answers_and_refusals_are_stored_and_counted(site: Site) -> None:
    """A name that is no model's is counted as unknown: clients make up names."""
    journal = site.journal("a", "b")
    journal.append(refused(NOW))
    journal.append(answered(NOW, "many", rows=3))
    fold = site.fold()
    fold.drain(NOW + HOLD_NS)
    assert sorted(map(str, site.rows())) == ["a", "b", "many", "many", "many"]
    account = fold.ledger.accounts[SCALE]
    assert (account.outcomes, account.rows, account.routes) == ({"ok": 3}, 5, {"stable": 3})
    assert fold.ledger.accounts[Subject("scale", 0, "primary")].outcomes == {"overloaded": 1}
    assert sum(account.total.counts) == 3


@pytest.mark.parametrize("committed", [True, False])
def test_what_a_crash_undoes_is_read_again(site: Site, committed: bool) -> None:
    """Before or after the checkpoint: each row once, each count once."""
    journal = site.journal("a", "b")
    first = site.fold()
    first.step(NOW + HOLD_NS + 500)
    if committed:
        first.commit(NOW)
    journal.append(answered(NOW, "c"))
    again = site.fold()
    again.drain(NOW + HOLD_NS)
    assert sorted(map(str, site.rows())) == ["a", "b", "c"]
    assert again.ledger.accounts[SCALE].outcomes == {"ok": 3}
    assert again.progress.rows == 3


def test_a_journal_that_is_done_is_deleted_with_the_checkpoint_and_not_before(site: Site) -> None:
    """Until the checkpoint it is the only record that there is."""
    journal = site.journal("a")
    journal.close()
    folder = site.config.data / "journal" / journal.name
    fold = site.fold()
    fold.step(NOW)
    assert folder.exists()
    fold.step(NOW)
    fold.commit(NOW)
    assert not folder.exists()
    fold.drain(NOW)
    assert site.rows() == ["a"]


def test_a_checkpoint_before_the_first_step_forgets_no_place(site: Site) -> None:
    """What rollouts look at may be committed as soon as there is a fold."""
    journal = site.journal("a", "b")
    journal.renew()
    site.fold().drain(NOW + HOLD_NS)
    site.fold().commit(NOW)
    journal.append(answered(NOW, "c"))
    fold = site.fold()
    fold.drain(NOW + HOLD_NS)
    assert sorted(map(str, site.rows())) == ["a", "b", "c"]
    assert (fold.progress.rows, fold.progress.missing) == (3, 0)


def test_what_was_recorded_after_a_state_that_is_brought_back_is_read_as_far_as_it_is_there(site: Site) -> None:
    """The rest is counted as missing."""
    journal = site.journal("a")
    site.fold().drain(NOW + HOLD_NS)
    site.close()
    shutil.copytree(site.config.data / "state", site.config.data / "copy")
    for name in ("b", "c"):
        journal.append(answered(NOW, name))
        journal.renew()
    site.fold().drain(NOW + HOLD_NS)
    site.close()
    shutil.rmtree(site.config.data / "state")
    (site.config.data / "copy").rename(site.config.data / "state")
    journal.append(answered(NOW, "d"))
    die(journal)
    fold = site.fold()
    fold.drain(NOW + HOLD_NS)
    fold.drain(NOW + HOLD_NS + PATIENCE_NS)
    assert {"a", "d"} <= set(site.rows())
    assert fold.progress.missing == 2


def test_a_request_that_a_dying_replica_answered_too_late_is_counted_once(site: Site) -> None:
    """HAProxy asked another one, and that answer is the one that the client has."""
    dying = site.journal("sure", at=NOW - 10**9)
    dying.append(answered(NOW, "twice"))
    dying.append(answered(NOW, "only here"))
    site.journal("twice", at=NOW + 50_000_000)
    die(dying)
    fold = site.fold()
    fold.step(NOW + HOLD_NS * 2)
    fold.drain(NOW + HOLD_NS * 2 + PATIENCE_NS)
    assert sorted(map(str, site.rows())) == ["only here", "sure", "twice"]
    assert fold.progress.superseded == 1


def test_that_holds_when_the_observer_dies_too(site: Site) -> None:
    """The answers of the last seconds are part of a checkpoint that is taken while some are in doubt."""
    dying = site.journal("twice")
    site.journal("twice", at=NOW + 50_000_000)
    die(dying)
    first = site.fold()
    first.step(NOW + HOLD_NS * 2)
    first.commit(NOW + HOLD_NS * 2)
    site.fold().commit(NOW + HOLD_NS * 2)  # before its first step
    again = site.fold()
    again.step(NOW + HOLD_NS * 3)
    again.drain(NOW + HOLD_NS * 3 + PATIENCE_NS)
    assert site.rows() == ["twice"]


def test_what_is_in_doubt_waits_until_every_journal_has_been_read(site: Site) -> None:
    """The second answer may stand far back in a journal that the observer is still catching up with."""
    dying = site.journal("twice")
    die(dying)
    other = Journal(site.config.data / "journal", Bounds(16 << 20, 64 << 20))
    other.declare(0, LAYOUT)
    for n in range(60):
        other.append(answered(NOW - 10**9 + n, f"{n}-{'x' * 100_000}"))
    other.append(answered(NOW + 50_000_000, "twice"))
    fold = site.fold()
    fold.drain(NOW + HOLD_NS * 2, patience_ns=0)
    assert fold.progress.superseded == 1
    assert site.rows().count("twice") == 1


@pytest.mark.parametrize("killed", [False, True])
def test_it_is_known_however_far_the_others_have_been_read_meanwhile(site: Site, killed: bool) -> None:
    """Of a replica that was killed while the observer was behind: half a minute of the others' answers comes first."""
    dying = site.journal("sure", at=NOW - 10**9)
    dying.append(answered(NOW, "twice"))
    other = Journal(site.config.data / "journal", Bounds(16 << 20, 64 << 20))
    other.declare(0, LAYOUT)
    other.append(answered(NOW + 50_000_000, "twice"))
    for n in range(120):
        other.append(answered(NOW + n * 250_000_000, f"{n}-{'x' * 100_000}"))
    die(dying)
    later = NOW + 31 * 10**9
    fold = site.fold()
    while fold.step(later, 0):
        if killed:
            fold.commit(later)
            fold = site.fold()
    fold.drain(later + PATIENCE_NS)
    assert fold.progress.superseded == 1
    assert site.rows().count("twice") == 1


def test_what_nobody_doubts_is_not_remembered(site: Site) -> None:
    """Neither in memory nor in a checkpoint: only the seconds after a death are asked for."""
    journal = site.journal(*map(str, range(100)))
    fold = site.fold()
    fold.step(NOW + HOLD_NS + 500)
    assert fold._recent.export() == Recent().export()
    journal.append(answered(NOW + 10**9, "last"))
    die(journal)
    site.journal(*map(str, range(100)), at=NOW + 20 * 10**9)
    fold.step(NOW + 21 * 10**9)
    assert fold.doubted
    assert fold._recent.export() == Recent().export()


def test_when_all_are_dead_the_last_to_answer_counts(site: Site) -> None:
    """The second answer is in doubt as much as the first: it is looked at before that one."""
    for at in (NOW, NOW + 50_000_000, NOW + 100_000_000):
        die(site.journal("thrice", at=at))
    site.fold().drain(NOW + 10**9, patience_ns=0)
    assert site.rows() == ["thrice"]


def test_a_disk_that_is_full_stops_the_reading_and_not_the_fold(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in memory stays there, and no more is read until it has been committed; then all of it is there once."""
    monkeypatch.setattr("gateway.observer.fold._ROWS", 2)
    journal = site.journal("a", "b")
    fold = site.fold()

    def no_room(path: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("gateway.store.part.sync", no_room)
        with pytest.raises(OSError, match="No space left"):
            fold.step(NOW + HOLD_NS + 500)
        for n in range(3):
            journal.append(answered(NOW, f"c{n}"))
            with pytest.raises(OSError, match="No space left"):
                fold.step(NOW + HOLD_NS + 500)
        assert fold.store.waiting == 2
        assert not site.rows()
    fold.drain(NOW + HOLD_NS)
    assert sorted(map(str, site.rows())) == ["a", "b", "c0", "c1", "c2"]


def test_what_cannot_be_read_is_not_taken_for_a_full_disk(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a step may be in the fold: whoever drives it must start again from the checkpoint."""
    site.journal("a")
    fold = site.fold()

    def broken(answers: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(fold.store, "append", broken)
    with pytest.raises(RuntimeError, match="Input/output error"):
        fold.step(NOW + HOLD_NS + 500)


def test_a_fold_that_cannot_begin_lets_go_of_the_store(site: Site) -> None:
    """Its lock would keep the next try out for as long as the process lives."""
    inbox = site.config.data / "state" / "labels.sqlite"
    inbox.parent.mkdir()
    inbox.write_bytes(b"this is no database, and too long to be taken for an empty one" * 20)
    with pytest.raises(SetupError, match=r"labels\.sqlite"):
        Fold(site.config)
    inbox.unlink()
    site.fold()


def test_labels_are_read_from_the_start_of_an_inbox_that_was_replaced(site: Site) -> None:
    """Its numbers begin anew: those that the last checkpoint knows are of another."""
    site.journal("a")
    fold = site.fold()
    fold.inbox.accept([Label("scale", f"old {n}", 0, 1, NOW) for n in range(5)], NOW)
    fold.drain(NOW + HOLD_NS)
    fold.close()
    site.folds.clear()
    for path in (site.config.data / "state").glob("labels.sqlite*"):
        path.unlink()
    again = site.fold()
    again.inbox.accept([Label("scale", "a", 0, 1, NOW)], NOW)
    again.drain(NOW + HOLD_NS)
    assert again.labels["joined"] == 1


def test_names_that_clients_make_up_cost_one_look_at_the_repository(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not one for each of them."""
    journal = site.journal()
    for n in range(200):
        journal.append(structs.replace(refused(NOW), model=f"made up {n}"))
    looks: list[Path] = []
    inside = Path.iterdir

    def counting(path: Path) -> Iterator[Path]:
        looks.extend([path] if path == site.config.repository else [])
        return inside(path)

    monkeypatch.setattr(Path, "iterdir", counting)
    fold = site.fold()
    fold.step(NOW + HOLD_NS + 500)
    assert fold.ledger.accounts[Subject("unknown", 0, "primary")].outcomes == {"overloaded": 200}
    assert len(looks) == 1


def test_an_id_that_is_used_again_later_is_another_request(site: Site) -> None:
    """Only an answer that came after the doubtful one was asked can be its second."""
    site.journal("same", at=NOW - 4 * 10**9)
    dying = site.journal("same")
    die(dying)
    fold = site.fold()
    fold.step(NOW + HOLD_NS * 2)
    fold.drain(NOW + HOLD_NS * 2 + PATIENCE_NS)
    assert site.rows() == ["same", "same"]


def test_two_requests_of_one_id_are_both_stored(site: Site) -> None:
    """One replica was killed just after it had answered, and another answered what somebody else asked under that id."""
    dying = site.journal()
    dying.append(structs.replace(answered(NOW, "1"), inputs=[bytes(8), ["berlin"]]))
    site.journal("1", at=NOW + 50_000_000)
    die(dying)
    fold = site.fold()
    fold.step(NOW + HOLD_NS * 2)
    fold.drain(NOW + HOLD_NS * 2 + PATIENCE_NS)
    assert sorted(map(str, site.rows("city"))) == ["berlin", "city 0"]
    assert fold.progress.superseded == 0


def test_labels_find_their_rows_before_and_after_them(site: Site) -> None:
    """In one order and the other, and once, whatever is cut off."""
    journal = site.journal("a")
    fold = site.fold()
    fold.inbox.accept([Label("scale", "a", 0, 1, NOW), Label("scale", "late", 0, 2, NOW)], NOW)
    fold.step(NOW + HOLD_NS + 500)
    fold = site.fold()
    fold.drain(NOW + HOLD_NS)
    journal.append(answered(NOW, "late"))
    fold.drain(NOW + HOLD_NS)
    fold.store.tidy(NOW, force=True)
    assert dict(zip(site.rows(), site.rows("label"), strict=True)) == {"a": "1", "late": "2"}
    assert fold.labels["joined"] == 2


def test_what_is_recorded_is_tended_while_nothing_comes(site: Site) -> None:
    """A minute after the last commit labels are in the files; later what is old goes, and labels that met nothing."""
    day = 86_400 * 10**9
    site.config = site.config.model_copy(update={"store": StoreConfig(max_age=86_400.0, label_wait=86_400.0)})
    start = time.time_ns()
    site.journal("a", at=start)
    fold = site.fold()
    fold.inbox.accept([Label("scale", "a", 0, 1, start), Label("scale", "never seen", 0, 1, start)], start)
    fold.drain(start + HOLD_NS)
    fold.inbox.accept([Label("scale", "a", 0, 2, start)], start)
    fold.drain(start + HOLD_NS)
    assert site.rows("label") == ["1"]
    fold.step(start + 2 * 60 * 10**9)
    assert site.rows("label") == ["2"]
    fold.step(start + 2 * day)
    assert site.rows() == []
    assert fold.labels["unknown"] == 1
    fold.step(start + 46 * day)
    assert fold.inbox.read(0, 10) == []
    assert site.fold().labels["unknown"] == 1


def test_what_was_forgotten_does_not_come_back(site: Site) -> None:
    """The journal is kept for a shadow, which reads it later and writes what it says into one of its own."""
    site.journal("jane", "joe")
    fold = site.fold()
    fold.drain(NOW + HOLD_NS)
    assert fold.forget("scale", ["jane"], None, None, NOW + HOLD_NS) == 1
    shadow = site.journal()
    for name in ("jane", "joe"):
        shadow.append(answered(NOW, name, shadow=True))
    fold.drain(NOW + 10**9)
    assert site.rows() == ["joe", "joe"]


def test_what_was_lost_and_torn_is_counted(site: Site) -> None:
    """Each in its own counter."""
    journal = site.journal()
    while journal.append(answered(NOW, "x" * 3_000)):
        pass
    fold = site.fold()
    fold.drain(NOW + HOLD_NS)
    assert journal.make_room()
    journal.append(answered(NOW, "after"))
    fold.drain(NOW + HOLD_NS)
    assert fold.progress.lost == 1
    assert "after" in site.rows()


def test_an_answer_that_cannot_be_read_costs_no_other(site: Site) -> None:
    """It is passed over and counted, once, whatever is cut off; those around it are stored, and the journal goes."""
    journal = site.journal("a", "b")
    journal.append(structs.replace(answered(NOW, "damaged"), inputs=[b"123", ["city"]]))
    journal.append(answered(NOW, "c"))
    site.fold().step(NOW + HOLD_NS + 500)
    site.fold().drain(NOW + HOLD_NS)
    journal.close()
    fold = site.fold()
    fold.drain(NOW + HOLD_NS)
    assert sorted(map(str, site.rows())) == ["a", "b", "c"]
    assert fold.progress.unreadable == 1
    assert fold.ledger.accounts[SCALE].outcomes == {"ok": 3}
    assert not (site.config.data / "journal" / journal.name).exists()


def test_a_window_that_cannot_be_judged_costs_no_record(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor the windows of other versions; each failure is counted."""
    for version in ("1", "2"):
        folder = site.config.repository / "flights" / version
        folder.mkdir(parents=True)
        shutil.copy(MODELS / "flights" / "1" / "reference.npz", folder)
    site.journal("a")
    fold = site.fold()
    for version in (1, 2):
        rows = told("stamp", 0)
        fold.watching.answers(dataclasses.replace(rows, layout=structs.replace(rows.layout, version=version)))
    closed: list[Hub] = []

    def fail_first(hub: Hub, until_ns: int) -> list[Window]:
        closed.append(hub)
        if len(closed) == 1:
            raise ZeroDivisionError("float division by zero")
        return []

    monkeypatch.setattr(Hub, "advance", fail_first)
    fold.step(NOW + HOLD_NS + 500)
    fold.commit(NOW)
    assert site.rows() == ["a"]
    assert closed == [hub for _, hub in fold.watching.hubs()]
    assert (len(closed), fold.progress.failures) == (2, 1)


def test_one_process_folds_at_a_time(site: Site) -> None:
    """The second is told who does."""
    site.fold()
    with pytest.raises(SetupError, match="process"):
        Fold(site.config)


def test_every_sample_is_of_a_declared_metric_with_its_labels(site: Site) -> None:
    """As many values as the metric has labels."""
    journal = site.journal("a")
    journal.append(refused(NOW))
    fold = site.fold()
    fold.inbox.accept([Label("scale", "a", 0, 1, NOW)], NOW)
    fold.drain(time.time_ns())
    pulse = Pulse(site.config, NOW)
    found = [*samples(fold, site.config.data), *pulse.samples(NOW)]
    assert all(len(sample.labels) == len(sample.metric.labels) for sample in found)
    assert {"driftgate_requests", "driftgate_labels", "driftgate_observer_lag_seconds"} <= {
        s.metric.name for s in found
    }


def _codes(error: type[GatewayError] = GatewayError) -> set[str]:
    below = [each for each in error.__subclasses__() if each.__module__ == error.__module__ and each is not SetupError]
    return {error.code}.union(*map(_codes, below))


def test_what_may_fail_is_counted_from_0(site: Site) -> None:
    """Prometheus sees no increase in a series that begins at what the first failures came to."""
    site.journal("a").append(refused(NOW))
    write(site.config.data, Shadow("scale", 2), Checkpoint(since=0, outcomes={"ok": 3}))
    fold = site.fold()
    fold.drain(time.time_ns())
    found = {(s.metric.name, *s.labels): s.value for s in samples(fold, site.config.data)}
    assert set(FAULTS) == _codes() - BLAMELESS
    for version in ("1", ""):
        for code in FAULTS:
            assert found["driftgate_requests", "scale", version, "primary", code] == (
                code == "overloaded" and not version
            )
    shadowed = {
        outcome: found["driftgate_shadow_requests", "scale", "2", outcome] for outcome in ("ok", GIVEN_UP, UNRECORDED)
    }
    assert shadowed == {"ok": 3, GIVEN_UP: 0, UNRECORDED: 0}
