"""`driftgate labels`."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner, Result

from gateway.labels.command import labels
from gateway.ports import free_port
from gateway.terminal import Commands
from tests.gateway.labels.conftest import Served

COMMANDS = Commands("driftgate", commands={"labels": labels})


def run(
    folder: Path, port: int, content: bytes, *options: str, name: str = "labels.csv", model: str = "flights"
) -> Result:
    """`driftgate labels FILE --model MODEL OPTIONS`, for a file of that content."""
    (folder / name).write_bytes(content)
    config = folder / "gateway.yaml"
    config.write_text(yaml.safe_dump({"listen": {"http": port}}))
    arguments = ["labels", str(folder / name), "--model", model, "--config", str(config), *options]
    return CliRunner().invoke(COMMANDS, arguments, env={"COLUMNS": "200"})


def test_a_file_of_labels_is_sent(tmp_path: Path, served: Served) -> None:
    """All that are known; sent again, all are duplicates."""
    content = b"id,label,time,row\na,1,2013-04-01T10:00:00Z,2\nb,,,\nc,0,,\n"
    found = run(tmp_path, served.listen.http, content, "--json")
    assert (found.exit_code, json.loads(found.stdout)) == (
        0,
        {
            "file": str(tmp_path / "labels.csv"),
            "read": 3,
            "accepted": 2,
            "duplicate": 0,
            "corrected": 0,
            "refused": 0,
            "without_label": 1,
            "first_problem": None,
        },
    )
    assert {(event.id, event.row, event.label) for event in served.inbox.read(0, 9)} == {("a", 2, 1), ("c", 0, 0)}
    assert {event.time for event in served.inbox.read(0, 9) if event.id == "a"} == {1364810400 * 10**9}
    again = run(tmp_path, served.listen.http, content)
    assert again.exit_code == 0
    assert next(line.split("│")[1:3] for line in again.stdout.splitlines() if "known before" in line)[1].strip() == "2"


def test_every_format_is_sent(tmp_path: Path, served: Served) -> None:
    """By suffix or by --format."""
    lines = b'{"request": "a", "late": true}\n{"request": "b", "late": 0}\n'
    columns = ("--id-column", "request", "--label-column", "late", "--json")
    found = run(tmp_path, served.listen.http, lines, *columns, "--format", "jsonl", name="labels.txt")
    assert (found.exit_code, json.loads(found.stdout)["accepted"]) == (0, 2)
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"request": ["c"], "late": [1.0]}), sink)
    found = run(tmp_path, served.listen.http, sink.getvalue().to_pybytes(), *columns, name="labels.parquet")
    assert (found.exit_code, json.loads(found.stdout)["accepted"]) == (0, 1)
    assert sorted((event.id, event.label) for event in served.inbox.read(0, 9)) == [("a", 1), ("b", 0), ("c", 1)]


def test_of_one_request_the_last_in_the_file_wins(tmp_path: Path, served: Served) -> None:
    """Over many calls, four of them under way at once."""
    ids = [f"r{number % 700}" for number in range(7000)]
    content = "".join(["id,label\n", *(f"{name},{(at // 700) % 2}\n" for at, name in enumerate(ids))])
    found = json.loads(run(tmp_path, served.listen.http, content.encode(), "--json").stdout)
    assert (found["accepted"], found["corrected"], found["duplicate"]) == (7000, 6300, 0)
    current = {event.id: event.label for event in served.inbox.read(0, 10_000)}
    assert current == {f"r{number}": 1 for number in range(700)}


def test_wrong_rows_are_left_out_and_told(tmp_path: Path, served: Served) -> None:
    """The first with its line; exit code 1; the others are accepted."""
    content = b"id,label\na,1\nb,late\nc,0\n,1\n"
    found = run(tmp_path, served.listen.http, content)
    assert found.exit_code == 1
    sentence = f'{tmp_path}/labels.csv:3: label: found "late", but flights expects one of 0, 1'
    assert found.stderr.endswith(f"driftgate: 2 of 4 labels were refused; the first: {sentence}\n")
    assert "refused" in found.stdout
    assert sorted(event.id for event in served.inbox.read(0, 9)) == ["a", "c"]


def test_what_the_gateway_refuses_is_told(tmp_path: Path, served: Served) -> None:
    """A model that it does not have."""
    found = run(tmp_path, served.listen.http, b"id,label\na,1\n", model="delays")
    assert (found.exit_code, found.stderr) == (1, 'driftgate: the gateway answers 404: no model "delays"\n')


def test_a_gateway_that_is_away_is_told(tmp_path: Path) -> None:
    """Before anything is read."""
    found = run(tmp_path, free_port(), b"id,label\na,1\n")
    assert found.exit_code == 1
    assert "no gateway answers at" in found.stderr


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("labels.txt", b"", "the suffix tells no format"),
        ("labels.csv", b"id\n", "has no column label; it has id"),
        ("labels.parquet", b"id\n", "cannot be read as parquet"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(
    tmp_path: Path, served: Served, name: str, content: bytes, sentence: str
) -> None:
    """In one sentence."""
    found = run(tmp_path, served.listen.http, content, name=name)
    assert (found.exit_code, sentence in found.stderr) == (1, True)
