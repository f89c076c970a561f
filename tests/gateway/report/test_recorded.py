"""Rows come in order of time, each once, however they lie in files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gateway.report import recorded
from gateway.report.period import Period
from gateway.report.recorded import Taken, stream
from gateway.store.snapshot import snapshot
from gateway.store.store import Store
from tests.gateway.store.answering import HOUR, START, answers, event, layout

MILLI = 1_000_000


def taken(data: Path, period: Period | None = None) -> list[Taken]:
    """All primaries' rows of version 1."""
    with snapshot(data, "flights") as found:
        parts = [part for part in found.parts if part.key.role == "primary"]
        return list(stream(found, parts, period or Period(), lambda rows: None))


def ids(chunks: list[Taken]) -> str:
    """The requests in the order in which they came out."""
    return "".join(name for each in chunks for name in each.answers.request_id)


@pytest.mark.parametrize("least", [1, 3, 8192])
def test_files_that_overlap_in_time_are_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least: int) -> None:
    """In order of time, whatever the order in which they were written."""
    monkeypatch.setattr(recorded, "CHUNK", least)
    store = Store(tmp_path)
    for name, time in (("ghi", START + 2 * HOUR), ("adf", START), ("bce", START + MILLI // 2)):
        store.append(answers(list(name), time=time))
        store.commit({})
    store.close()
    chunks = taken(tmp_path)
    times = np.concatenate([each.answers.time for each in chunks])
    assert (np.diff(times) >= 0).all()
    assert sorted(ids(chunks)) == list("abcdefghi")
    assert ids(chunks) == "abdcfeghi"  # b is half a millisecond after a, c as much after d
    assert (len(chunks) > 1) == (least < 8192)


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [(None, None, "abcd"), (START + MILLI, None, "bcd"), (None, START + 3 * MILLI, "abc"), (START + 1, START + 2, "")],
)
def test_a_period_has_its_first_moment_and_not_its_last(
    tmp_path: Path, begin: int | None, end: int | None, expected: str
) -> None:
    """Rows of a file that lies in it by half are told apart."""
    store = Store(tmp_path)
    store.append(answers(list("abcd")))
    store.commit({})
    store.close()
    assert ids(taken(tmp_path, Period(begin, end))) == expected


def test_rows_of_a_replaced_version_keep_their_columns(tmp_path: Path) -> None:
    """A version whose files were replaced while it answered: both layouts, each with its own rows, in order of time."""
    store = Store(tmp_path)
    store.append(answers(list("ace")))
    changed = answers(list("bdf"), time=START + MILLI // 2)
    object.__setattr__(changed, "layout", layout(stamp="other"))
    store.append(changed)
    store.commit({})
    store.close()
    chunks = taken(tmp_path)
    assert ids(chunks) == "abcdef"
    assert [each.answers.layout.stamp for each in chunks] == ["stamp-1", "other"] * 3


def test_labels_come_with_their_rows(tmp_path: Path) -> None:
    """Also those that are in no file yet; the others have none."""
    store = Store(tmp_path)
    store.append(answers(list("abc")))
    store.commit({})
    store.label([event("b", 1)])
    store.commit({})
    store.close()
    (chunk,) = taken(tmp_path)
    assert chunk.labels == [None, 1, None]
    assert chunk.label_time.tolist() == [0, START + HOUR, 0]
