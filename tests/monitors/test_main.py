"""`python -m monitors` judges a log as the live gateway would have."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score

from monitors.__main__ import lines, main
from monitors.log import read_log
from monitors.manifest import read_facts
from monitors.offline import Report
from monitors.reference import Reference
from monitors.registry import hub
from monitors.settings import Settings

FLIGHTS = Path(__file__).parents[2] / "models" / "flights"
GIVEN = ["--manifest", str(FLIGHTS / "1/model.yaml"), "--reference", str(FLIGHTS / "1/reference.npz")]
ROWS = 6_000


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """Flights from the first of April on, with answers made up from the label."""
    found = pq.read_table(FLIGHTS / "flights-2013.parquet")
    first = int(np.searchsorted(found["time"].to_numpy(), np.datetime64("2013-04-01T05:00")))
    found = found.slice(first, ROWS)
    labels = found["label"].to_numpy(zero_copy_only=False).astype(float)
    scores = np.clip(np.random.default_rng(0).beta(1, 3, ROWS) + 0.2 * np.nan_to_num(labels), 0, 1)
    return (
        found.append_column("output.probability", pa.array(scores.astype(np.float32)))
        .append_column("output.late", pa.array((scores >= 0.5).astype(np.int64)))
        .append_column("request_id", pa.array([f"flight-{i}" for i in range(ROWS)]))
    )


@pytest.fixture(scope="module")
def log(table: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The flights as a file, in no order at all."""
    path = tmp_path_factory.mktemp("log") / "log.parquet"
    pq.write_table(table.take(np.random.default_rng(1).permutation(ROWS)), path)
    return path


def _json(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert main([*arguments, *GIVEN, "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture(scope="module")
def found(log: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Every line that the command prints of the flights."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main([str(log), *GIVEN, "--json"]) == 0
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_says_what_was_found_in_which_window(found: list[dict[str, Any]]) -> None:
    """Every key of the contract, and nothing that JSON does not know."""
    for line in found:
        assert line.keys() >= {"window", "monitor", "subject", "statistic", "value", "interval", "n", "state"}
        assert line["window"][0] < line["window"][1]
        assert line["state"] in ("ok", "insufficient_data", "pending", "firing", "resolved")


def test_new_destinations_are_named(found: list[dict[str, Any]], table: pa.Table) -> None:
    """Those of the rows, and no others."""
    known = set(Reference.load(FLIGHTS / "1/reference.npz")["dest"].values)  # type: ignore[union-attr]
    unseen = [line for line in found if (line["subject"], line["statistic"]) == ("dest", "unseen")]
    text = json.dumps([line["detail"] for line in unseen])
    strangers = set(table["dest"].to_pylist()) - known
    assert strangers
    assert all(name in text for name in strangers)


def test_performance_is_that_of_the_windows_rows(found: list[dict[str, Any]], table: pa.Table) -> None:
    """All labels count, whenever they came."""
    times = table["time"].to_numpy()
    labels = table["label"].to_numpy(zero_copy_only=False).astype(float)
    scores = table["output.probability"].to_numpy()
    realised = [line for line in found if (line["subject"], line["statistic"]) == ("roc_auc", "realised")]
    assert len(realised) > 4
    for line in realised:
        start, end = (np.datetime64(text.replace("+00:00", "")) for text in line["window"])
        rows = (times >= start) & (times < end) & ~np.isnan(labels)
        assert line["n"] == rows.sum()
        assert line["value"] == pytest.approx(roc_auc_score(labels[rows], scores[rows]), abs=1e-3)


def test_estimates_and_their_gap_are_told(found: list[dict[str, Any]]) -> None:
    """Beside what the labels said."""
    told = {(line["subject"], line["statistic"]) for line in found if line["monitor"] == "estimate"}
    assert {("roc_auc", "estimated"), ("roc_auc", "gap"), ("roc_auc", "within")} <= told


def test_a_live_hub_finds_the_same(log: Path, found: list[dict[str, Any]]) -> None:
    """With other batches, and labels that come in some other order."""
    facts, reference = read_facts(FLIGHTS / "1/model.yaml"), Reference.load(FLIGHTS / "1/reference.npz")
    live = hub(reference, facts.groups, Settings())
    windows = []
    for rows in read_log(log, facts):
        for part in np.array_split(np.arange(len(rows.batch)), 23):
            live.answers(dataclasses.replace(rows.batch.take(part), labels=None, label_time=None))
            windows += live.advance()
        live.labelled(rows.batch)
    windows += live.finish()
    answered = [json.dumps(line) for w in windows if w.about == "answers" for line in lines(Report(0, "primary", w))]
    assert answered == [json.dumps(line) for line in found if line["about"] == "answers"]
    keys = ("window", "subject", "statistic", "value", "n")
    labelled = [line for w in live.labelled_windows() for line in lines(Report(0, "primary", w))]
    values = [[line[k] for k in keys] for line in labelled if line["statistic"] == "realised"]
    assert values == [[line[k] for k in keys] for line in found if line["statistic"] == "realised"]


def test_a_log_without_answers_and_labels_works(
    table: pa.Table, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What has nothing to look at says nothing."""
    path = tmp_path / "inputs.parquet"
    pq.write_table(table.drop(["label", "label_time", "output.probability", "output.late", "request_id"]), path)
    found = _json(capsys, str(path))
    assert {line["monitor"] for line in found if line["n"]} >= {"drift", "quality"}
    assert not [line for line in found if line["monitor"] in ("performance", "estimate") and line["value"] is not None]


def test_options_reach_the_windows(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Their length, their rows, slices, and what watches them."""
    given = (str(log), "--window", "1h", "--rows", "2000", "--at-most", "7d", "--slice", "carrier=UA,DL")
    found = _json(capsys, *given)
    starts = {line["window"][0] for line in found if line["about"] == "answers"}
    assert len(starts) == 3
    assert all(":00:00" in start for start in starts)
    assert "accuracy [carrier=UA,DL]" in {line["subject"] for line in found}
    sliced = ("drift", "multivariate_drift", "outlier", "label_drift")
    found = _json(capsys, *given, *(word for name in sliced for word in ("--sliced", name)))
    assert {line["monitor"] for line in found if "[carrier=UA,DL]" in line["subject"]} == set(sliced)


def test_people_get_a_table(log: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With what fires in each window, and what moved most."""
    monkeypatch.setenv("COLUMNS", "160")
    assert main([str(log), *GIVEN]) == 0
    said = capsys.readouterr().out
    assert "temperature psi" in said
    assert "2013-04-01" in said


def test_alarms_may_fail_the_command(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For a pipeline that asks."""
    assert main([str(log), *GIVEN, "--json", "--fail-on-alarm"]) == 1
    capsys.readouterr()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["absent.parquet", *GIVEN], 1, "absent.parquet: no such file"),
        (["x", "--manifest", "absent.yaml", *GIVEN[2:]], 1, "absent.yaml: cannot be read"),
        (["x", *GIVEN[:2], "--reference", "absent.npz"], 1, "absent.npz: no such file"),
        (["x", *GIVEN, "--rows", "0"], 1, "rows: found 0, expected more than 0"),
        (["x", *GIVEN, "--slice", "a=1", "--slice", "a=1"], 1, "stands more than once"),
        ([], 2, "required: log"),
        (["x", *GIVEN, "--window", "soon"], 2, "expected a duration such as 1m, found 'soon'"),
        (["x", *GIVEN, "--sliced", "shadow"], 2, "invalid choice: 'shadow'"),
        (["x", *GIVEN, "--slice", "carrier"], 2, "such as carrier=UA,DL"),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a sentence on standard error, with 1 for what was refused and 2 for wrong usage."""
    if code == 2:
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == 2
    else:
        assert main(arguments) == 1
    assert said in capsys.readouterr().err
