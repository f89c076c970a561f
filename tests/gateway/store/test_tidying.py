"""Parts are rewritten where that pays, and removed when they are old."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.store.store import Store
from tests.gateway.store.answering import HOUR, START, answers, event, refusals
from tests.gateway.store.conftest import files, read

SECOND = 1_000_000_000


def test_the_parts_of_an_hour_that_is_over_become_one(store: Store, tmp_path: Path) -> None:
    """For each version and role, rows in order of time; refusals too. The hour that lasts stays as it is."""
    for one in (2, 0, 1):
        store.append(answers([f"a{one}"], time=START + one * SECOND))
        store.append(answers([f"b{one}"], version=2, role="shadow", time=START))
        store.append(answers([f"c{one}"], time=START + HOUR))
        store.refuse(refusals([f"d{one}"]))
        store.commit({})
    store.tidy(START + HOUR + 301 * SECOND)
    assert len(files(tmp_path)) == 1 + 1 + 3
    assert len(files(tmp_path, "refusals")) == 1
    assert [row["request_id"] for row in read(tmp_path) if row["request_id"][0] == "a"] == ["a0", "a1", "a2"]
    assert len(store.find("flights", ["a1", "b1", "c1"])) == 3
    assert len(list((tmp_path / "state" / "index").iterdir())) == 5
    assert store.tidy(START + HOUR + 302 * SECOND) == 0


@pytest.mark.parametrize(
    ("rows", "age", "written"), [(10, 59, False), (10, 60, True), (1000, 60, False), (1000, 3600, True)]
)
def test_labels_are_written_into_their_part(store: Store, tmp_path: Path, rows: int, age: int, written: bool) -> None:
    """After a minute where they are many of its rows, and else after an hour."""
    store.append(answers([f"id-{one}" for one in range(rows)]))
    store.commit({})
    store.label([event("id-3", 1)])
    store.commit({})
    assert store.tidy(START + age * SECOND) == (rows if written else 0)
    assert [row["request_id"] for row in read(tmp_path) if row["label"] == 1] == (["id-3"] if written else [])


def test_a_large_part_is_not_rewritten_for_a_few_late_rows(store: Store, tmp_path: Path) -> None:
    """They wait until they are a quarter of it."""
    store.append(answers([f"id-{one}" for one in range(100)]))
    store.commit({})
    for one in range(3):
        store.append(answers([f"late-{one}-{two}" for two in range(10)]))
        store.commit({})
        done = store.tidy(START + 2 * HOUR)
        assert done == (130 if one == 2 else 0)
    assert len(files(tmp_path)) == 1


def test_tidying_costs_as_much_as_it_may(store: Store) -> None:
    """What is over the budget waits for the next time."""
    for one in range(4):
        for two in range(2):
            store.append(answers([f"{one}-{two}"], time=START + one * HOUR))
            store.commit({})
    assert [store.tidy(START + 9 * HOUR, budget=4) for _ in range(3)] == [4, 4, 0]


def test_it_stands_after_a_commit(store: Store) -> None:
    """Otherwise labels could be durable before the offset that says that they were read."""
    store.append(answers(["a"]))
    for work in (
        lambda: store.tidy(START),
        lambda: store.retain(1, None, START),
        lambda: store.forget("flights", START + HOUR, ids=["a"]),
    ):
        with pytest.raises(RuntimeError, match="commit them first"):
            work()


def test_the_oldest_parts_are_retired(store: Store, tmp_path: Path) -> None:
    """By age, then by size; empty folders go with them."""
    for one in range(4):
        store.append(answers([f"{one}"], time=START + one * HOUR))
        store.commit({})
    assert store.retain(2.5 * 3600, None, START + 3 * HOUR) == 1
    assert store.retain(None, sum(part.bytes for part in store.parts("flights")) - 1, START) == 1
    assert [row["request_id"] for row in read(tmp_path)] == ["2", "3"]
    assert len(list((tmp_path / "store" / "answers" / "flights").iterdir())) == 2
    assert store.counts.retired == 2
    assert store.retain(None, None, START + 99 * HOUR) == 0
