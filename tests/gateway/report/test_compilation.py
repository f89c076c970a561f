"""A report says what the monitors say, of what is recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from gateway.config import Config, read_config
from gateway.errors import NotFound, SetupError
from gateway.observer.watching import settings
from gateway.report.compilation import compile_report
from gateway.report.content import Figure, Report, Watched
from gateway.report.period import Period
from gateway.report.question import Question
from gateway.report.reading import figure
from gateway.store.store import Store
from monitors.log import read_log
from monitors.manifest import read_facts
from monitors.offline import Report as Judged
from monitors.offline import judge
from monitors.reference import Reference
from monitors.settings import Settings
from tests.gateway.report.recording import durations, flights, moment, record, refuse
from tests.running import MODELS

Key = tuple[str, str, str]


def judged(log: Path, chosen: Settings) -> list[Judged]:
    """What `python -m monitors` says of version 1, on the export."""
    facts = read_facts(MODELS / "flights" / "1" / "model.yaml")
    reference = Reference.load(MODELS / "flights" / "1" / "reference.npz")
    found = judge(read_log(log, facts), reference, facts.groups, chosen)
    return [each for each in found if each.version == 1]


def figures(watched: Watched) -> dict[Key, Figure | None]:
    """All that a report says of a version, by what was measured; what was not measured is left out."""
    found: dict[Key, Figure | None] = {}
    for monitor, features in (("drift", watched.features), ("prediction_drift", watched.answers)):
        for each in features:
            found[monitor, each.name, "psi"] = each.psi
            found[monitor, each.name, "score_shift"] = each.score_shift
    for metric in watched.performance:
        found["performance", metric.metric, "realised"] = metric.realised
        found["estimate", metric.metric, "estimated"] = metric.estimated
        found["estimate", metric.metric, "gap"] = metric.gap
    assert watched.labels is not None
    found["performance", "labels", "coverage"] = watched.labels.coverage
    found["performance", "labels", "delay_median"] = watched.labels.delay_median
    found["performance", "labels", "delay_p90"] = watched.labels.delay_p90
    found |= {("fairness", each.attribute, each.statistic): each.figure for each in watched.gaps}
    found |= {("fairness", f"{each.attribute}={each.group}", each.statistic): each.figure for each in watched.groups}
    for measures in (watched.quality, watched.others, watched.slices):
        found |= {(each.monitor, each.subject, each.statistic): each.figure for each in measures}
    return {key: each for key, each in found.items() if each is not None}


def test_its_figures_are_those_of_the_monitors_on_the_export(report: Report, log: Path) -> None:
    """Judged as one window of the whole period: every figure of version 1, its interval and its rows."""
    chosen = Settings(rows=10**9, at_most=400 * 86400.0, slices=({"carrier": ("UA", "DL")},))
    windows = judged(log, chosen)
    assert [each.window.about for each in windows] == ["answers", "labels", "labelled"]
    expected = {each.measurement.key: figure(each.measurement) for report_ in windows for each in report_.window.judged}
    found = figures(report.watched[0])
    assert len(found) > 150
    assert {key: expected[key] for key in found} == found


def test_its_alarms_are_those_of_the_monitors_on_the_export(config: Config, report: Report, log: Path) -> None:
    """With the windows of the configuration: what fired, and which alarms were still firing at the end."""
    wanted = config.settings("flights")
    assert wanted is not None
    windows = [each.window for each in judged(log, settings(wanted.monitor))]
    firing = [(window.about, each) for window in windows for each in window.firing]
    alarms = report.watched[0].alarms
    assert {each.measurement.key for _, each in firing} == {(a.monitor, a.subject, a.statistic) for a in alarms}
    assert report.watched[0].windows == sum(window.about == "answers" for window in windows)
    last: dict[Any, str] = {
        (window.about, each.measurement.key): each.state for window in windows for each in window.judged
    }
    still = sorted(key for (_, key), state in last.items() if state == "firing")
    assert sorted((a.monitor, a.subject, a.statistic) for a in alarms if a.resolved is None) == still
    assert "temperature" in {each.subject for each in alarms}
    assert all(alarm.resolved is None or alarm.fired < alarm.resolved for alarm in alarms)


def test_what_came_in_is_counted(report: Report) -> None:
    """By version, stretch and error."""
    traffic = report.traffic
    total = len(flights("2013-03-25", "2013-04-22"))
    assert (traffic.requests, traffic.rows, traffic.refused) == (total, total, 3)
    assert [(each.version, each.role) for each in traffic.served] == [(1, "primary"), (2, "primary")]
    assert all(sum(each.requests_by_stretch) == each.requests for each in traffic.served)
    assert [(each.code, each.version, each.requests) for each in traffic.refusals] == [
        ("bad_request", None, 2),
        ("overloaded", 1, 1),
    ]
    assert sum(traffic.refused_by_stretch) == 3
    took = np.concatenate([durations(each.requests) for each in traffic.served]) / 1000
    found = (traffic.latency.p50, traffic.latency.p95, traffic.latency.p99)
    assert found == pytest.approx(np.quantile(took, [0.5, 0.95, 0.99]), rel=0.012)
    assert report.period.width == 6 * 3600
    assert all(len(each.latency_by_stretch) == len(report.period.stretches) for each in traffic.served)


def test_what_was_rolled_out_is_told(report: Report) -> None:
    """In its order, with who and why."""
    assert [(each.who, each.what) for each in report.rollout.events] == [
        ("ann", "begin"),
        ("driftgate", "start"),
        ("driftgate", "fail"),
    ]


def test_the_summary_says_what_matters(report: Report) -> None:
    """In sentences, with the figures of the sections."""
    text = "\n".join(report.summary)
    assert "were answered between 2013-03-25" in text
    assert "were refused, most of all as bad_request (2)." in text
    assert "drifted, most of all temperature (PSI " in text
    assert "ROC AUC was 0." in text
    assert "rolled back at 0 %, because accuracy is worse by 0.051." in text


def test_a_period_holds_only_its_own(config: Config) -> None:
    """Rows, refusals and events; the first moment belongs to it, the last does not."""
    period = Period(moment("2013-04-02"), moment("2013-04-03"))
    found = compile_report(config, Question("flights", period))
    expected = np.array(flights("2013-03-25", "2013-04-22")["ns"].to_pylist())
    assert found.traffic.requests == period.holds(expected).sum()
    assert found.traffic.refused == 2
    assert found.rollout.events == []
    assert found.period.first[:10] == found.period.last[:10] == "2013-04-02"
    assert "No rollout began, moved or ended." in found.summary


def test_one_version_may_be_asked_for(config: Config) -> None:
    """Then the report knows of no other one, nor of what no version refused."""
    found = compile_report(config, Question("flights", versions=(1,)))
    assert [each.version for each in found.watched] == [1]
    assert [each.code for each in found.traffic.refusals] == ["overloaded"]
    assert found.versions == [1]


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        (Question("nobody"), 'nothing is recorded of model "nobody"'),
        (Question("flights", versions=(7,)), "nothing is recorded of version 7 of flights; there are 1, 2"),
        (
            Question("flights", Period(moment("2014-01-01"), None)),
            "nothing came from 2014-01-01 00:00:00; what is recorded lies between 2013-03-25",
        ),
        (
            Question("flights", Period(moment("2013-04-02T06:00:00"), moment("2013-04-02T06:00:01"))),
            "nothing came from 2013-04-02 06:00:00 until 2013-04-02 06:00:01; what",
        ),
    ],
)
def test_what_is_not_there_is_said(config: Config, question: Question, sentence: str) -> None:
    """And where there is something."""
    with pytest.raises(NotFound, match=sentence):
        compile_report(config, question)


def test_where_nothing_is_recorded_that_is_said(tmp_path: Path) -> None:
    """With the folder."""
    (tmp_path / "gateway.yaml").write_text(f"repository: {MODELS}\n")
    with pytest.raises(SetupError, match="nothing is recorded there yet"):
        compile_report(read_config(tmp_path / "gateway.yaml"), Question("flights"))


def recorded(folder: Path, settings_: str = "", **options: Any) -> Config:
    """A store of two days of version 1, and a configuration with more settings."""
    (folder / "gateway.yaml").write_text(f"repository: {folder / 'models'}\ndata: var\n{settings_}")
    store = Store(folder / "var")
    record(store, flights("2013-04-01", "2013-04-03"), 1, **options)
    store.commit({})
    store.close()
    return read_config(folder / "gateway.yaml")


def test_without_labels_performance_is_estimated(tmp_path: Path) -> None:
    """And the report says that no label is known."""
    (tmp_path / "models").symlink_to(MODELS)
    found = compile_report(recorded(tmp_path, labels=False), Question("flights"))
    (watched,) = found.watched
    assert watched.labels is None
    assert all(metric.realised is None for metric in watched.performance)
    assert any("no label is known yet; ROC AUC is estimated at 0." in sentence for sentence in found.summary)


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("", "flights/1 has no reference.npz"),
        ("models: {flights: {monitor: none}}\n", "The configuration says `monitor: none` for this model"),
    ],
)
def test_a_version_that_is_not_judged_is_counted_all_the_same(tmp_path: Path, setting: str, sentence: str) -> None:
    """And the report says why it is not judged."""
    (tmp_path / "models" / "flights" / "1").mkdir(parents=True)
    found = compile_report(recorded(tmp_path, setting), Question("flights"))
    (watched,) = found.watched
    assert watched.silent is not None
    assert watched.silent.startswith(sentence)
    assert watched.rows == found.traffic.rows > 0
    assert any("Version 1 is not judged." in each for each in found.summary)


def test_shadows_are_told_apart(tmp_path: Path) -> None:
    """They are judged, and nobody waits for them."""
    (tmp_path / "models").symlink_to(MODELS)
    config = recorded(tmp_path)
    store = Store(tmp_path / "var")
    record(store, flights("2013-04-01", "2013-04-02"), 2, "shadow")
    store.commit({})
    store.close()
    found = compile_report(config, Question("flights"))
    assert [(each.version, each.role) for each in found.watched] == [(1, "primary"), (2, "shadow")]
    assert found.traffic.requests == found.traffic.served[0].requests
    assert any(sentence.startswith("Version 2 (shadow): ") for sentence in found.summary)


def test_refusals_alone_make_a_report(tmp_path: Path) -> None:
    """A model that answered nobody is worth telling of."""
    (tmp_path / "models").symlink_to(MODELS)
    (tmp_path / "gateway.yaml").write_text(f"repository: {MODELS}\ndata: var\n")
    store = Store(tmp_path / "var")
    refuse(store, [moment("2013-04-01T12:00")], "not_ready")
    store.commit({})
    store.close()
    found = compile_report(read_config(tmp_path / "gateway.yaml"), Question("flights"))
    assert (found.traffic.requests, found.traffic.refused, found.watched) == (0, 1, [])
    assert found.summary[0].startswith("0 requests were answered between 2013-04-01 12:00")


def test_the_export_holds_as_many_rows(report: Report, log: Path) -> None:
    """Nothing is lost on the way through stretches and windows."""
    table = pq.read_table(log, columns=["version", "label"])
    assert len(table) == sum(each.rows for each in report.watched)
