"""What is committed is there, once, with the state that says so."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.errors import SetupError
from gateway.record import Layout
from gateway.store.columns import LAYOUT_KEY
from gateway.store.snapshot import snapshot
from gateway.store.store import Store
from tests.gateway.store.answering import HOUR, START, answers, event, layout, refusals
from tests.gateway.store.conftest import files, read


def test_rows_are_written_with_the_commit(store: Store, tmp_path: Path) -> None:
    """Not before; then by model and hour, in order of time, with the layout beside them."""
    store.append(answers(["c", "d"], time=START + HOUR - 1_000_000))
    store.append(answers(["a", "b"]))
    store.refuse(refusals(["x"]))
    assert store.waiting == 5
    assert not files(tmp_path)
    store.commit({"offset": b"7"})
    first, second = files(tmp_path)
    assert first.parent.name == "2025-11-24T16"
    assert second.parent.name == "2025-11-24T17"
    assert pq.ParquetFile(first).read().column("request_id").to_pylist() == ["a", "b", "c"]
    found = msgspec.json.decode(pq.read_schema(first).metadata[LAYOUT_KEY], type=Layout)
    assert found == layout()
    assert [row["code"] for row in read(tmp_path, "refusals")] == ["over_quota"]
    assert store.waiting == 0
    assert store.state() == {"offset": b"7"}
    assert (store.counts.rows, store.counts.parts) == (5, 3)


def test_what_was_not_committed_is_gone(tmp_path: Path) -> None:
    """State, rows and labels are those of the last commit."""
    store = Store(tmp_path)
    store.append(answers(["a"]))
    store.commit({"offset": b"1"})
    store.append(answers(["b"]))
    store.label([event("a", 1), event("b", 1)])
    store.close()
    again = Store(tmp_path)
    assert again.state() == {"offset": b"1"}
    assert [row["request_id"] for row in read(tmp_path)] == ["a"]
    (joined,) = again.label([event("a", 1)])
    assert joined.previous == [None]
    again.close()


def test_files_that_no_commit_knows_are_removed(tmp_path: Path) -> None:
    """A crash left them; the rows come again from the journal."""
    store = Store(tmp_path)
    store.append(answers(["a"]))
    store.commit({})
    store.close()
    strange = files(tmp_path)[0].with_name("v1-primary-00000009.parquet")
    strange.write_bytes(files(tmp_path)[0].read_bytes())
    strange.with_name("x.parquet.9.tmp").write_bytes(b"torn")
    Store(tmp_path).close()
    assert len(files(tmp_path)) == 1
    assert not list(tmp_path.rglob("*.tmp"))


def test_one_process_writes(store: Store, tmp_path: Path) -> None:
    """A second one is told who does."""
    with pytest.raises(SetupError, match=f"process {os.getpid()} writes to this store"):
        Store(tmp_path)


def test_a_failed_commit_can_be_tried_again(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it is visible, and nothing is lost."""
    store.append(answers(["a"]))
    store.refuse(refusals(["x"]))

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(OSError, match="No space"):
            store.commit({"offset": b"1"})
    assert not files(tmp_path)
    assert not files(tmp_path, "refusals")
    store.commit({"offset": b"1"})
    assert [row["request_id"] for row in read(tmp_path)] == ["a"]
    assert len(read(tmp_path, "refusals")) == 1


@pytest.mark.parametrize("kept", [True, False])
def test_rows_are_found_by_id(store: Store, kept: bool) -> None:
    """In the buffer and in parts: of every version, role and row of the request."""
    store.append(answers(["a", "b", "a", "c"], rows=[0, 0, 1, 0]))
    store.append(answers(["b", "a"], version=2, role="shadow"))
    if kept:
        store.commit({})
    found = store.find("flights", ["a", "z"])
    assert sorted(rows.tolist() for _, rows in found) == [[0, 2], [1]]
    assert store.find("digits", ["a"]) == []


def test_an_index_that_is_gone_is_made_again(store: Store, tmp_path: Path) -> None:
    """The part has all that it takes."""
    store.append(answers(["a", "b"]))
    store.commit({})
    for path in (tmp_path / "state" / "index").iterdir():
        path.unlink()
    ((_, rows),) = store.find("flights", ["b"])
    assert rows.tolist() == [1]


class Crash(BaseException):
    """The process ends here."""


@contextmanager
def ending(step: int) -> Iterator[None]:
    """Each fsync, rename and removal is a step; the process ends at this one."""
    left = step

    def breaking(real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **named: object) -> object:
            nonlocal left
            left -= 1
            if left < 0:
                raise Crash
            return real(*arguments, **named)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in ((os, "fsync"), (Path, "replace"), (Path, "unlink"), (Path, "rmdir")):
            patch.setattr(owner, name, breaking(getattr(owner, name)))
        yield


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two parts of one hour and one of the next, and a label that is in none of them."""
    data = tmp_path_factory.mktemp("recorded")
    store = Store(data)
    for number, hour in enumerate((0, 0, 1)):
        store.append(answers([f"{number}{one}" for one in "abc"], time=START + hour * HOUR))
        store.commit({"offset": b"old"})
    store.label([event("0a", 1)])
    store.commit({"offset": b"old"})
    store.close()
    return data


@pytest.mark.parametrize(
    ("work", "gone"), [("commit", ""), ("tidy", ""), ("forget", "0a 2c"), ("retain", "0a 0b 0c 1a 1b 1c")]
)
def test_a_crash_at_any_step_leaves_the_old_or_the_new(work: str, gone: str, recorded: Path, tmp_path: Path) -> None:
    """The next start mends what it left, and the same work done again leads to the same end."""
    old = {row["request_id"] for row in read(recorded)}
    new = (old | {"new"} if work == "commit" else old) - set(gone.split())
    for step in range(99):
        data = tmp_path / str(step)
        shutil.copytree(recorded, data)
        store = Store(data)
        try:
            with ending(step):
                run(store, work)
            finished = True
        except Crash:
            finished = False
        store.close()
        with snapshot(data, "flights") as seen:  # before anybody mends it
            tables = [table for part in seen.parts for table in seen.read(part)]
        assert len(tables) == len(seen.parts)
        names = pa.concat_tables(tables)["request_id"].to_pylist()
        assert len(set(names)) == len(names)
        assert set(names) in (old, new) or (work == "forget" and new < set(names) < old)
        again = Store(data)
        found = [row["request_id"] for row in read(data)]
        counted = [pq.ParquetFile(data / "store" / part.path).read() for part in again.parts("flights")]
        assert sorted(found) == sorted(pa.concat_tables(counted)["request_id"].to_pylist())
        assert len(set(found)) == len(found)
        if work == "commit":
            assert set(found) == (new if again.state() == {"offset": b"new"} else old)
        else:
            assert new <= set(found) <= old
        if set(found) != new or work != "commit":
            run(again, work)
        assert {row["request_id"] for row in read(data)} == new
        again.close()
        if finished:
            break
    assert finished
    assert step > 3


def run(store: Store, work: str) -> None:
    """One of the things that change files."""
    if work == "commit":
        store.append(answers(["new"]))
        store.commit({"offset": b"new"})
    elif work == "tidy":
        store.tidy(START + 9 * HOUR, force=True)
    elif work == "forget":
        store.forget("flights", START + HOUR, ids=["0a", "2c"])
    else:
        store.retain(8.5 * 3600, None, START + 9 * HOUR)


WRITER = """
import sys
from pathlib import Path
from gateway.store.store import Store
from tests.gateway.store.answering import HOUR, START, answers, event
store = Store(Path(sys.argv[1]))
offset = int(store.state().get("offset", b"0"))
while True:
    print(offset, flush=True)
    store.append(answers([f"id-{offset + one}" for one in range(50)], time=START + offset * HOUR // 400))
    store.append(answers([f"id-{offset + one}" for one in range(50)], version=2, role="shadow", time=START))
    store.label([event(f"id-{offset + one - 60}", one % 2) for one in range(50) if offset + one >= 60])
    offset += 50
    store.commit({"offset": b"%d" % offset})
    if offset % 400 == 0:
        store.tidy(START + 99 * HOUR, force=True)
"""


def test_sigkill_at_any_moment_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """A real process, killed again and again while it writes, joins and tidies: each id is there once per version."""
    dice, offset = random.Random(5), 0
    for _ in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            said = [int(process.stdout.readline()) for _ in range(dice.randint(3, 12))]
            assert said[0] >= offset
            offset = said[-1]
            time.sleep(dice.uniform(0, 0.02))  # so that it is anywhere in its work
            process.kill()
            assert process.wait() == -signal.SIGKILL
    store = Store(tmp_path)
    assert int(store.state()["offset"]) >= offset
    offset = int(store.state()["offset"])
    store.tidy(START + 99 * HOUR, force=True)
    rows = read(tmp_path)
    store.close()
    assert Counter((row["request_id"], row["version"]) for row in rows) == Counter(
        (f"id-{one}", version) for one in range(offset) for version in (1, 2)
    )
    labelled = {row["request_id"] for row in rows if row["label"] is not None}
    assert labelled == {f"id-{one}" for one in range(offset - 60)}


def test_a_part_that_somebody_has_removed_is_left_out(tmp_path: Path) -> None:
    """Labels for its rows wait for others; the rest goes on."""
    store = Store(tmp_path)
    store.append(answers(["a", "b"], time=START))
    store.append(answers(["c"], time=START + HOUR))
    store.commit({})
    first, second = files(tmp_path)
    first.unlink()
    (joined,) = store.label([event("a", 1), event("c", 1)])
    store.commit({})
    assert joined.answers.request_id == ["c"]
    assert store.outcomes == {"waiting": 1, "joined": 1}
    store.append(answers(["d"], time=START))
    store.commit({})
    next(path for path in files(tmp_path) if path != second).unlink()
    store.tidy(START, force=True)
    assert store.size[0] == 1
    store.close()


@pytest.mark.parametrize("lost", ["catalogue", "files"])
def test_files_and_catalogue_belong_together(tmp_path: Path, lost: str) -> None:
    """Neither is swept away because the other was lost, as when a disk is missing."""
    store = Store(tmp_path)
    store.append(answers(["a"]))
    store.commit({})
    store.close()
    (file,) = files(tmp_path)
    if lost == "files":
        file.rename(tmp_path / "elsewhere")
    else:
        for path in (tmp_path / "state").glob("store.sqlite*"):
            path.rename(tmp_path / path.name)
    for _ in range(2):
        with pytest.raises(SetupError, match="bring"):
            Store(tmp_path)
    if lost == "files":
        (tmp_path / "elsewhere").rename(file)
        again = Store(tmp_path)
        assert again.size[0] == 1
        again.close()
    else:
        assert file.exists()


def test_files_that_could_not_follow_a_commit_follow_when_the_store_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever goes on instead is stopped: it would read other rows than the catalogue has."""
    store = Store(tmp_path)
    for name in ("a", "b"):
        store.append(answers([name]))
        store.commit({})
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", broken)
        with pytest.raises(RuntimeError, match="anew"):
            store.tidy(START + 2 * HOUR, force=True)
    store.close()
    again = Store(tmp_path)
    assert [row["request_id"] for row in read(tmp_path)] == ["a", "b"]
    assert again.size[0] == 1
    again.close()


def broken(path: Path, target: Path) -> None:
    """A disk that fails."""
    raise OSError(5, "Input/output error")


def test_links_of_a_reader_whose_number_somebody_else_has_now_are_no_hindrance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can tell whether it lives."""
    (tmp_path / "state" / "export-1-abc").mkdir(parents=True)

    def not_ours(process: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", not_ours)
    Store(tmp_path).close()


def test_a_version_may_be_a_date(store: Store, tmp_path: Path) -> None:
    """Version numbers have up to 18 digits."""
    store.append(answers(["a"], version=20261123120000))
    store.commit({})
    assert [row["version"] for row in read(tmp_path)] == [20261123120000]
