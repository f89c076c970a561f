"""Each label has one outcome, whichever came first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.store.part import read_rows
from gateway.store.store import Store
from tests.gateway.store.answering import HOUR, START, answers, event, layout
from tests.gateway.store.conftest import read

DAY = 24 * HOUR


def labels(data: Path) -> dict[tuple[str, int, int], object]:
    """The label of each row: by id, row and version."""
    return {(row["request_id"], row["row"], row["version"]): row["label"] for row in read(data)}


@pytest.mark.parametrize("committed", [True, False])
def test_a_label_meets_every_row_of_its_request(store: Store, tmp_path: Path, committed: bool) -> None:
    """Primary and shadow, whichever version; other requests and other rows of this one keep none."""
    store.append(answers(["a", "a", "b"], rows=[0, 1, 0]))
    store.append(answers(["a"], version=2, role="shadow"))
    if committed:
        store.commit({})
    found = sorted(store.label([event("a", 1)]), key=lambda one: one.answers.role)
    assert [(one.answers.layout.version, one.answers.role, one.labels, one.previous) for one in found] == [
        (1, "primary", [1], [None]),
        (2, "shadow", [1], [None]),
    ]
    first = found[0]
    assert first.answers.request_id == ["a"]
    assert first.answers.outputs["late"].tolist() == [0]
    assert first.answers.groups["region"].tolist() == ["north"]
    assert (first.time.tolist(), first.received.tolist()) == ([START + HOUR], [START])
    assert store.outcomes == {"joined": 1}
    store.commit({})
    store.tidy(START + DAY, force=True)
    assert labels(tmp_path) == {("a", 0, 1): 1, ("a", 1, 1): None, ("b", 0, 1): None, ("a", 0, 2): 1}


@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize(
    ("second", "outcome", "previous"), [(0, "corrected", [1]), (1, "unchanged", []), ("late", "invalid", [])]
)
def test_a_second_label(
    store: Store, tmp_path: Path, committed: bool, second: object, outcome: str, previous: list[int]
) -> None:
    """Another one corrects the first, the same changes nothing, and one that does not fit is counted and dropped."""
    store.append(answers(["a"]))
    store.label([event("a", 1)])
    if committed:
        store.commit({})
        store.tidy(START + DAY, force=True)
    found = store.label([event("a", second)])
    assert [one for joined in found for one in joined.previous] == previous
    assert store.outcomes == {"joined": 1, outcome: 1}
    store.commit({})
    store.tidy(START + DAY, force=True)
    assert labels(tmp_path) == {("a", 0, 1): 0 if outcome == "corrected" else 1}


def test_two_labels_at_once_are_taken_one_after_the_other(store: Store) -> None:
    """Each is counted against the one before it, and the last has the effect, in whatever version it fits."""
    store.append(answers(["a", "b"]))
    store.label([event("b", 0)])
    found = store.label([event("a", 1), event("a", "late"), event("a", 1), event("b", 1), event("a", 0), event("b", 0)])
    assert [(one.labels, one.previous) for one in found] == [([0], [None])]
    assert store.outcomes == {"joined": 2, "invalid": 1, "unchanged": 1, "corrected": 3}
    store.label([event("x", 1), event("x", 0)])
    assert store.outcomes["waiting"] == 2
    (joined,) = store.append(answers(["x"]))
    assert joined.labels == [0]


@pytest.mark.parametrize("committed", [True, False])
def test_a_label_of_an_id_that_is_used_again_and_again_meets_the_newest(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, committed: bool
) -> None:
    """So many requests, wherever they are; another id has all of its own."""
    monkeypatch.setattr("gateway.store.quota.MOST", 3)
    for minute in range(3):
        at = START + minute * 60 * 10**9
        store.append(answers(["1", "1", "other", "1"], rows=[0, 1, minute, 0], time=at))
        if committed:
            store.commit({})
    (joined,) = store.label(
        [event(name, 1, row) for name, row in (("1", 0), ("1", 1), *(("other", n) for n in range(3)))]
    )
    times = ((joined.answers.time - START) // 10**9).tolist()
    met = sorted(zip(joined.answers.request_id, joined.answers.row.tolist(), times, strict=True))
    newest = [("1", 0, 60), ("1", 0, 120), ("1", 0, 120), ("1", 1, 60), ("1", 1, 120)]
    assert met == [*newest, *(("other", number, 60 * number) for number in range(3))]
    assert (np.diff(joined.answers.time) >= 0).all()


def test_labels_of_one_id_cost_what_one_of_them_costs(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part is read once for all of them, and older ones not at all."""
    looks: list[Path] = []

    def counting(path: Path, *arguments: Any) -> Any:
        looks.append(path)
        return read_rows(path, *arguments)

    for minute in range(4):
        store.append(answers(["1"] * 40, time=START + minute * 60 * 10**9))
        store.commit({})
    monkeypatch.setattr("gateway.store.joining.read_rows", counting)
    store.label([event("1", number % 2) for number in range(1000)])
    assert len(set(looks)) == 1
    assert len(looks) == 2
    assert store.outcomes == {"joined": 1, "corrected": 999}


@pytest.mark.parametrize("again", [True, False])
def test_a_label_waits_for_its_prediction(tmp_path: Path, again: bool) -> None:
    """Over a restart too; then it comes with the row, once."""
    store = Store(tmp_path)
    assert store.label([event("a", 1), event("b", 1)]) == []
    assert store.expected == 2
    store.commit({})
    if again:
        store.close()
        store = Store(tmp_path)
    (joined,) = store.append(answers(["x", "a"]))
    assert (joined.answers.request_id, joined.labels, joined.previous) == (["a"], [1], [None])
    assert store.outcomes["joined"] == 1
    assert store.expected == 1
    store.commit({})
    store.close()
    assert labels(tmp_path) == {("x", 0, 1): None, ("a", 0, 1): 1}


@pytest.mark.parametrize("tidied", [START, START + 2 * HOUR])
@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("again", [False, True])
def test_a_shadow_that_answers_after_the_label_has_it_too(
    tmp_path: Path, tidied: int, force: bool, again: bool
) -> None:
    """However late: from the primary, in its file or not, where the label is not expected any more. It is counted once."""
    store = Store(tmp_path)
    store.append(answers(["a", "b"]))
    store.label([event("a", 1)])
    store.commit({})
    store.tidy(START)
    store.tidy(tidied, force=force)
    if again:
        store.close()
        store = Store(tmp_path)
    (joined,) = store.append(answers(["a", "b"], version=2, role="shadow"))
    assert (joined.answers.role, joined.labels, joined.time.tolist()) == ("shadow", [1], [START + HOUR])
    assert store.outcomes == ({} if again else {"joined": 1})
    store.commit({})
    store.tidy(START + 3 * HOUR, force=True)
    assert labels(tmp_path) == {("a", 0, 1): 1, ("a", 0, 2): 1, ("b", 0, 1): None, ("b", 0, 2): None}
    store.close()


def test_a_shadow_that_comes_late_has_the_label_that_stands(tmp_path: Path) -> None:
    """Of several that were kept no longer for want of room too; a label that is any value is read as it was sent."""
    store = Store(tmp_path, most_waiting=1)
    primary, shadow = (
        replace(answers(["a"], version, role), layout=layout(version, task="other"))
        for version, role in ((1, "primary"), (2, "shadow"))
    )
    store.append(primary)
    store.label([event("a", "red"), event("a", "green"), event("x", 1, received=START + 1)])
    store.commit({})
    store.tidy(START)
    (joined,) = store.append(shadow)
    assert joined.labels == ['"green"']
    store.close()


def test_a_label_that_waits_too_long_is_of_an_unknown_request(store: Store) -> None:
    """It is dropped and counted; a prediction that comes after that has none."""
    store.label([event("a", 1, received=START)])
    store.commit({})
    store.tidy(START + 30 * DAY)
    assert store.expected == 1
    store.tidy(START + 30 * DAY + 1)
    assert store.outcomes == {"waiting": 1, "unknown": 1}
    assert store.append(answers(["a"])) == []


def test_so_many_labels_wait_at_the_most(tmp_path: Path) -> None:
    """The oldest are given up."""
    store = Store(tmp_path, most_waiting=3)
    store.label([event(f"id-{one}", 1, received=START + one) for one in range(5)])
    store.commit({})
    store.tidy(START)
    assert (store.expected, store.outcomes["unknown"]) == (3, 2)
    assert store.append(answers(["id-0"])) == []
    assert len(store.append(answers(["id-4"]))) == 1
    store.close()


def test_ids_with_one_checksum_are_told_apart(store: Store) -> None:
    """`plumless` and `buckeroo` have one CRC-32."""
    store.append(answers(["plumless"]))
    store.append(answers(["buckeroo"]))
    (joined,) = store.label([event("buckeroo", 1)])
    assert joined.answers.request_id == ["buckeroo"]
    store.commit({})
    (joined,) = store.label([event("plumless", 1)])
    assert joined.answers.request_id == ["plumless"]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("answer"), st.integers(0, 5), st.integers(1, 2)),
        st.tuples(st.just("label"), st.integers(0, 5), st.integers(0, 1)),
        st.tuples(st.sampled_from(["commit", "tidy", "restart"]), st.just(0), st.just(0)),
    ),
    max_size=14,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_the_order_of_things_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    """However answers, labels, commits, tidying and restarts follow each other: each row ends with its last label, and
    whoever adds up what came out as joined, less what it replaced, has the same."""
    data = tmp_path_factory.mktemp("store")
    store = Store(data)
    rows: dict[tuple[str, int], object] = {}
    last: dict[str, int] = {}
    summed: dict[tuple[str, int], object] = {}
    for work, number, value in steps:
        name, found = f"id-{number}", []
        if work == "answer" and (name, value) not in rows:
            rows[name, value] = None
            found = store.append(answers([name], version=value, role="primary" if value == 1 else "shadow"))
        elif work == "label":
            last[name] = value
            found = store.label([event(name, value)])
        elif work == "commit":
            store.commit({})
        elif work != "answer":
            store.commit({})
            if work == "tidy":
                store.tidy(START + DAY, force=True)
            else:
                store.close()
                store = Store(data, label_grace_s=30 * 86400)
        for joined in found:
            for place, label, previous in zip(joined.answers.request_id, joined.labels, joined.previous, strict=True):
                key = (place, joined.answers.layout.version)
                assert summed.get(key) == previous
                summed[key] = label
    store.commit({})
    store.tidy(START + DAY, force=True)
    expected = {place: last.get(place[0]) for place in rows}
    assert {(name, version): label for (name, _, version), label in labels(data).items()} == expected
    assert summed == {place: label for place, label in expected.items() if label is not None}
    store.close()


def test_numbers_come_back_for_the_monitors(store: Store) -> None:
    """Rows of several parts and of the buffer, as one."""
    store.append(answers(["a", "b"]))
    store.commit({})
    store.append(answers(["c"]))
    (joined,) = store.label([event("c", 0), event("a", 1), event("b", 1)])
    order = np.argsort(joined.answers.request_id)
    assert [joined.labels[one] for one in order] == [1, 1, 0]
    assert joined.answers.inputs["distance"][order].tolist() == [0.5, 1.5, 0.5]
