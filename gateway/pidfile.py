"""One gateway for each data folder, and for each port: a locked file that holds its process id."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path
from typing import Self

from gateway.errors import SetupError


class PidFile:
    """Held while the gateway runs; the kernel lets go of it however the process ends. Raises SetupError if it is held."""

    def __init__(self, data: Path, what: str = "") -> None:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._data, self._what = data, what or str(data)
        found = data.lstat()  # below /tmp, a link could lead anywhere
        if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode):
            raise SetupError(
                f"{data} is not a folder of this user's own; remove it, or use another data folder or port"
            )

    def __enter__(self) -> Self:
        self._file = os.open(_path(self._data), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            pid = self.running(self._data)
            raise SetupError(f"a gateway (process {pid}) already uses {self._what}; driftgate down stops it") from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)
        return self

    def __exit__(self, *problem: object) -> None:
        os.ftruncate(self._file, 0)
        os.close(self._file)

    @staticmethod
    def running(data: Path) -> int | None:
        """The process id of the gateway that uses `data`, if one runs."""
        try:
            file = os.open(_path(data), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return None
        except BlockingIOError:
            text = os.pread(file, 32, 0)
            return int(text) if text.isdigit() else None
        finally:
            os.close(file)


def _path(data: Path) -> Path:
    return data / "driftgate.pid"
