"""Versions come and go under load, and no request notices."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.resilience.load import load
from tests.running import MODELS, Running, launch, wait_for

GOLDEN = json.loads((MODELS / "flights" / "1" / "golden.json").read_text())["requests"][0]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the flights model's versions, to change at will."""
    root = tmp_path_factory.mktemp("lifecycle") / "models"
    for version in ("1", "2"):
        shutil.copytree(MODELS / "flights" / version, root / "flights" / version)
    return root


@pytest.fixture(scope="module")
def running(repository: Path) -> Iterator[Running]:
    """A gateway with two replicas on that repository."""
    with launch(repository.parent, repository=str(repository), replicas=2) as running:
        yield running


def copy_as(repository: Path, source: str, version: int) -> None:
    """Adds a version to the repository: another's files under a number of its own."""
    folder = repository / "flights" / str(version)
    shutil.copytree(repository / "flights" / source, folder)
    manifest = yaml.safe_load((folder / "model.yaml").read_text())
    (folder / "model.yaml").write_text(yaml.safe_dump({**manifest, "version": version}))


def command(running: Running, what: str, **parameters: object) -> tuple[int, dict[str, str]]:
    """Loads or unloads; gives status and body."""
    with running.client() as client:
        answer = client.post(f"/v2/repository/models/flights/{what}", json={"parameters": parameters})
        return answer.status_code, answer.json()


def test_a_version_is_loaded_and_unloaded_under_load_without_a_failed_request(
    running: Running, repository: Path
) -> None:
    """A new version takes the unversioned traffic once loaded, on both replicas, and gives it back once unloaded."""
    with load(f"{running.url}/v2/models/flights/infer", GOLDEN["request"]) as tally:
        wait_for(lambda: tally.versions["2"] > 200, 20, "answers of version 2")
        copy_as(repository, "1", 3)
        assert command(running, "load") == (200, {})
        seen = tally.answered
        wait_for(lambda: tally.answered > seen + 500, 20, "load")
        assert tally.versions["3"] >= 490
        assert command(running, "unload", version=3) == (200, {})
        before = tally.versions["3"]
        seen = tally.answered
        wait_for(lambda: tally.answered > seen + 500, 20, "load")
        assert tally.versions["3"] - before <= 8  # those under way on the eight connections
    assert not tally.failures


def test_a_version_is_replaced_under_load_without_a_failed_request(running: Running, repository: Path) -> None:
    """New files under an old number are served after a load, and every request on the way is answered."""
    folder = repository / "flights" / "1"
    url = f"{running.url}/v2/models/flights/versions/1/infer"
    with load(url, GOLDEN["request"]) as tally:
        wait_for(lambda: tally.answered > 200, 20, "load")
        shutil.copy(repository / "flights" / "2" / "model.onnx", folder / "model.onnx")
        status, body = command(running, "load")
        assert status == 400
        assert "flights/1: model.onnx has sha256" in body["error"]
        state = next(row for row in running.status()["models"] if row["version"] == 1)
        assert state["state"] == "READY"
        assert "goes on serving" in state["reason"]

        for name in ("model.yaml", "golden.json"):
            shutil.copy(repository / "flights" / "2" / name, folder / name)
        manifest = yaml.safe_load((folder / "model.yaml").read_text())
        (folder / "model.yaml").write_text(yaml.safe_dump({**manifest, "version": 1}))
        assert command(running, "load") == (200, {})
    assert not tally.failures
    with running.client() as client:
        replaced = client.post(f"{url}", json=GOLDEN["request"]).json()["outputs"]
        second = client.post("/v2/models/flights/versions/2/infer", json=GOLDEN["request"]).json()["outputs"]
    assert replaced == second


def test_a_version_that_fails_its_checks_is_not_served_and_says_why(running: Running, repository: Path) -> None:
    """The index, the status, the log and the answer to `load` name what is wrong; the other versions serve on."""
    copy_as(repository, "2", 4)
    goldens = json.loads((repository / "flights" / "4" / "golden.json").read_text())
    goldens["requests"][0]["response"]["outputs"][0]["data"][0] += 0.5
    (repository / "flights" / "4" / "golden.json").write_text(json.dumps(goldens))
    status, body = command(running, "load")
    assert status == 400
    assert "flights/4: golden request 0: output " in body["error"]
    with running.client() as client:
        index = {row["version"]: row for row in client.post("/v2/repository/index").json()}
        assert (index["4"]["state"], index["2"]["state"]) == ("UNAVAILABLE", "READY")
        assert "golden request 0" in index["4"]["reason"]
        refused = client.post("/v2/models/flights/versions/4/infer", json=GOLDEN["request"])
        assert (refused.status_code, "golden request 0" in refused.json()["error"]) == (503, True)
        assert client.post("/v2/models/flights/infer", json=GOLDEN["request"]).status_code == 200
    log = (repository.parent / "var" / "log" / "gateway.log").read_text()
    assert "flights/4 is not served: flights/4: golden request 0" in log


def test_an_unloaded_model_is_not_ready_until_it_is_loaded_again(running: Running) -> None:
    """Unloading takes every version out of service on every replica; loading brings them back."""
    assert command(running, "unload") == (200, {})
    with running.client() as client:
        for _ in range(8):  # both replicas
            answer = client.post("/v2/models/flights/infer", json=GOLDEN["request"])
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        command(running, "load")
        assert client.post("/v2/models/flights/infer", json=GOLDEN["request"]).status_code == 200
