"""Versions in processes of their own, replicas that follow the load, and requests that are given up."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from gateway.capacity import hold
from tests.onnx_models import declared, identity, save, slow
from tests.resilience.load import load
from tests.running import Running, command_line, launch, wait_for

LOOPS = 400_000  # several tenths of a second, on whatever machine
ROW = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1.5, -2.5]}]}
SLOW = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 1], "data": [0.0]}]}
INFER, SLOWLY = "/v2/models/sleeper/infer", "/v2/models/sluggish/infer"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway that follows the load, with one version that sleeps until it is asked, and one that takes its time."""
    folder = tmp_path_factory.mktemp("placement")
    repository = folder / "models"
    save(repository, "sleeper", 1, identity(), manifest=declared("sleeper", 1, identity(), max_batch_size=8))
    save(repository, "sluggish", 1, slow(LOOPS))
    with launch(
        folder,
        repository=str(repository),
        replicas={"min": 1, "max": 2, "target": 0.4, "up_delay": "1s", "down_delay": "2s"},
        limits={"max_queue": 4},
        models={
            "sleeper": {"placement": "dedicated", "min_replicas": 0, "max_replicas": 1, "idle": "2s"},
            "sluggish": {},
        },
    ) as running:
        yield running


def processes(running: Running, name: str) -> int:
    """How many processes of a deployment there are."""
    import psutil

    family = psutil.Process(running.process.pid).children(recursive=True)
    return sum(f"ServeReplica:driftgate:{name}" in command_line(process) for process in family)


def test_a_dedicated_version_sleeps_and_wakes_on_the_first_request(running: Running) -> None:
    """With min_replicas 0 there is no process until a request comes; it is answered; after `idle` there is none again."""
    wait_for(lambda: processes(running, "sleeper-1") == 0, 30, "the version to sleep")
    with running.client() as client:
        for _ in range(2):  # the first wakes it, the second finds it awake
            answer = client.post(INFER, json=ROW)
            assert (answer.status_code, answer.json()["outputs"][0]["data"]) == (200, [1.5, -2.5])
    assert processes(running, "sleeper-1") == 1
    wait_for(lambda: processes(running, "sleeper-1") == 0, 40, "the version to sleep again")


def test_a_dedicated_version_that_a_rollout_may_fall_back_on_stays_awake(running: Running) -> None:
    """Until the rollout has ended, whatever little it gets to do meanwhile."""
    with running.client() as client:
        assert client.post(INFER, json=ROW).status_code == 200
    hold(running.config.parent / "var", ["sleeper-1"])
    time.sleep(6)  # three times `idle`
    assert processes(running, "sleeper-1") == 1
    hold(running.config.parent / "var", [])
    wait_for(lambda: processes(running, "sleeper-1") == 0, 40, "the version to sleep again")


def test_replicas_follow_the_load(running: Running) -> None:
    """Under load that the fast path answers, unseen by Serve, a second replica comes; without load it goes again."""
    with load(f"{running.url}{SLOWLY}", SLOW, connections=3) as tally:
        wait_for(lambda: len(running.replicas()) == 2, 40, "a second replica")
    assert not tally.failures
    wait_for(lambda: len(running.replicas()) == 1, 60, "the second replica to go")


def test_a_full_queue_answers_503_with_retry_after(running: Running) -> None:
    """One request runs, four wait; the others are refused at once, and told when to come back."""
    with ThreadPoolExecutor(24) as pool, running.client() as client:
        answers = list(pool.map(lambda _: client.post(SLOWLY, json=SLOW), range(24)))
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {200, 503}
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert int(refused.headers["retry-after"]) >= 1
    assert "sluggish/1: 4 requests are waiting, the limit (limits.max_queue)" in refused.json()["error"]


def test_a_request_past_its_deadline_gets_504_and_is_not_run(running: Running) -> None:
    """Three requests that may wait 50 ms behind a slow one are told 504 in time, and the model never sees them."""
    before = answered(running)
    with ThreadPoolExecutor(4) as pool, running.client() as client:
        first = pool.submit(client.post, SLOWLY, json=SLOW)
        wait_for(lambda: in_flight(running) == 1, 5, "the first to run")
        began = time.monotonic()
        late = list(pool.map(lambda _: client.post(SLOWLY, json=SLOW, headers={"timeout": "0.05"}), range(3)))
        took = time.monotonic() - began
        assert first.result().status_code == 200
    assert [answer.status_code for answer in late] == [504] * 3
    assert "deadline" in late[0].json()["error"]
    assert took < 1
    with running.client() as client:
        assert client.post(SLOWLY, json=SLOW).status_code == 200
    time.sleep(1.5)  # another replica tells its counts each half second
    assert answered(running) - before == 2


def test_a_client_that_goes_away_leaves_no_work_behind(running: Running) -> None:
    """Requests that wait are dropped when their clients disconnect: the next one does not stand in line behind them."""
    before = answered(running)
    with running.client() as client:
        runs = threading.Thread(target=client.post, args=(SLOWLY,), kwargs={"json": SLOW})
        runs.start()
        wait_for(lambda: in_flight(running) == 1, 5, "the first to run")
        for _ in range(3):
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(f"{running.url}{SLOWLY}", json=SLOW, timeout=0.03, trust_env=False)
        runs.join()
        assert client.post(SLOWLY, json=SLOW).status_code == 200
    time.sleep(1.5)  # another replica tells its counts each half second
    assert answered(running) - before == 2


def in_flight(running: Running) -> int:
    """How many requests are under way."""
    return sum(replica["in_flight"] for replica in running.status()["replicas"])


def answered(running: Running) -> int:
    """How many requests the slow model has answered."""
    with running.client() as client:
        stats = client.get("/v2/models/sluggish/stats").json()["model_stats"][0]
    count: int = stats["inference_stats"]["success"]["count"]
    return count
