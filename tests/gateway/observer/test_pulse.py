"""What is told of the observer without its fold: while it works, while it cannot, and while it has nothing to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import metrics
from gateway.observer.pulse import Pulse
from tests.gateway.observer.test_fold import NOW, Site, site

__all__ = ["site"]

SECOND = 10**9


def told(pulse: Pulse, now_ns: int) -> dict[metrics.Metric, object]:
    """Values by metric."""
    return {sample.metric: sample.value for sample in pulse.samples(now_ns)}


def test_while_nothing_is_read_what_waits_and_the_checkpoint_grow_old(site: Site) -> None:
    """Also when the fold is made anew again and again: what it restores is no checkpoint."""
    pulse = Pulse(site.config, NOW)
    fold = site.fold()
    fold.drain(NOW + SECOND)
    pulse.beat(fold)
    assert told(pulse, NOW + 2 * SECOND)[metrics.LAG] == 0
    pulse.beat(site.fold())
    found = told(pulse, NOW + 700 * SECOND)
    assert (found[metrics.LAG], found[metrics.COMMIT_AGE]) == (699, 699)


def test_the_room_of_the_journals_is_looked_at_each_time(site: Site) -> None:
    """Nothing of it needs the fold."""
    pulse = Pulse(site.config, NOW)
    before = told(pulse, NOW)[metrics.JOURNAL]
    site.journal("a")
    assert (before, told(pulse, NOW)[metrics.JOURNAL]) == (0, 64 << 10)


def test_who_has_nothing_to_read_has_no_old_checkpoint(site: Site) -> None:
    """It makes none, and needs none."""
    pulse, fold = Pulse(site.config, NOW), site.fold()
    commits = fold.progress.commits
    for hour in range(3):
        fold.step(NOW + hour * 3600 * SECOND)
        pulse.beat(fold)
        assert told(pulse, NOW + hour * 3600 * SECOND)[metrics.COMMIT_AGE] == 0
    assert fold.progress.commits == commits


def test_what_was_read_and_finds_no_room_has_an_old_checkpoint(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though it is read: nothing lags."""
    pulse, fold = Pulse(site.config, NOW), site.fold()
    site.journal("a", at=NOW + 699 * SECOND)

    def no_room(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gateway.store.part.sync", no_room)
    with pytest.raises(OSError, match="No space left"):
        fold.step(NOW + 700 * SECOND)
    pulse.beat(fold)
    found = told(pulse, NOW + 700 * SECOND)
    assert (found[metrics.LAG], found[metrics.COMMIT_AGE]) == (pytest.approx(1), 700)
