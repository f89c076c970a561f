"""What a gateway that was killed left running: Ray's processes, which it noted down, and HAProxies, known by their files."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import psutil

_PATIENCE_S = 3.0


def remember(run: Path, children: Sequence[psutil.Process]) -> None:
    """Notes a gateway's processes in folder `run`, for a later `reap` to find should the gateway be killed."""
    draft = run / "processes.draft"
    draft.write_text("".join(f"{child.pid} {child.create_time()!r}\n" for child in children))
    draft.replace(run / "processes")


def reap(run: Path) -> list[int]:
    """Ends what a killed gateway with this `run` folder left behind; gives the process ids. Call it holding the folder's lock."""
    orphans = [process for process in psutil.process_iter() if _balances(process, run)]
    for root in _remembered(run):
        with contextlib.suppress(psutil.NoSuchProcess):
            orphans += [*root.children(recursive=True), root]
    end(orphans)
    return [process.pid for process in orphans]


def end(processes: Sequence[psutil.Process]) -> None:
    """Terminates processes, and kills those that are still there after three seconds."""
    for signal in (psutil.Process.terminate, psutil.Process.kill):
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):  # another user's only looked like ours
                signal(process)
        processes = psutil.wait_procs(processes, timeout=_PATIENCE_S)[1]


def _remembered(run: Path) -> list[psutil.Process]:
    """Those noted that still run. A process id may be another's by now: the time of its start tells."""
    path = run / "processes"
    found = []
    for line in path.read_text().splitlines() if path.exists() else ():
        pid, created = line.split()
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(int(pid))
            if process.create_time() == float(created):
                found.append(process)
    return found


def _balances(process: psutil.Process, run: Path) -> bool:
    """Whether it is an HAProxy of ours. Serve adds the node's id below the folder that it is told."""
    try:
        command = process.cmdline()
    except psutil.Error:
        return False
    return "-db" in command and any(word.startswith(f"{run}/") for word in command[1:])
