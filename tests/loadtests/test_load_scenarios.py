"""Scenarios, the requests they become, and the addresses they may go to."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.manifest import read_manifest
from loadtests.__main__ import SCENARIOS
from loadtests.errors import ScenarioError, TargetError
from loadtests.plan import plan
from loadtests.request import floats, requests
from loadtests.result import percentiles
from loadtests.scenario import Described, Scenario, read_scenario
from loadtests.target import Target, loopback

METADATA = {
    "inputs": [
        {"name": "carrier", "datatype": "BYTES", "shape": [-1]},
        {"name": "month", "datatype": "INT64", "shape": [-1, 1]},
        {"name": "delay", "datatype": "FP32", "shape": [-1, 2]},
        {"name": "late", "datatype": "BOOL", "shape": [-1]},
    ]
}
GOOD = "name: a\nmodel: m\nbody: {kind: json, columns: 3}\nduration_s: 1\n"


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.yaml")), ids=lambda path: str(path.stem))
def test_every_scenario_that_comes_along_can_be_sent(path: Path) -> None:
    """Each file is valid, bears its own name, says what it is for, and can be encoded."""
    scenario = read_scenario(path)
    assert scenario.name == path.stem
    assert scenario.description
    work = plan(scenario, requests(scenario, METADATA), Target("127.0.0.1", 8000))
    assert len(work.wires) == len(work.rows) >= 32
    assert all(wire.startswith(b"POST /v2/models/") for wire in work.wires)


def test_the_flights_scenario_knows_the_flights_model() -> None:
    """Each input of the bundled model has realistic values in the scenario, and no value lacks an input."""
    body = read_scenario(SCENARIOS / "flights.yaml").body
    manifest = read_manifest(SCENARIOS.parents[1] / "models" / "flights" / "1" / "model.yaml")
    assert isinstance(body, Described)
    assert set(body.values) == {column.name for column in manifest.inputs}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("duration_s: 1", ""),
        ("duration_s: 601", "s.yaml:4: duration_s: .*less than or equal to 600"),
        ("duration_s: 600", "duration_s and warm_up_s together may be 600 s"),
        ("duration_s: 0", "s.yaml:4: duration_s: .*greater than 0"),
        ("duration_s: .inf", "duration_s"),
        ("duration_s: .nan", "duration_s"),
        ("duration_s: 1\nrate: 20001", "s.yaml:5: rate: .*less than or equal to 20000"),
        ("duration_s: 1\nconnections: 513", "s.yaml:5: connections: .*less than or equal to 512"),
        ("duration_s: 1\narrivals: even", "arrivals has a meaning only beside a rate"),
        ("duration_s: 1\nspeed: 3", "s.yaml:5: speed: unknown key"),
        ('duration_s: 1\nheaders: {a: "b\\r\\nc: d"}', "headers"),
        ("duration_s: 1\nversion: 0", "version"),
    ],
)
def test_what_is_wrong_with_a_scenario_is_said(tmp_path: Path, change: str, message: str) -> None:
    """Durations, rates and connections are bounded; a wrong key is named with file and line."""
    path = tmp_path / "s.yaml"
    path.write_text(GOOD.replace("duration_s: 1", change))
    if not message:
        assert read_scenario(path).duration_s == 1
        return
    with pytest.raises(ScenarioError, match=message):
        read_scenario(path)


def test_a_scenario_that_is_not_there(tmp_path: Path) -> None:
    """A missing file is named."""
    with pytest.raises(ScenarioError, match=r"none\.yaml: No such file"):
        read_scenario(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.1:8000",
        "http://10.0.0.1",
        "http://0.0.0.0:8000",
        "http://[::]:8000",
        "http://[2001:db8::1]:8000",
        "http://169.254.169.254",
        "https://127.0.0.1:8000",
        "http://user@127.0.0.1:8000",
        "http://127.0.0.1:8000/path",
        "http://127.0.0.1:8000?to=http://elsewhere",
        "http://127.0.0.1:99999",
        "127.0.0.1:8000",
        "ftp://127.0.0.1",
        "http://",
        "http://[::1",
        "http://no-such-host.invalid:8000",
    ],
)
def test_only_this_machine_may_be_loaded(url: str) -> None:
    """Any address that is not a loopback address of plain HTTP is refused."""
    with pytest.raises(TargetError):
        loopback(url)


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000"),
        ("http://127.9.9.9:81/", "127.9.9.9:81"),
        ("http://127.0.0.1", "127.0.0.1:80"),
        ("http://[::1]:8000", "[::1]:8000"),
    ],
)
def test_loopback_addresses_are_taken(url: str, authority: str) -> None:
    """All of 127.0.0.0/8 and ::1 are this machine."""
    assert loopback(url).authority == authority


def test_json_and_binary_carry_the_same_rows() -> None:
    """The two encodings of one tensor decode to equal values, and the header says where the bytes begin."""
    x = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    as_json, binary = floats("/p", x, "x", False), floats("/p", x, "x", True)
    decoded = json.loads(as_json.body)["inputs"][0]
    header = int(dict(binary.headers)["Inference-Header-Content-Length"])
    tensor = json.loads(binary.body[:header])["inputs"][0]
    assert decoded["shape"] == tensor["shape"] == [4, 3]
    assert tensor["parameters"]["binary_data_size"] == len(binary.body) - header
    assert np.array_equal(np.array(decoded["data"], np.float32).reshape(4, 3), x)
    assert np.array_equal(np.frombuffer(binary.body, "<f4", offset=header).reshape(4, 3), x)


def test_described_bodies_follow_the_models_metadata() -> None:
    """Every input of the model is there in its shape and type; those named in `values` take them in turn."""
    body = {"kind": "described", "rows": 2, "values": {"month": [3, 4, 5]}}
    scenario = Scenario(name="a", model="m", version=2, duration_s=1, body=body)
    first, second = requests(scenario, METADATA)[:2]
    carrier, month, delay, late = json.loads(first.body)["inputs"]
    assert first.path == "/v2/models/m/versions/2/infer"
    assert (carrier["shape"], month["shape"], delay["shape"]) == ([2], [2, 1], [2, 2])
    assert [len(tensor["data"]) for tensor in (carrier, month, delay, late)] == [2, 2, 4, 2]
    assert month["data"] + json.loads(second.body)["inputs"][1]["data"] == [3, 4, 5, 3]
    assert all(isinstance(value, bool) for value in late["data"])


def test_mixtures_keep_their_weights() -> None:
    """Of a mixture of three to one, every four requests in a row hold three and one."""
    parts = [{"weight": w, "body": {"kind": "json", "columns": 2, "rows": r}} for w, r in ((3, 1), (1, 9))]
    body = {"kind": "mixed", "parts": parts}
    scenario = Scenario(name="a", model="m", duration_s=1, body=body)
    assert [request.rows for request in requests(scenario)] == [1, 1, 1, 9] * 16


def test_requests_are_the_same_every_time() -> None:
    """A scenario sends the same bytes in each run, and its headers with each."""
    scenario = Scenario.model_validate(
        {"name": "a", "model": "m", "duration_s": 1, "body": {"kind": "json", "columns": 2}, "headers": {"x-user": "u"}}
    )
    assert requests(scenario) == requests(scenario)
    wire = requests(scenario)[0].wire("h:1")
    head, _, body = wire.partition(b"\r\n\r\n")
    assert b"\r\nx-user: u" in head
    assert f"Content-Length: {len(body)}".encode() in head


@given(st.lists(st.floats(0, 100), min_size=1, max_size=200))
def test_percentiles_are_numpys(seconds: list[float]) -> None:
    """Percentiles are exact, in milliseconds."""
    found = percentiles(seconds)
    expected = np.percentile(np.array(seconds), [50, 90, 99, 99.9, 100]) * 1e3
    assert np.allclose([found.p50, found.p90, found.p99, found.p999, found.max], expected)


def test_no_latencies_have_no_percentiles() -> None:
    """Where nothing was measured the percentiles are 0, not NaN."""
    assert percentiles([]).max == 0
