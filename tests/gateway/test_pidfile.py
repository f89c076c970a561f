"""One gateway for each data folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.errors import SetupError
from gateway.pidfile import PidFile

HOLD = """
import sys
from pathlib import Path
from gateway.pidfile import PidFile
with PidFile(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_folder_that_nobody_uses_has_no_process(tmp_path: Path) -> None:
    """Before, and after."""
    assert PidFile.running(tmp_path) is None
    with PidFile(tmp_path / "new" / "var"):
        assert PidFile.running(tmp_path / "new" / "var") == os.getpid()
    assert PidFile.running(tmp_path / "new" / "var") is None


def test_a_second_gateway_is_refused(tmp_path: Path) -> None:
    """And told which process is first; the first is not disturbed."""
    with PidFile(tmp_path):
        with pytest.raises(SetupError, match=f"a gateway \\(process {os.getpid()}\\) already uses"), PidFile(tmp_path):
            pass
        assert PidFile.running(tmp_path) == os.getpid()


def test_a_killed_gateway_holds_nothing(tmp_path: Path) -> None:
    """The kernel lets go of the lock, whatever number is left in the file."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        assert PidFile.running(tmp_path) == process.pid
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    assert (tmp_path / "driftgate.pid").read_text() == str(process.pid)
    assert PidFile.running(tmp_path) is None
    with PidFile(tmp_path):
        assert PidFile.running(tmp_path) == os.getpid()


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    """Below /tmp anyone may lay a link, and the gateway would write where it leads."""
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(SetupError, match="is not a folder of this user's own"):
        PidFile(tmp_path / "link")
