"""Where the gateway says what happened: `data/log/gateway.log`, one line each, from every process."""

from __future__ import annotations

import logging
import logging.handlers
from pathlib import Path

_FORMAT = "%(asctime)s %(levelname)s %(process)d %(message)s"


def log_file(data: Path) -> Path:
    """The path of the log, below the `data` folder."""
    return data / "log" / "gateway.log"


def open_log(data: Path) -> None:
    """Sends the `driftgate` logger of this process to the log file; lines of several processes interleave whole."""
    path = log_file(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.handlers.WatchedFileHandler(path)  # follows the file when logrotate moves it
    handler.setFormatter(logging.Formatter(_FORMAT))
    logger = logging.getLogger("driftgate")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
