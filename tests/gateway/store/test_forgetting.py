"""Rows that were forgotten are nowhere."""

from __future__ import annotations

from pathlib import Path

from gateway.store.store import Store
from tests.gateway.store.answering import START, answers, event, refusals
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
    assert store.forget("flights", ids=["subject-0815", "nobody"]) == 4
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
    assert store.forget("flights", column="carrier", value="UA") == 4
    assert sorted((row["request_id"], row["row"]) for row in read(tmp_path)) == [("a", 0), ("b", 0)]
    assert store.counts.forgotten == 4
    assert store.forget("flights", column="hour", value="3") == 1
    assert store.forget("flights", column="nowhere", value="3") == 0


def test_labels_of_other_rows_move_with_them(store: Store, tmp_path: Path) -> None:
    """Those that were not in the file yet are in the new one."""
    store.append(answers(["a", "b", "c"], time=START))
    store.commit({})
    store.label([event("b", 1), event("c", 0)])
    store.commit({})
    store.forget("flights", ids=["a"])
    assert [(row["request_id"], row["label"]) for row in read(tmp_path)] == [("b", 1), ("c", 0)]
