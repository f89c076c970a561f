"""The commands on configuration and rollouts, against a server that answers as the gateway does."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from gateway import remote
from gateway.config import Listen
from gateway.draft import Draft
from gateway.errors import BadRequest, ConfigError, NotFound, SetupError
from gateway.pidfile import PidFile
from gateway.ports import free_port
from gateway.remote import Remote
from gateway.rolling import keep, rollout_commands
from gateway.terminal import Commands

EVENT = {"time": "2026-11-23T14:00:00+00:00", "model": "flights", "who": "ann", "what": "pause"}
PLAN = {"changes": ["flights: shadow 3 is added"], "diff": "--- in force\n+++ planned\n+    shadow: [3]\n"}
ANSWERS: dict[str, tuple[int, Any]] = {
    "POST /gateway/plan": (200, PLAN),
    "PUT /gateway/config": (200, {"revision": 7, "changes": PLAN["changes"], "changed": True}),
    "POST /gateway/models/flights/rollout/pause": (200, {"model": "flights", "state": "paused at 10 %"}),
    "POST /gateway/models/flights/rollout/approve": (400, {"error": "flights: the rollout is running at 10 %"}),
    "POST /gateway/models/a%2Fb/rollout/abort": (404, {"error": "a/b has no rollout"}),
    "POST /gateway/models/flights/rollout/resume": (503, {"error": "the control actor does not answer just now"}),
    "GET /gateway/history?limit=100": (
        200,
        {"events": [{**EVENT, "before": "running at 10 %", "after": "paused at 10 %", "why": "lunch"}]},
    ),
    "GET /gateway/history?limit=2&model=flights": (200, {"events": []}),
    "GET /gateway/rollouts": (200, {"rollouts": [{"model": "flights"}]}),
}


class Server(http.server.ThreadingHTTPServer):
    """Notes what it is asked; `answers` may be changed."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, Any, str | None]] = []
        self.answers = dict(ANSWERS)


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by method and path."""

    server: Server

    def answer(self) -> None:
        """One of the answers."""
        asked = f"{self.command} {self.path}"
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.asked.append((asked, json.loads(content) if content else None, self.headers["x-driftgate-user"]))
        status, body = self.server.answers.get(asked, (404, {"error": f"no such path: {self.path}"}))
        encoded = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    do_GET = do_PUT = do_POST = answer  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    """A server, listening."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def file(tmp_path: Path, server: Server) -> Path:
    """A configuration whose gateway is the server."""
    path = tmp_path / "gateway.yaml"
    path.write_text(f"listen: {{http: {server.server_port}}}\nmodels: {{flights: {{traffic: {{1: 90, 2: 10}}}}}}\n")
    return path


@pytest.fixture(autouse=True)
def user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is logged in."""
    monkeypatch.setenv("LOGNAME", "jürgen")


def run(*arguments: str | Path) -> Result:
    """`driftgate ARGUMENTS`, on a wide terminal."""
    group = Commands(commands={command.name or "": command for command in rollout_commands})
    return CliRunner().invoke(group, [str(argument) for argument in arguments], env={"COLUMNS": "200"})


def test_a_plan_is_shown_in_words_and_as_a_diff(file: Path, server: Server) -> None:
    """The gateway is sent the file with its folders from the root, for it does not know where the file lies."""
    found = run("plan", file)
    assert (found.exit_code, found.stdout) == (0, f"{PLAN['changes'][0]}\n\n{PLAN['diff']}")
    ((_, sent, who),) = server.asked
    assert sent == {
        "listen": {"http": server.server_port},
        "repository": str(file.parent.resolve() / "models"),
        "data": str(file.parent.resolve() / "var"),
        "models": {"flights": {"traffic": {"1": 90, "2": 10}}},
    }
    assert who == "j?rgen"


def test_a_plan_that_changes_nothing_says_so(file: Path, server: Server) -> None:
    """In a sentence."""
    server.answers["POST /gateway/plan"] = (200, {"changes": [], "diff": ""})
    assert run("plan", file).stdout == "Nothing would change.\n"


def test_applying_tells_what_has_changed_and_the_revision(file: Path, server: Server) -> None:
    """Or that nothing has."""
    found = run("apply", file)
    assert (found.exit_code, found.stdout) == (0, f"{PLAN['changes'][0]}\nRevision 7 is in force.\n")
    server.answers["PUT /gateway/config"] = (200, {"revision": 7, "changes": [], "changed": False})
    assert run("apply", file).stdout == "Revision 7: nothing changes.\n"


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["plan", "FILE"], PLAN),
        (["apply", "FILE"], ANSWERS["PUT /gateway/config"][1]),
        (["pause", "flights", "--config", "FILE"], ANSWERS["POST /gateway/models/flights/rollout/pause"][1]),
        (["history", "--config", "FILE"], ANSWERS["GET /gateway/history?limit=100"][1]["events"]),
    ],
)
def test_machines_get_json(file: Path, arguments: list[str], answer: Any) -> None:
    """What the gateway said."""
    found = run(*(str(file) if word == "FILE" else word for word in arguments), "--json")
    assert (found.exit_code, json.loads(found.stdout)) == (0, answer)


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_refusal_is_a_line_for_each_problem(file: Path, server: Server, command: str) -> None:
    """On stderr, exit code 1."""
    for asked in ("POST /gateway/plan", "PUT /gateway/config"):
        server.answers[asked] = (400, {"error": "m/9 is not there\nm/4 cannot stand in for m/1"})
    found = run(command, file)
    assert (found.exit_code, found.stdout) == (1, "")
    assert found.stderr == "driftgate: m/9 is not there\nm/4 cannot stand in for m/1\n"


def test_a_file_that_is_wrong_is_not_sent(file: Path, server: Server) -> None:
    """Its own lines are named."""
    file.write_text("models:\n  flights: {trafic: {1: 1}}\n")
    found = run("apply", file)
    assert (found.exit_code, found.stderr) == (1, f"driftgate: {file}:2: models.flights.trafic: unknown key\n")
    assert run("plan", file.parent / "other.yaml").exit_code == 1
    assert server.asked == []


def test_a_command_tells_where_the_rollout_is_then(file: Path, server: Server) -> None:
    """It is sent with the reason."""
    found = run("pause", "flights", "--why", "lunch", "--config", file)
    assert (found.exit_code, found.stdout) == (0, "flights: paused at 10 %\n")
    assert server.asked == [("POST /gateway/models/flights/rollout/pause", {"why": "lunch"}, "j?rgen")]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["approve", "flights"], "flights: the rollout is running at 10 %"),
        (["abort", "a/b"], "a/b has no rollout"),
        (["resume", "flights"], "the gateway answers 503: the control actor does not answer just now"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused(file: Path, arguments: list[str], sentence: str) -> None:
    """In the gateway's words, exit code 1."""
    found = run(*arguments, "--config", file)
    assert (found.exit_code, found.stderr) == (1, f"driftgate: {sentence}\n")


def test_history_is_a_table(file: Path) -> None:
    """Of all models, or of one."""
    found = run("history", "--config", file)
    for words in ("2026-11-23 14:00:00", "ann", "paused at 10 %", "lunch"):
        assert words in found.stdout
    assert run("history", "flights", "--limit", "2", "--config", file).stdout == "Nothing was changed yet.\n"


@pytest.mark.parametrize("arguments", [["pause"], ["history", "--limit", "0"], ["plan", "a", "b"], ["apply", "--wtch"]])
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    """As command lines do."""
    assert run(*arguments).exit_code == 2


def test_every_command_explains_itself() -> None:
    """In a sentence, as do the others of driftgate."""
    assert [command.name for command in rollout_commands] == [
        "plan",
        "apply",
        "pause",
        "resume",
        "promote",
        "abort",
        "approve",
        "history",
    ]
    for command in rollout_commands:
        assert isinstance(command, click.Command)
        assert run(command.name or "", "--help").stdout.count(".")


def test_where_no_gateway_answers_that_is_told(tmp_path: Path) -> None:
    """And if one runs all the same, that it listens elsewhere."""
    path = tmp_path / "gateway.yaml"
    path.write_text(f"listen: {{http: {free_port()}}}")
    assert "(ConnectError); start one: driftgate up" in run("plan", path).stderr
    with PidFile(tmp_path / "var"):
        assert (
            "runs one with the same data, and where that one listens is changed by a restart only"
            in run("plan", path).stderr
        )


def test_how_rollouts_stand_is_asked(server: Server) -> None:
    """For `driftgate status`."""
    assert Remote(Listen(http=server.server_port), "ann").rollouts() == [{"model": "flights"}]


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in many containers."""

    def nameless() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr(remote.getpass, "getuser", nameless)
    assert remote.login().startswith("uid ")


class Editor:
    """Edits a file whenever somebody waits; at the end it presses Ctrl-C."""

    def __init__(self, path: Path, *contents: str) -> None:
        self.path = path
        self.contents = list(contents)

    def __call__(self) -> None:
        """One edit, which then stays for as many looks as it says the same."""
        if not self.contents:
            raise KeyboardInterrupt
        self.path.write_text(self.contents.pop(0))


def followed(path: Path, put: Callable[[str], None], *contents: str) -> list[str]:
    """What was put into force while the file was edited so."""
    path.write_text("one")
    seen: list[str] = []

    def once() -> None:
        seen.append(path.read_text())
        put(seen[-1])

    with pytest.raises(KeyboardInterrupt):
        keep(Draft(path), once, Editor(path, *contents))
    return seen


def test_a_watched_file_is_applied_whenever_it_has_changed(tmp_path: Path) -> None:
    """At first, and then each time, once it has stayed for a look."""
    contents = ("one", "two", "two", "two", "half", "three", "three")
    assert followed(tmp_path / "f", lambda content: None, *contents) == ["one", "two", "three"]


@pytest.mark.parametrize("problem", [ConfigError("f:1: wrong"), BadRequest("f:1: wrong"), NotFound("f:1: wrong")])
def test_a_refused_edit_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str], problem: Exception) -> None:
    """And watching goes on."""

    def put(content: str) -> None:
        if content == "bad":
            raise problem

    assert followed(tmp_path / "f", put, "bad", "bad", "bad", "good", "good") == ["one", "bad", "good"]
    assert capsys.readouterr().err == "driftgate: f:1: wrong\n"


def test_an_edit_waits_for_a_gateway_that_is_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is tried again, and told once."""
    away = iter([False, True, True, False])

    def put(content: str) -> None:
        if next(away):
            raise SetupError("no gateway answers")

    assert followed(tmp_path / "f", put, "two", "two", "two", "two", "two") == ["one", "two", "two", "two"]
    assert capsys.readouterr().err == "driftgate: no gateway answers; trying again\n"


def test_watching_ends_with_ctrl_c(file: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 0: it is how one ends it."""

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gateway.rolling.time.sleep", interrupt)
    found = run("apply", file, "--watch", "--json")
    assert (found.exit_code, json.loads(found.stdout)) == (0, ANSWERS["PUT /gateway/config"][1])
