"""The fold has the effect of each frame and each label once, wherever it is cut off."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gateway.config import Config, StoreConfig
from gateway.errors import SetupError
from gateway.journal.reader import HOLD_NS, PATIENCE_NS
from gateway.journal.writer import Bounds, Journal
from gateway.labels.label import Label
from gateway.observer.fold import Fold
from gateway.observer.ledger import Subject
from gateway.observer.samples import samples
from tests.gateway.journal.conftest import LAYOUT, answered, refused
from tests.gateway.journal.test_journal import die

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


def test_a_request_that_a_dying_replica_answered_too_late_is_counted_once(site: Site) -> None:
    """HAProxy asked another one, and that answer is the one that the client has."""
    dying = site.journal("sure", at=NOW - 10**9)
    dying.append(answered(NOW, "twice"))
    dying.append(answered(NOW, "only here"))
    other = site.journal("twice", at=NOW + 50_000_000)
    die(dying)
    fold = site.fold()
    fold.step(NOW + HOLD_NS * 2)
    fold.drain(NOW + HOLD_NS * 2 + PATIENCE_NS)
    assert sorted(map(str, site.rows())) == ["only here", "sure", "twice"]
    assert fold.progress.superseded == 1
    assert other.name > dying.name


def test_that_holds_when_the_observer_dies_too(site: Site) -> None:
    """The answers of the last seconds are part of a checkpoint that is taken while some are in doubt."""
    dying = site.journal("twice")
    site.journal("twice", at=NOW + 50_000_000)
    die(dying)
    first = site.fold()
    first.step(NOW + HOLD_NS * 2)
    first.commit(NOW + HOLD_NS * 2)
    again = site.fold()
    again.step(NOW + HOLD_NS * 3)
    again.drain(NOW + HOLD_NS * 3 + PATIENCE_NS)
    assert site.rows() == ["twice"]


def test_an_id_that_is_used_again_later_is_another_request(site: Site) -> None:
    """Only an answer that came after the doubtful one was asked can be its second."""
    site.journal("same", at=NOW - 4 * 10**9)
    dying = site.journal("same")
    die(dying)
    fold = site.fold()
    fold.step(NOW + HOLD_NS * 2)
    fold.drain(NOW + HOLD_NS * 2 + PATIENCE_NS)
    assert site.rows() == ["same", "same"]


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
    found = samples(fold, site.config)
    assert all(len(sample.labels) == len(sample.metric.labels) for sample in found)
    assert {"driftgate_requests", "driftgate_labels", "driftgate_observer_lag_seconds"} <= {
        s.metric.name for s in found
    }
