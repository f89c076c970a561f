"""Where the gateway says what happened: `data/log/gateway.log`, from every process, as text or as JSON.

A line that concerns a request is logged with `extra=`, by the names in `MARKS`. Whatever a client sent stays within its line:
in JSON by its escapes, in text by escapes of our own, and because the lines of a stack trace are indented.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

MARKS = ("request_id", "trace_id", "model", "version")
"""What is said of the request that a line concerns."""

_FORMAT = "%(asctime)s %(levelname)s %(process)d %(message)s"
_MARK = 128  # characters of a mark that are kept,
_TEXT = 16384  # of a message, and of a stack trace: of this one the end
_CONTROL = {code: ascii(chr(code))[1:-1] for code in (*range(32), *range(127, 160), 0x2028, 0x2029)}
_WITHIN = {code: text for code, text in _CONTROL.items() if code not in (9, 10)}


def log_file(data: Path) -> Path:
    """The path of the log, below the `data` folder."""
    return data / "log" / "gateway.log"


def open_log(data: Path, form: Literal["text", "json"] = "text", level: str = "info") -> None:
    """Sends the `driftgate` logger of this process to the log file, from a level on; lines of several processes stay whole."""
    path = log_file(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = WholeLines(path)
    handler.setFormatter(Json() if form == "json" else Text(_FORMAT))
    logger = logging.getLogger("driftgate")
    for old in logger.handlers:
        if isinstance(old, WholeLines):
            old.close()
    logger.handlers[:] = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False


class WholeLines(logging.handlers.WatchedFileHandler):
    """Appends each line by one call of the system, however long it is; follows the file when logrotate moves it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, mode="ab")

    def _open(self) -> Any:
        return Path(self.baseFilename).open("ab", buffering=0)

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one record."""
        try:
            self.reopenIfNeeded()
            if self.stream is None:  # there was no opening it before
                self.stream = self._open()
            stream: Any = self.stream  # of bytes
            stream.write(f"{self.format(record)}\n".encode(errors="backslashreplace"))
        except Exception:
            self.handleError(record)


class Text(logging.Formatter):
    """A line for people; a stack trace stands below it, indented."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - named by logging
        """The line."""
        marks = "".join(f" {name}={str(value)[:_MARK]}" for name, value in marked(record).items())
        return (super().formatMessage(record)[:_TEXT] + marks).translate(_CONTROL)

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """The stack trace."""
        return _trace(super().formatException(ei))


class Json(logging.Formatter):
    """A line for programs: one object, its time in UTC by RFC 3339."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        found: dict[str, Any] = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage()[:_TEXT],
        }
        found |= {name: value[:_MARK] if isinstance(value, str) else value for name, value in marked(record).items()}
        if record.exc_info:
            found["exception"] = self.formatException(record.exc_info)[-_TEXT:]
        return json.dumps(found)  # in ASCII: some take U+2028 or U+0085 for the end of a line


def marked(record: logging.LogRecord) -> dict[str, str | int]:
    """What a record says of the request that it concerns; nothing for one that concerns none."""
    found = {name: getattr(record, name, None) for name in MARKS}
    return {name: value for name, value in found.items() if value is not None}


def _trace(text: str) -> str:
    return "  " + text[-_TEXT:].translate(_WITHIN).replace("\n", "\n  ")
