"""Rows that were forgotten are nowhere."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.store.store import Store
from tests.gateway.store.answering import HOUR, START, answers, event, refusals
from tests.gateway.store.conftest import files, read


def test_a_request_is_forgotten(tmp_path: Path) -> None:
    """In every version and role, its refusals, its labels, and those that wait; no byte of its id is left."""
    store = Store(tmp_path)
    store.append(answers(["keep", "subject-0815", "subject-0815"], rows=[0, 0, 1]))
    store.append(answers(["subject-0815"], version=2, role="shadow"))
    store.refuse(refusals(["subject-0815", "keep"]))
    store.refuse(refusals(["subject-0815"], model="digits"))
    store.label([event("subject-0815", 1), event("subject-0815", 1, row=7), event("keep", 1)])
    store.commit({})
    assert store.forget("flights", START + HOUR, ids=["subject-0815", "nobody"]) == 4
    assert [(row["request_id"], row["label"]) for row in read(tmp_path)] == [("keep", 1)]
    assert [(row["request_id"], row["model"]) for row in read(tmp_path, "refusals")] == [
        ("keep", "flights"),
        ("subject-0815", "digits"),
    ]
    assert store.find("flights", ["subject-0815"]) == []
    assert store.expected == 0
    assert store.append(answers(["subject-0815"])) == []
    store.close()
    left = [path for path in tmp_path.rglob("*") if path.is_file() and "refusals" not in path.parts]
    assert not [path for path in left if b"subject-0815" in path.read_bytes()]
    assert len(files(tmp_path)) == 1


def test_a_subject_is_forgotten_by_a_column(store: Store, tmp_path: Path) -> None:
    """Only its rows, not those that others have in the same request."""
    store.append(answers(["a", "a", "a", "b"], rows=[0, 1, 2, 0]))  # carriers: none, UA, UA, none
    store.append(answers(["a", "a"], rows=[2, 3], version=2, role="shadow"))
    store.commit({})
    assert store.forget("flights", START + HOUR, column="carrier", value="UA") == 4
    assert sorted((row["request_id"], row["row"]) for row in read(tmp_path)) == [("a", 0), ("b", 0)]
    assert store.counts.forgotten == 4
    assert store.forget("flights", START + HOUR, column="hour", value="3") == 1
    assert store.forget("flights", START + HOUR, column="nowhere", value="3") == 0


def test_labels_of_other_rows_move_with_them(store: Store, tmp_path: Path) -> None:
    """Those that were not in the file yet are in the new one."""
    store.append(answers(["a", "b", "c"], time=START))
    store.commit({})
    store.label([event("b", 1), event("c", 0)])
    store.commit({})
    store.forget("flights", START + HOUR, ids=["a"])
    assert [(row["request_id"], row["label"]) for row in read(tmp_path)] == [("b", 1), ("c", 0)]


@pytest.mark.parametrize("again", [False, True])
def test_a_shadow_does_not_bring_back_what_was_forgotten(tmp_path: Path, again: bool) -> None:
    """It reads the journals later, and answers; what came after the forgetting, and what others asked, it may bring."""
    store = Store(tmp_path)
    store.append(answers(["subject", "other"]))
    store.commit({})
    store.forget("flights", START + HOUR, ids=["subject"])
    if again:
        store.close()
        store = Store(tmp_path)
    store.append(answers(["subject"], version=2, role="shadow"))
    assert store.waiting == 0
    store.append(answers(["other", "subject"], version=2, role="shadow"))
    store.append(answers(["subject"], version=2, role="shadow", time=START + 2 * HOUR))
    shadowed = replace(refusals(["subject", "other"]), role=["shadow"] * 2)
    store.refuse(shadowed)
    store.refuse(replace(shadowed, model=["digits"] * 2))
    store.commit({})
    found = {
        (row["request_id"], row["role"], row["time"].hour - read(tmp_path)[0]["time"].hour) for row in read(tmp_path)
    }
    assert found == {("other", "primary", 0), ("other", "shadow", 0), ("subject", "shadow", 2)}
    assert sorted((row["request_id"], row["model"]) for row in read(tmp_path, "refusals")) == [
        ("other", "digits"),
        ("other", "flights"),
        ("subject", "digits"),
    ]
    store.close()


def test_nor_rows_of_a_request_that_has_others(store: Store, tmp_path: Path) -> None:
    """Those that were found by a column."""
    store.append(answers(["a", "a", "a"], rows=[0, 1, 2]))  # carriers: none, UA, UA
    store.commit({})
    store.forget("flights", START + HOUR, column="carrier", value="UA")
    store.append(answers(["a", "a", "a"], rows=[0, 1, 2], version=2, role="shadow"))
    store.commit({})
    assert [(row["row"], row["role"]) for row in read(tmp_path)] == [(0, "primary"), (0, "shadow")]


def test_so_much_is_known_of_what_was_forgotten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest goes first."""
    monkeypatch.setattr("gateway.store.tombstones._MOST", 2)
    for hour in range(3):
        store.forget("flights", START + (hour + 1) * HOUR, ids=[f"id-{hour}"])
    store.append(answers(["id-0", "id-1", "id-2"], version=2, role="shadow"))
    assert store.waiting == 1


def test_a_catalogue_of_an_earlier_driftgate_has_forgotten_nothing(tmp_path: Path) -> None:
    """It lacks the table."""
    Store(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "state" / "store.sqlite")) as database:
        database.execute("DROP TABLE forgotten")
    store = Store(tmp_path)
    store.append(answers(["a"], role="shadow"))
    assert store.waiting == 1
    store.close()
