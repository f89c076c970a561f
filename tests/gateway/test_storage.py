"""`driftgate export` and `driftgate forget`, beside a gateway and without one."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from msgspec import structs

from gateway.cli import main
from gateway.journal.writer import Bounds, Journal
from gateway.pidfile import PidFile
from gateway.policy import keyed_hash
from gateway.ports import free_port
from gateway.record import Field, Layout
from gateway.secret import REDACT_KEY, settle_key
from tests.gateway.journal.conftest import LAYOUT, answered

KEY = "a key that is long enough"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with a configuration, and nothing recorded."""
    (tmp_path / "models" / "scale").mkdir(parents=True)
    (tmp_path / "gateway.yaml").write_text(
        f"listen: {{http: {free_port()}}}\nmodels: {{scale: {{record: {{redact: [sex, x]}}}}}}\n"
    )
    return tmp_path


def run(site: Path, *arguments: str) -> Result:
    """The command with its configuration."""
    return CliRunner().invoke(main, [*arguments, "--config", str(site / "gateway.yaml")])


def record(site: Path, layout: Layout = LAYOUT, *ids: str) -> None:
    """What a gateway that has stopped left behind."""
    journal = Journal(site / "var" / "journal", Bounds(64 << 10, 1 << 20))
    journal.declare(0, layout)
    for name in ids:
        journal.append(structs.replace(answered(name=name), groups=[keyed_hash(f"sex of {name}", KEY.encode())]))
    journal.close()


@pytest.mark.parametrize("command", [["export", "scale"], ["forget", "scale", "--id", "a"]])
def test_where_nothing_is_recorded_nothing_is_made(site: Path, command: list[str]) -> None:
    """A wrong path in the configuration must not leave a data folder there."""
    result = run(site, *command)
    assert (result.exit_code, result.stderr) == (1, f"driftgate: {site / 'var'}: nothing is recorded there yet\n")
    assert not (site / "var").exists()


def test_an_export_holds_what_the_observer_had_not_read(site: Path) -> None:
    """Whether a gateway runs or not; the state is nobody else's to read."""
    record(site, LAYOUT, "a", "b")
    result = run(site, "export", "scale", "--output", str(site / "out.parquet"), "--json")
    assert json.loads(result.stdout)["rows"] == 2
    assert pq.read_table(site / "out.parquet")["request_id"].to_pylist() == ["a", "b"]
    assert stat.S_IMODE((site / "var" / "state").stat().st_mode) == 0o700


def test_a_model_of_which_nothing_is_recorded_is_told(site: Path) -> None:
    """And leaves no file."""
    record(site, LAYOUT, "a")
    result = run(site, "export", "other", "--output", str(site / "out.parquet"))
    assert (result.exit_code, "nothing is recorded of model 'other'" in result.stderr) == (1, True)
    assert not (site / "out.parquet").exists()


def test_a_gateway_that_is_starting_is_waited_for(site: Path) -> None:
    """By whoever called: it has the data folder, and does not answer yet."""
    with PidFile(site / "var"):
        result = run(site, "export", "scale")
    assert result.exit_code == 1
    assert f"the gateway (process {os.getpid()}) does not answer yet" in result.stderr


@pytest.mark.parametrize(("column", "value"), [("group.sex", "sex of a"), ("cohort", "beta")])
def test_a_subject_is_found_by_what_was_hashed(
    site: Path, monkeypatch: pytest.MonkeyPatch, column: str, value: str
) -> None:
    """In a group too, whose column has another name than the configuration; a column that is not hashed as it is."""
    monkeypatch.setenv(REDACT_KEY, KEY)
    record(site, LAYOUT, "a", "b")
    result = run(site, "forget", "scale", "--column", column, "--value", value, "--json")
    found = {"group.sex": (0, 1), "cohort": (1, 0)}[column]
    assert (result.exit_code, json.loads(result.stdout)["forgotten"]) == found


@pytest.mark.parametrize(
    ("datatype", "recorded", "value"),
    [("FP32", np.float32(0.1), "0.1"), ("FP64", 35.0, "35"), ("INT64", 35, "35"), ("BOOL", True, "true")],
)
def test_a_number_that_was_hashed_is_found_as_people_write_it(
    site: Path, monkeypatch: pytest.MonkeyPatch, datatype: str, recorded: object, value: str
) -> None:
    """The hash is that of Python's text for it, which depends on the datatype."""
    monkeypatch.setenv(REDACT_KEY, KEY)
    layout = structs.replace(LAYOUT, inputs=(Field("x", datatype, (-1, 1), hashed=True),), groups=())
    journal = Journal(site / "var" / "journal", Bounds(64 << 10, 1 << 20))
    journal.declare(0, layout)
    plain = np.array([recorded], np.dtype(type(recorded))).tolist()[0]
    journal.append(structs.replace(answered(), inputs=[[keyed_hash(plain, KEY.encode())]], groups=[]))
    journal.close()
    result = run(site, "forget", "scale", "--column", "x", "--value", value, "--json")
    assert json.loads(result.stdout)["forgotten"] == 1


@pytest.mark.parametrize("key", [None, "another key that is long"])
def test_a_subject_is_not_looked_for_with_a_key_that_is_not_the_gateways(
    site: Path, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    """It would be told that nothing of it is recorded."""
    monkeypatch.setenv(REDACT_KEY, KEY)
    record(site, LAYOUT, "a")
    settle_key(site / "var")
    monkeypatch.delenv(REDACT_KEY)
    if key:
        monkeypatch.setenv(REDACT_KEY, key)
    result = run(site, "forget", "scale", "--column", "group.sex", "--value", "sex of a")
    assert result.exit_code == 1
    assert ("another key than what is recorded was hashed with" if key else f"{REDACT_KEY} is not set") in result.stderr
    assert not (site / "var" / "state" / "redact.key").exists()
    monkeypatch.setenv(REDACT_KEY, KEY)
    assert run(site, "forget", "scale", "--column", "group.sex", "--value", "sex of a").exit_code == 0
