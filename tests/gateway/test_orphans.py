"""What a killed gateway left running, and its end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from gateway import orphans

STUBBORN = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); sys.stdin.read()"
WAITING = "import sys; print(flush=True); sys.stdin.read()"


class Children:
    """Processes of this test; whatever happens, none is left."""

    def __init__(self) -> None:
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str, source: str = WAITING) -> subprocess.Popen[bytes]:
        """One more, once it runs."""
        command = [sys.executable, "-c", source, *arguments]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.started.append(process)
        assert process.stdout
        process.stdout.readline()
        return process


@pytest.fixture
def children() -> Iterator[Children]:
    """None yet."""
    children = Children()
    yield children
    for process in children.started:
        process.kill()
        process.communicate()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder."""
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


def test_the_haproxies_of_this_run_folder_are_ended_and_no_others(
    run: Path, tmp_path: Path, children: Children
) -> None:
    """They are known by their files, wherever below the folder. Others are none of our business."""
    ours = children.start("-db", "-f", str(run / "node" / "haproxy.cfg"))
    others = [
        children.start("-db", "-f", str(tmp_path / "run2" / "haproxy.cfg")),
        children.start("-f", str(run / "haproxy.cfg")),
    ]
    assert orphans.reap(run) == [ours.pid]
    assert not psutil.pid_exists(ours.pid)
    assert [process.poll() for process in others] == [None, None]
    assert orphans.reap(run) == []


def test_children_that_were_remembered_are_ended(run: Path, children: Children) -> None:
    """Those that still run."""
    kept, gone = children.start(), children.start()
    orphans.remember(run, [psutil.Process(child.pid) for child in (kept, gone)])
    gone.kill()
    gone.wait()
    assert orphans.reap(run) == [kept.pid]
    assert not psutil.pid_exists(kept.pid)


def test_a_process_id_that_is_anothers_by_now_is_let_be(run: Path, children: Children) -> None:
    """The time of its start tells."""
    other = children.start()
    created = psutil.Process(other.pid).create_time()
    (run / "processes").write_text(f"{other.pid} {created - 100!r}\n")
    assert orphans.reap(run) == []
    assert other.poll() is None


def test_without_anything_remembered_nothing_is_ended(run: Path) -> None:
    """The first start on a port."""
    assert orphans.reap(run) == []
    assert psutil.pid_exists(os.getpid())


def test_what_does_not_end_is_killed(children: Children, monkeypatch: pytest.MonkeyPatch) -> None:
    """After it has had its time."""
    monkeypatch.setattr(orphans, "_PATIENCE_S", 0.1)
    stubborn = children.start(source=STUBBORN)
    orphans.end([psutil.Process(stubborn.pid)])
    assert not psutil.pid_exists(stubborn.pid)
