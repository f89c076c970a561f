"""The comparison: its model, its servers as processes, its rounds and its tables."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
import psutil
import pytest
from click.testing import CliRunner

from gateway.manifest import read_manifest
from loadtests import mlp, wrk
from loadtests.__main__ import cli
from loadtests.bench import BATCH, Effort, Ratio, Standing, bench, check, ratio
from loadtests.contender import Contender, contenders
from loadtests.errors import LoadError, ServerError, TargetError
from loadtests.machine import machine
from loadtests.peers.environment import PEERS
from loadtests.plan import Plan
from loadtests.process import ServerProcess, free_ports
from loadtests.report import WIDTH, Comparison, comparison, console, single
from loadtests.result import Latency, Result
from loadtests.target import Target

SILENT = "import signal; signal.pause()"
FAMILY = """
import subprocess, sys, http.server
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True)
print(child.pid, flush=True)
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self): self.send_response(200); self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
"""


def result(rows_per_s: float = 1000.0, errors: dict[str, int] | None = None) -> Result:
    """A result with nothing special but its rate."""
    latency = Latency(p50=1, p90=2, p99=3, p999=4, max=123456.789)
    return Result(
        answered=10,
        rows=int(rows_per_s),
        seconds=1,
        throughput=rows_per_s,
        rows_per_s=rows_per_s,
        latency=latency,
        statuses={200: 10, 503: 2},
        errors=errors or {},
        unanswered=0,
        bytes_received=1,
        lag_p99_ms=0.1,
        client_cpu=0.4,
    )


def test_the_model_is_what_its_manifest_says(tmp_path: Path) -> None:
    """The bench repository holds a valid manifest, and ONNX Runtime computes what numpy does."""
    path = mlp.write_repository(tmp_path)
    manifest = read_manifest(path.with_name("model.yaml"))
    assert (manifest.label, manifest.max_batch_size) == ("mlp/1", 64)
    x = np.random.default_rng(1).standard_normal((5, mlp.COLUMNS)).astype(np.float32)
    y = ort.InferenceSession(str(path)).run(["y"], {"x": x})[0]
    assert y.shape == (5, 1)
    assert np.allclose(y, mlp.expected(x), atol=1e-5)


def test_the_model_is_the_same_every_time() -> None:
    """Two calls make the same bytes."""
    assert mlp.model().SerializeToString() == mlp.model().SerializeToString()


def test_bare_answers_both_encodings_and_stops(tmp_path: Path) -> None:
    """The bare server gives numpy's answers for JSON and for binary tensors, and is gone after its stop."""
    model, port = mlp.write_repository(tmp_path / "models"), free_ports(1)[0]
    command = [sys.executable, "-m", "loadtests.bare", str(model), "--port", str(port)]
    target = Target("127.0.0.1", port)
    with ServerProcess(command, tmp_path / "log") as server:
        server.wait_ready(target, "/v2/health/ready")
        for rows, binary in ((1, False), (BATCH, True)):
            check(target, np.ones((rows, mlp.COLUMNS), np.float32), binary)
    with pytest.raises(ServerError):
        check(target, np.ones((1, mlp.COLUMNS), np.float32), False)


def test_a_stop_reaches_children_that_left_the_process_group(tmp_path: Path) -> None:
    """Nothing that a server started outlives it, whatever group or session it moved to."""
    port = free_ports(1)[0]
    with ServerProcess([sys.executable, "-c", FAMILY, str(port)], tmp_path / "log") as server:
        server.wait_ready(Target("127.0.0.1", port), "/")
        child = psutil.Process(int(server.tail().splitlines()[0]))
        assert child.is_running()
    child.wait(10)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ([sys.executable, "-c", "raise SystemExit('no such thing')"], "ended before it was ready:\nno such thing"),
        ([sys.executable, "-c", SILENT], "not ready after 1 s"),
        (["/no/such/program"], "/no/such/program: No such file"),
    ],
)
def test_servers_that_do_not_start_say_why(tmp_path: Path, command: list[str], message: str) -> None:
    """A failed start ends with the reason, or with the last lines that the server printed."""
    with pytest.raises(ServerError, match=message), ServerProcess(command, tmp_path / "log") as server:
        server.wait_ready(Target("127.0.0.1", free_ports(1)[0]), "/", timeout_s=1)


def test_rounds_alternate_and_failures_are_told() -> None:
    """Rounds run in alternating order, ratios are to the first server, and a server that fails stops no other."""
    bare = contenders()[0]
    other = Contender("other", bare.command, binary=False)
    broken = Contender("broken", lambda place: [sys.executable, "-c", "raise SystemExit('broken')"])
    said: list[str] = []
    found = bench(
        [bare, other, broken],
        Effort(rounds=2, seconds=0.5, connections=2),
        lambda plan: result(sum(plan.rows)),
        said.append,
    )
    names = [line.partition(": ")[2] for line in said]
    assert names == ["bare", "other", "broken", "broken", "other", "bare"]
    assert [len(standing.rows) for standing in found] == [2, 2, 0]
    assert [len(standing.batches) for standing in found] == [2, 0, 0]
    assert [standing.row_ratio for standing in found] == [Ratio(median=1, low=1, high=1)] * 2 + [None]
    assert found[2].failures == ("ended before it was ready:\nbroken",) * 2


def test_ratios_are_taken_within_a_round() -> None:
    """A round in which both were slowed down alike does not move the ratio."""
    bare = {0: result(1000), 1: result(100), 2: result(1000)}
    own = {0: result(500), 1: result(50), 3: result(9000)}
    assert ratio(own, bare) == Ratio(median=0.5, low=0.5, high=0.5)
    assert ratio({}, bare) is None


def standings(names: Sequence[str]) -> tuple[Standing, ...]:
    """Standings with numbers as wide as they get."""
    share = Ratio(median=0.00012, low=0.0001, high=12.5)
    wide = (result(123_456_789.0, {"connection closed": 1}),)
    return tuple(Standing(name=n, rows=wide, batches=wide, row_ratio=share, failures=("why " * 60,)) for n in names)


def test_tables_fit_the_page() -> None:
    """Whatever the numbers and reasons, no line is longer than 100 columns, and nothing is left out."""
    made = Comparison(
        machine=machine(),
        effort=Effort(rounds=20, seconds=60, connections=512),
        engine="python",
        standings=standings(["bare", "ray serve, 256 at a time", "driftgate"]),
        skipped=("mosec", "litserve"),
    )
    screen = console()
    with screen.capture() as capture:
        screen.print(comparison(made))
        screen.print(single("a scenario", result()))
    text = capture.get()
    assert max(len(line) for line in text.splitlines()) <= WIDTH
    for word in ("ray serve, 256 at a time", "123,456,789", "0.0001×", "0.0001–12.50", "not installed, skipped: mosec"):
        assert word in text
    assert Comparison.model_validate_json(made.model_dump_json()) == made


def test_the_command_line_refuses_strangers() -> None:
    """No load leaves this machine, whatever the scenario."""
    found = CliRunner().invoke(cli, ["run", "smoke", "--url", "http://192.0.2.1:8000"])
    assert isinstance(found.exception, TargetError)


def test_only_names_that_exist_can_be_compared() -> None:
    """A misspelt server is a usage error that lists the right names."""
    found = CliRunner().invoke(cli, ["bench", "--only", "bear"])
    assert found.exit_code == 2
    assert "driftgate" in found.output


def test_each_peer_has_its_server() -> None:
    """Every peer that can be installed comes with the file that serves the bench model."""
    folder = Path(mlp.__file__).parent / "peers"
    assert {f"serve_{peer.name}.py" for peer in PEERS} == {path.name for path in folder.glob("serve_*.py")}


@pytest.mark.parametrize(("rate", "rows", "message"), [(10.0, (1,), "closed loops only"), (None, (1, 2), "mixed")])
def test_wrk_refuses_what_it_cannot_measure(rate: float | None, rows: tuple[int, ...], message: str) -> None:
    """wrk knows neither open loops nor how many rows each answer had."""
    with pytest.raises(LoadError, match=message):
        wrk.measure(Plan(Target("127.0.0.1", 1), (b"",) * len(rows), rows, 1, 1.0, 0.0, rate))
