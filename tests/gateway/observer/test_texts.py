"""What a scrape reads: always the text of the samples as they are, whatever of it was kept from the last time."""

from __future__ import annotations

import random

import pytest

from gateway import metrics
from gateway.exposition import expose
from gateway.metrics import Distribution, Sample
from gateway.observer.texts import FRESH_S, WANTED_S, Texts

ACCEPTS = ("text/plain", "application/openmetrics-text; version=1.0.0, text/plain;q=0.5")


class Site:
    """Texts of samples and a clock that are set by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.asked = 0
        self.samples: list[Sample] = [
            Sample(metrics.LAG, (), 1),
            Sample(metrics.DRIFT, ("flights", "1", "primary", "temp", "psi"), 0.2),
            Sample(metrics.REQUEST_DURATION, ("flights", "1", "primary"), Distribution((0.1,), [1, 2], 3.0)),
        ]
        self.texts = Texts(self._all, lambda: self.now)

    def _all(self) -> list[Sample]:
        self.asked += 1
        return self.samples


@pytest.fixture
def site() -> Site:
    """One for each test."""
    return Site()


@pytest.mark.parametrize("accept", ACCEPTS)
def test_a_text_is_what_its_samples_say(site: Site, accept: str) -> None:
    """Byte for byte, when samples change, come, and go."""
    chance = random.Random(1)
    for _ in range(30):
        site.now += FRESH_S
        assert site.texts.text(accept) == expose(site.samples, accept)
        kept = [sample for sample in site.samples if chance.random() < 0.9]
        more = [Sample(metrics.DRIFT, ("flights", "1", "primary", f"f{chance.randrange(99)}", "js"), chance.random())]
        site.samples = list({(sample.metric, sample.labels): sample for sample in kept + more}.values())
        site.samples[0] = site.samples[0]._replace(metric=metrics.BACKLOG, labels=(), value=chance.random())


def test_a_text_is_given_out_for_a_moment_only(site: Site) -> None:
    """However many ask for it; then samples are looked at again."""
    first = site.texts.text("")
    site.samples = [Sample(metrics.LAG, (), 2)]
    assert site.texts.text("") is first
    assert site.asked == 1
    site.now += FRESH_S
    assert b"driftgate_observer_lag_seconds 2.0" in site.texts.text("").body


def test_it_is_made_beforehand_for_those_who_ask_again_and_again(site: Site) -> None:
    """In the format that they ask for, and not for ever."""
    site.texts.prepare()
    assert site.asked == 0
    site.texts.text(ACCEPTS[1])
    site.now += WANTED_S - 1
    site.texts.prepare()
    assert site.asked == 2
    site.now += 0.5
    assert site.texts.text(ACCEPTS[1]).content_type.startswith("application/openmetrics-text")
    assert site.asked == 2
    site.now += WANTED_S + 1
    site.texts.prepare()
    assert site.asked == 2


def test_a_window_that_has_not_changed_is_not_formatted_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only metrics of which a sample is another: formatting all of fifteen versions takes a tenth of a second."""
    site.texts.text("")
    formatted: list[str] = []

    def counted(samples: list[Sample], accept: str) -> object:
        formatted.extend(sample.metric.name for sample in samples)
        return expose(samples, accept)

    monkeypatch.setattr("gateway.observer.texts.expose", counted)
    site.now += FRESH_S
    site.samples[0] = Sample(metrics.LAG, (), 3)
    assert b"driftgate_observer_lag_seconds 3.0" in site.texts.text("").body
    assert formatted == ["driftgate_observer_lag_seconds"]
