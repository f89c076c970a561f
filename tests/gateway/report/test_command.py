"""`driftgate report`, and what docs/reports.md shows of it."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.report.content import Report
from tests.gateway.report.test_page import Reader

PAGE = (Path(__file__).parents[3] / "docs" / "reports.md").read_text()
CONSOLE = [
    line.removeprefix("$ ")
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
]
COMMANDS = [line for line in CONSOLE if line.startswith("driftgate report")]


def run(site: Path, *arguments: str) -> Result:
    """The command with its configuration."""
    return CliRunner().invoke(main, ["report", *arguments, "--config", str(site / "gateway.yaml")])


def test_it_writes_a_page_and_says_the_summary(site: Path, tmp_path: Path) -> None:
    """Named as asked, whole."""
    target = tmp_path / "april.html"
    result = run(site, "flights", "--from", "2013-04-01", "--to", "2013-04-08", "--output", str(target))
    assert result.exit_code == 0
    assert "requests were answered between 2013-04-01" in result.stdout
    assert f"{target}: {target.stat().st_size:,} bytes" in result.stdout
    assert "h1" in Reader(target.read_text()).tags
    assert [path.name for path in tmp_path.iterdir()] == ["april.html"]


def test_json_is_the_report_and_nothing_else(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It can be read back; no file is written unless one was named."""
    monkeypatch.chdir(tmp_path)
    result = run(site, "flights", "--from", "2013-04-01", "--to", "2013-04-03", "--version", "1", "--json")
    assert result.exit_code == 0
    found = msgspec.json.decode(result.stdout, type=Report)
    assert (found.model, found.versions) == ("flights", [1])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["nobody"], 1, 'driftgate: nothing is recorded of model "nobody"'),
        (["flights", "--from", "2014-01-01"], 1, "driftgate: flights: nothing came from 2014-01-01"),
        (["flights", "--version", "9"], 1, "driftgate: nothing is recorded of version 9 of flights; there are 1, 2"),
        (["flights", "--from", "2013-04-02", "--to", "2013-04-01"], 2, "--from must be before --to"),
        (["flights", "--from", "soon"], 2, "expected a time such as"),
        (["flights", "--version", "x"], 2, "Invalid value for '--version'"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(site: Path, arguments: list[str], code: int, sentence: str) -> None:
    """With the exit code of a refusal, or of wrong usage; no file is left."""
    result = run(site, *arguments)
    assert (result.exit_code, sentence in result.stderr) == (code, True)


def test_a_file_that_cannot_be_written_is_told(site: Path, tmp_path: Path) -> None:
    """With its path."""
    target = tmp_path / "missing" / "report.html"
    result = run(site, "flights", "--from", "2013-04-01", "--to", "2013-04-02", "--output", str(target))
    assert (result.exit_code, f"{target}: cannot be written" in result.stderr) == (1, True)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_page_run(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Word for word, up to where a shell would send what they print."""
    monkeypatch.chdir(tmp_path)
    result = run(site, *shlex.split(command.split("|", maxsplit=1)[0].split(">", maxsplit=1)[0])[2:])
    assert result.exit_code == 0
    assert len(COMMANDS) == 3


def test_the_page_names_every_field(report: Report) -> None:
    """Of the JSON, wherever it stands."""
    assert sorted(name for name in _names(msgspec.to_builtins(report)) if f"`{name}`" not in PAGE) == []
    assert f'"{report.format}"' in PAGE


def _names(value: Any, inside: str = "") -> set[str]:
    if isinstance(value, list):
        return {name for each in value for name in _names(each, inside)}
    if not isinstance(value, dict) or inside == "detail":
        return set()
    return {*value, *(name for key, held in value.items() for name in _names(held, key))}


def test_the_json_of_the_page_is_a_part_of_one(report: Report) -> None:
    """Its example has fields that there are."""
    (example,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert _names(json.loads(example)) <= _names(msgspec.to_builtins(report))
