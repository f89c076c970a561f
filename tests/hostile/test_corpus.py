"""Each hostile request of the corpus gets its status and a sentence that names the culprit, and gets it soon."""

from __future__ import annotations

import http.client
import json
import time

import pytest

from tests.hostile.corpus import Case, read_corpus
from tests.running import Running

CORPUS = read_corpus()


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_hostile_request_gets_its_status_and_a_sentence(hostage: Running, case: Case) -> None:
    """The status is exact, the body is `{"error": sentence}`, the sentence names the culprit, all within 5 s."""
    began = time.monotonic()
    status, content_type, body = ask(hostage, case)
    assert time.monotonic() - began < 5
    assert status == case.status, body[:500]
    assert content_type == "application/json"
    answer = json.loads(body)
    assert set(answer) == {"error"}
    assert case.says in answer["error"]
    assert len(answer["error"]) < 1000
    assert answer["error"].isprintable()
    assert not set(answer["error"]) & set("\n\r\0")
    assert "Traceback" not in answer["error"]
    assert ".py" not in answer["error"]


def test_the_corpus_is_large_and_its_names_are_distinct() -> None:
    """At least 120 hostile requests, no two of the same name."""
    names = {case.name for case in CORPUS}
    assert len(names) == len(CORPUS) >= 120


def ask(running: Running, case: Case) -> tuple[int, str | None, bytes]:
    """Sends the case as it stands, on a connection of its own; gives status, content type and body."""
    connection = http.client.HTTPConnection(running.url.removeprefix("http://"), timeout=5)
    try:
        connection.putrequest(case.method, case.path, skip_host="host" in case.headers, skip_accept_encoding=True)
        for name, value in case.headers.items():
            connection.putheader(name, value.encode("latin-1"))
        if case.body is not None:
            connection.putheader("content-length", str(len(case.body)))
        connection.endheaders(case.body)
        response = connection.getresponse()
        return response.status, response.headers.get("content-type"), response.read()
    finally:
        connection.close()
