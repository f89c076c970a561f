"""The command line: what it prints, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway import cli, terminal
from gateway.config import Config, Listen
from gateway.errors import ConfigError
from gateway.pidfile import PidFile
from gateway.ports import free_port
from gateway.secret import REDACT_KEY, settle_key
from gateway.shadow.checkpoint import Checkpoint, Shadow, write
from gateway.shadow.comparison import Comparison
from tests import onnx_models


def run(*arguments: str | Path) -> Result:
    """`driftgate ARGUMENTS`, on a wide terminal."""
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments], env={"COLUMNS": "200"})


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration of one fit version, of an address where nobody listens."""
    onnx_models.save(tmp_path / "models", "scale", 1, onnx_models.scale())
    path = tmp_path / "gateway.yaml"
    path.write_text(f"listen: {{http: {free_port()}, grpc: {free_port()}}}\n")
    return path


def spoil(config: Path, number: int = 2) -> None:
    """Adds a version of scale that is not fit; what is wrong with it looks like rich's markup."""
    made = onnx_models.scale()
    manifest = onnx_models.declared("scale", number, made, owner=["[/bold]"])
    onnx_models.save(config.parent / "models", "scale", number, made, manifest=manifest)


def test_a_gateway_that_hashes_does_not_start_with_another_key(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was hashed before could not be found again."""
    data = config.parent / "var"
    settle_key(data)
    monkeypatch.setenv(REDACT_KEY, "a key that is long enough")
    config.write_text(f"{config.read_text()}models: {{scale: {{record: {{redact: [x]}}}}}}\n")
    found = run("up", config)
    assert found.exit_code == 1
    assert f"{REDACT_KEY}: another key than what is recorded was hashed with" in found.stderr


def test_check_tells_that_a_version_is_fit(config: Path) -> None:
    """In a table; exit code 0."""
    found = run("check", config)
    assert found.exit_code == 0
    assert "scale" in found.stdout
    assert "fit" in found.stdout


def test_check_prints_json_for_machines(config: Path) -> None:
    """A list of versions, with where they would run and what one row costs."""
    found = run("check", config, "--json")
    (row,) = json.loads(found.stdout)
    assert found.exit_code == 0
    assert (row["model"], row["version"], row["runs"], row["problem"]) == ("scale", 1, "inline", "")
    assert row["row_us"] > 0


def test_check_refuses_a_repository_with_a_version_that_is_not_fit(config: Path) -> None:
    """What is wrong is in the table as it is, the verdict on stderr; exit code 1."""
    spoil(config)
    found = run("check", config)
    assert found.exit_code == 1
    assert "[/bold]" in found.stdout
    assert found.stderr == "driftgate: 1 of 2 versions would not be served\n"


def test_check_prints_the_problem_in_json_too(config: Path) -> None:
    """stdout is JSON whatever the verdict."""
    spoil(config)
    found = run("check", config, "--json")
    assert found.exit_code == 1
    assert [bool(row["problem"]) for row in json.loads(found.stdout)] == [False, True]


def test_check_refuses_what_cannot_be_recorded_as_it_should_be(config: Path) -> None:
    """A name that is misspelt would leave in the clear what was to be hashed."""
    config.write_text(config.read_text() + "models: {scale: {record: {redact: [custmer]}}}\n")
    found = run("check", config)
    assert found.exit_code == 1
    assert "record: scale/1 has no input or output custmer" in " ".join(found.stdout.replace("│", " ").split())


def test_check_survives_a_version_without_its_model(config: Path) -> None:
    """It is not fit; the others are checked."""
    made = onnx_models.scale()
    manifest = onnx_models.declared("scale", 2, made, sha256="0" * 64)
    folder = onnx_models.save(config.parent / "models", "scale", 2, made, manifest=manifest)
    (folder.path / "model.onnx").unlink()
    found = run("check", config, "--json")
    assert found.exit_code == 1
    assert "model.onnx cannot be read" in json.loads(found.stdout)[1]["problem"]


@pytest.mark.parametrize("command", ["check", "status", "down", "up"])
def test_a_bad_configuration_is_a_sentence(tmp_path: Path, command: str) -> None:
    """With file, line and key, on stderr; exit code 1."""
    path = tmp_path / "gateway.yaml"
    path.write_text("listen:\n  htpp: 8000\n")
    found = run(command, path)
    assert found.exit_code == 1
    assert found.stdout == ""
    assert found.stderr == f"driftgate: {path}:2: listen.htpp: unknown key\n"


@pytest.mark.parametrize("command", ["check", "status", "down", "up"])
def test_a_configuration_that_is_not_there_is_told(tmp_path: Path, command: str) -> None:
    """Only the default file may be left out."""
    found = run(command, tmp_path / "other.yaml")
    assert found.exit_code == 1
    assert "no such file" in found.stderr


@pytest.mark.parametrize(
    "arguments", [["fly"], ["check", "--jason"], ["check", "a", "b"], ["down", "--timeout", "soon"], ["replay"]]
)
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    """As command lines do."""
    found = run(*arguments)
    assert found.exit_code == 2
    assert "Usage:" in found.stderr


@pytest.mark.parametrize(
    "arguments", [["--help"], ["-h"], ["--version"], *([name, "--help"] for name in cli.main.commands)]
)
def test_help_exits_0(arguments: list[str]) -> None:
    """Of the program and of each of its commands."""
    found = run(*arguments)
    assert found.exit_code == 0
    assert found.stdout


def test_without_the_default_file_there_are_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The models lie below the working folder."""
    monkeypatch.chdir(tmp_path)
    onnx_models.save(tmp_path / "models", "scale", 1, onnx_models.scale())
    assert terminal.load_config(terminal.DEFAULT_CONFIG).data == tmp_path / "var"
    assert run("check").exit_code == 0
    (tmp_path / "gateway.yaml").write_text("models: {delays: {}}")
    found = run("check")
    assert (found.exit_code, "model delays is configured" in found.stderr) == (1, True)


def test_without_a_gateway_there_is_no_status_and_nothing_to_stop(config: Path) -> None:
    """Both say so; exit code 1."""
    status, down = run("status", config), run("down", config)
    assert (status.exit_code, down.exit_code) == (1, 1)
    assert "no gateway answers at http://127.0.0.1:" in status.stderr
    assert "no gateway is running with data in" in down.stderr


def test_up_refuses_a_data_folder_that_is_in_use(config: Path) -> None:
    """Before anything is started."""
    with PidFile(config.parent / "var"):
        found = run("up", config)
    assert found.exit_code == 1
    assert "already uses" in found.stderr


def test_up_does_not_listen_to_strangers_unless_told_to(config: Path) -> None:
    """Nobody has to authenticate, so everybody could."""
    config.write_text("listen: {host: 0.0.0.0}")
    found = run("up", config)
    assert found.exit_code == 1
    assert "listen.host is 0.0.0.0" in found.stderr
    cli.check_exposure(Config(listen=Listen(host="0.0.0.0")), insecure=True)
    with pytest.raises(ConfigError):
        cli.check_exposure(Config(listen=Listen(host="gateway.example")), insecure=False)


STATUS = {
    "revision": 3,
    "replicas": [{"replica": "r"}],
    "models": [
        {"model": "scale", "version": 1, "state": "READY", "share": 0.9, "answered": 12345, "reason": ""},
        {"model": "scale", "version": 2, "state": "UNAVAILABLE", "share": 0, "answered": 0, "reason": "[/odd]"},
    ],
}


def test_status_is_a_table_or_json(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the gateway says, for people and for machines."""

    def fetch(listen: Listen, path: str) -> Any:
        return {"/gateway/status": STATUS, "/gateway/rollouts": {"rollouts": []}}[path]

    monkeypatch.setattr(cli, "fetch", fetch)
    shadow = Checkpoint(since=0, outcomes={"ok": 2000, "shadow_shape": 3}, pairs={1: Comparison(rows=9)}, saved=1)
    write(config.parent / "var", Shadow("scale", 2), shadow)
    table = run("status", config)
    assert table.exit_code == 0
    for word in ("90%", "12,345", "[/odd]", "1 replicas, revision 3", "scale/2", "2,000", "version 1", "does not run"):
        assert word in table.stdout, table.stdout
    found = json.loads(run("status", config, "--json").stdout)
    (told,) = found.pop("shadows")
    assert found == {**STATUS, "rollouts": []}
    assert (told["model"], told["outcomes"]["shadow_shape"]) == ("scale", 3)


def test_the_announcement_names_what_is_served_and_what_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And where."""
    monkeypatch.setattr(cli, "fetch", lambda listen, path: STATUS)
    cli.announce(Config(data=tmp_path, repository=tmp_path), balanced=False, seconds=1.23)
    said = capsys.readouterr().out
    for words in ("Ready in 1.2 s", "http://127.0.0.1:8000/v2", "serving scale/1", "not served: [/odd]", "no HAProxy"):
        assert words in said
