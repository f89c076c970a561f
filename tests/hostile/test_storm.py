"""Under a storm of hostile requests there is no 5xx but 503 and 504, no hang, and no memory that stays."""

from __future__ import annotations

import pytest

from tests.hostile.storm import SLOW_S, Tally, storm
from tests.running import Running

MiB = 1 << 20


def test_a_short_storm(hostage: Running) -> None:
    """1,500 hostile requests: every answer is a 2xx, a 4xx that says why, a 503 or a 504, and memory stays."""
    check(hostage, warm_up=500, count=1000)


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_a_long_storm(hostage: Running) -> None:
    """20,000 hostile requests: the same."""
    check(hostage, warm_up=2000, count=18_000)


def check(running: Running, warm_up: int, count: int) -> None:
    """Fires so many to warm up and so many more, and holds the answers and the memory to the rules."""
    first = storm(running, warm_up)
    before = memory(running)
    second = storm(running, count)
    after = memory(running)
    statuses = dict(sorted((first.statuses + second.statuses).items()))
    slowest = max(first.slowest_s, second.slowest_s)
    print(f"{statuses}, slowest {slowest:.2f} s, memory {before / MiB:.1f} to {after / MiB:.1f} MiB")
    for tally, fired in ((first, warm_up), (second, count)):
        well(tally)
        assert tally.fired == fired
    assert statuses.keys() >= {200, 400, 404, 422}
    assert after - before < 32 * MiB


def well(tally: Tally) -> None:
    """Nothing was wrong, and nothing slow."""
    assert not tally.wrong, f"{len(tally.wrong)} answers were wrong:\n" + "\n".join(tally.wrong[:20])
    assert tally.slowest_s < SLOW_S


def memory(running: Running) -> int:
    """Bytes that all replicas hold resident."""
    return sum(process.memory_info().rss for process in running.replicas())
