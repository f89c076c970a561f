"""A replica that dies takes no request with it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from tests.resilience.load import load
from tests.running import MODELS, Running, launch, wait_for

BODY = json.loads((MODELS / "digits" / "1" / "golden.json").read_text())["requests"][0]["request"]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway with two replicas."""
    with launch(tmp_path_factory.mktemp("pair"), replicas=2) as running:
        yield running


def test_a_killed_replica_fails_no_request_and_is_replaced(pair: Running) -> None:
    """SIGKILL of one of two replicas under load: every request is answered, and two replicas are there again soon."""
    wait_for(lambda: len(pair.replicas()) == 2, 10, "two replicas")
    with load(f"{pair.url}/v2/models/digits/infer", BODY) as tally:
        wait_for(lambda: tally.answered > 500, 20, "load")
        for _ in range(3):
            before = {process.pid for process in pair.replicas()}
            victim = pair.replicas()[0]
            victim.kill()
            began = time.monotonic()
            wait_for(lambda before=before: len({p.pid for p in pair.replicas()} - before) == 1, 20, "a new replica")
            print(f"whole again after {time.monotonic() - began:.1f} s")
            answered = tally.answered
            wait_for(lambda answered=answered: tally.answered > answered + 500, 20, "load")
    print(tally)
    assert not tally.failures
