"""The log: whole lines, as text or JSON, and nothing that a client sends gets out of its own."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import Config, read_config
from gateway.errors import ConfigError, GatewayError
from gateway.log import Json, Text, log_file, open_log
from tests.gateway.tracing.conftest import Replica
from tests.gateway.tracing.test_spans import post

LOGGER = logging.getLogger("driftgate")
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ \d+ ")


def record(message: str = "said", *args: Any, **more: Any) -> logging.LogRecord:
    """One thing that happened; `more` is what is said of the request."""
    made = logging.LogRecord("driftgate", logging.WARNING, __file__, 1, message, args, None)
    made.__dict__.update(more)
    return made


def failed(problem: Exception) -> logging.LogRecord:
    """Something that failed."""
    try:
        raise problem
    except Exception:
        return logging.LogRecord("driftgate", logging.ERROR, __file__, 1, "failed", (), sys.exc_info())


def test_text_is_the_default(tmp_path: Path) -> None:
    """One line: when, how bad, who, what."""
    open_log(tmp_path)
    LOGGER.info("flights/1: checked in %.1f s", 0.5)
    LOGGER.debug("not this")
    assert re.fullmatch(rf"{LINE.pattern}flights/1: checked in 0\.5 s\n", log_file(tmp_path).read_text())


def test_json_is_one_object_in_each_line(tmp_path: Path) -> None:
    """Its time is UTC, by RFC 3339."""
    open_log(tmp_path, "json")
    LOGGER.error("it failed: %s", "why", extra={"request_id": "r-1", "trace_id": "a" * 32, "model": "m", "version": 2})
    LOGGER.info("nothing of a request")
    first, second = map(json.loads, log_file(tmp_path).read_text().splitlines())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first.pop("time"))
    assert first == {
        "level": "error",
        "logger": "driftgate",
        "process": os.getpid(),
        "message": "it failed: why",
        "request_id": "r-1",
        "trace_id": "a" * 32,
        "model": "m",
        "version": 2,
    }
    assert set(second) == {"time", "level", "logger", "process", "message"}


def test_the_level_is_where_it_begins(tmp_path: Path) -> None:
    """What is below it is not written."""
    open_log(tmp_path, level="error")
    LOGGER.warning("not this")
    LOGGER.error("this")
    (line,) = log_file(tmp_path).read_text().splitlines()
    assert line.endswith("this")


def test_a_stack_trace_is_one_field_or_indented_lines() -> None:
    """And says what happened."""
    found = json.loads(Json().format(failed(ValueError("no"))))
    assert found["exception"].startswith("Traceback")
    assert found["exception"].endswith("ValueError: no")
    first, *rest = Text("%(message)s").format(failed(ValueError("no"))).splitlines()
    assert first == "failed"
    assert rest[-1] == "  ValueError: no"
    assert all(line.startswith("  ") for line in rest)


HOSTILE = st.text(st.characters(exclude_categories=())) | st.sampled_from(
    [
        "a\n2026-01-01 00:00:00,000 ERROR 1 forged",
        '"}\n{"level":"error"',
        "\r\x1b[31m",
        "\u2028\x85",
        "\ud800",
        "x" * 9999,
    ]
)


@given(HOSTILE, HOSTILE)
def test_whatever_a_client_sends_stays_in_its_line(said: str, mark: str) -> None:
    """Of JSON and of text; in both, ids are short."""
    hostile = record("said %s", said, request_id=mark, model=mark)
    (line,) = Json().format(hostile).splitlines()
    found = json.loads(line)
    assert set(found) == {"time", "level", "logger", "process", "message", "request_id", "model"}
    assert len(found["request_id"].encode("utf-8", "backslashreplace")) <= 128 * 6
    shown = Text("%(message)s").format(hostile).encode(errors="backslashreplace").decode()
    assert len(shown.splitlines()) == 1
    assert "\x1b" not in shown


@given(HOSTILE)
def test_a_forged_line_in_a_stack_trace_is_indented(said: str) -> None:
    """So it is never taken for one of ours."""
    text = Text("%(asctime)s %(levelname)s %(process)d %(message)s").format(failed(ValueError(said)))
    assert len(LINE.findall("\n".join(line for line in text.splitlines() if not line.startswith("  ")))) == 1
    assert len(Json().format(failed(ValueError(said))).splitlines()) == 1


@pytest.mark.parametrize("form", ["text", "json"])
def test_lines_of_several_processes_stay_whole(tmp_path: Path, form: str) -> None:
    """Also those that are longer than any buffer."""
    code = (
        "import logging, sys\n"
        "from pathlib import Path\n"
        "from gateway.log import open_log\n"
        "open_log(Path(sys.argv[1]), sys.argv[2])\n"
        "for count in range(150):\n"
        "    logging.getLogger('driftgate').info('begin %s end', sys.argv[3] * 12000)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path), form]
    writers = [subprocess.Popen([*command, letter]) for letter in "abc"]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    lines = log_file(tmp_path).read_text().splitlines()
    assert len(lines) == 450
    for line in lines:
        assert re.search(r"begin (a{12000}|b{12000}|c{12000}) end", line)


def test_a_log_that_is_moved_is_begun_anew(tmp_path: Path) -> None:
    """As logrotate does it."""
    open_log(tmp_path)
    LOGGER.info("before")
    log_file(tmp_path).rename(tmp_path / "old.log")
    LOGGER.info("after")
    assert "before" in (tmp_path / "old.log").read_text()
    assert "after" in log_file(tmp_path).read_text()


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (GatewayError("scale/1: RuntimeError"), "an inference request failed: scale/1: RuntimeError"),
        (ZeroDivisionError("no"), "an inference request failed in a way that is not foreseen"),
    ],
)
async def test_a_request_that_fails_is_named_in_the_log(tmp_path: Path, problem: Exception, message: str) -> None:
    """By the ids that its client knows."""
    open_log(tmp_path, "json")
    replica = Replica(tmp_path, None)
    entry = replica.plane.catalogue.entries()["scale"][1]
    assert entry.version

    async def fail(*_: Any) -> Any:
        raise problem

    entry.version.runner.run = fail  # type: ignore[method-assign]
    reply = await post(replica, **{"x-request-id": "r-1", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})
    assert reply.status_code == 500
    (line,) = map(json.loads, log_file(tmp_path).read_text().splitlines())
    told = {name: line[name] for name in ("message", "request_id", "trace_id", "model", "version")}
    assert told == {"message": message, "request_id": "r-1", "trace_id": "a" * 32, "model": "scale", "version": 1}


def configured(folder: Path, text: str) -> Config:
    """The configuration of that text."""
    path = folder / "gateway.yaml"
    path.write_text(text)
    return read_config(path)


def test_the_configuration_says_how(tmp_path: Path) -> None:
    """Left out, text from info on, and no tracing."""
    plain = configured(tmp_path, "")
    assert (plain.log.format, plain.log.level, plain.tracing) == ("text", "info", None)
    told = configured(
        tmp_path,
        "log: {format: json, level: warning}\n"
        "tracing: {otlp: 'https://collector:4318/', sample: 0.5, service: scores, resource: {team: ml}}",
    )
    assert (told.log.format, told.log.level) == ("json", "warning")
    assert told.tracing
    assert told.tracing.otlp == "https://collector:4318"
    assert (told.tracing.sample, told.tracing.service, told.tracing.resource) == (0.5, "scores", {"team": "ml"})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("log: {format: xml}", "log.format: Input should be 'text' or 'json'"),
        ("log: {level: loud}", "log.level: Input should be 'debug', 'info', 'warning' or 'error'"),
        ("tracing: {sample: 0.1}", "tracing.otlp: Field required"),
        ("tracing: {otlp: 'http://c:4318', sample: 2}", "tracing.sample: Input should be less than or equal to 1"),
        ("tracing: {otlp: '127.0.0.1:4317'}", "tracing.otlp: expected the address of a collector"),
        ("tracing: {otlp: 'grpc://c:4317'}", "tracing.otlp: expected the address of a collector"),
        ("tracing: {otlp: 'http://c:99999'}", "tracing.otlp: Port out of range"),
        ("tracing: {otlp: 'http://ann:s3cret@c:4318'}", "does not belong here; set OTEL_EXPORTER_OTLP_HEADERS"),
        ("tracing: {otlp: 'grpc://ann:s3cret@c:4318'}", "does not belong here; set OTEL_EXPORTER_OTLP_HEADERS"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    """With the key, and without a secret."""
    with pytest.raises(ConfigError) as refused:
        configured(tmp_path, text)
    assert sentence in refused.value.message
    assert "s3cret" not in refused.value.message


@pytest.mark.parametrize(
    "given", ["http://c:4318", "http://c:4318/", "http://c:4318/v1/traces", "http://c:4318/v1/traces/"]
)
def test_the_address_of_the_collector_is_its_base(tmp_path: Path, given: str) -> None:
    """With the path of traces or without."""
    tracing = configured(tmp_path, f"tracing: {{otlp: '{given}'}}").tracing
    assert tracing
    assert tracing.otlp == "http://c:4318"
