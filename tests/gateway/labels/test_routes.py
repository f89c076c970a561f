"""Labels on REST."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from gateway.catalogue import Catalogue
from gateway.labels.inbox import Inbox
from gateway.labels.intake import Intake
from tests.gateway.labels.conftest import application

PATH = "/v2/models/flights/labels"


@pytest.fixture
async def client(catalogue: Catalogue, intake: Intake) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application, which takes bodies of up to 1,000 bytes."""
    transport = httpx.ASGITransport(application(catalogue, intake, max_body=1000), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


async def test_labels_are_accepted(client: httpx.AsyncClient, inbox: Inbox) -> None:
    """New ones, known ones, corrections."""
    for label, found in ((1, (1, 0, 0)), (1, (0, 1, 0)), (0, (1, 0, 1))):
        response = await client.post(
            PATH, json={"labels": [{"id": "a", "label": label, "time": "2013-04-01T10:00:00Z"}]}
        )
        expected = dict(zip(("accepted", "duplicate", "corrected"), found, strict=True))
        assert (response.status_code, response.json()) == (200, expected)
    assert [(event.model, event.id, event.label) for event in inbox.read(0, 9)] == [
        ("flights", "a", 1),
        ("flights", "a", 0),
    ]


@pytest.mark.parametrize(
    ("model", "label", "kept"),
    [("flights", True, 1), ("rentals", 3, 3.0), ("weather", "rain", "rain"), ("free", True, True), ("free", "x", "x")],
)
async def test_a_label_is_what_the_manifest_says(
    client: httpx.AsyncClient, inbox: Inbox, model: str, label: Any, kept: Any
) -> None:
    """Of each task."""
    response = await client.post(f"/v2/models/{model}/labels", json={"labels": [{"id": "a", "label": label}]})
    assert response.status_code == 200
    (event,) = inbox.read(0, 9)
    assert (event.label, type(event.label)) == (kept, type(kept))


@pytest.mark.parametrize(
    ("model", "label", "sentence"),
    [
        ("flights", "abc", 'found "abc", but flights expects one of 0, 1'),
        ("rentals", "abc", 'found "abc", but rentals expects a finite number'),
        ("weather", "hail", 'found "hail", but weather expects one of "rain", "sun"'),
    ],
)
async def test_a_wrong_label_refuses_the_call(
    client: httpx.AsyncClient, inbox: Inbox, model: str, label: Any, sentence: str
) -> None:
    """With its place; none of the call's labels is kept."""
    good = {"id": "a", "label": {"flights": 1, "rentals": 1, "weather": "sun"}[model]}
    response = await client.post(f"/v2/models/{model}/labels", json={"labels": [good, {"id": "b", "label": label}]})
    assert (response.status_code, response.json()) == (400, {"error": f"labels[1].label: {sentence}"})
    assert inbox.last() == 0


@pytest.mark.parametrize(
    ("model", "status", "sentence"),
    [
        ("delays", 404, 'no model "delays"'),
        ("lookup", 503, "lookup: no version is loaded, so that its labels cannot be checked"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_model_that_is_not_there_takes_no_labels(
    client: httpx.AsyncClient, method: str, model: str, status: int, sentence: str
) -> None:
    """404; and 503 for one that is not loaded now."""
    response = await client.request(method, f"/v2/models/{model}/labels", json={"labels": []})
    assert (response.status_code, response.json()) == (status, {"error": sentence})


async def test_what_is_expected_is_told(client: httpx.AsyncClient) -> None:
    """To whoever prepares labels."""
    assert (await client.get(PATH)).json() == {"model": "flights", "expects": [{"kind": "int64", "classes": [0, 1]}]}


async def test_a_body_may_be_packed(client: httpx.AsyncClient) -> None:
    """As that of an inference request."""
    content = gzip.compress(json.dumps({"labels": [{"id": "a", "label": 1}] * 20}).encode())
    response = await client.post(PATH, content=content, headers={"content-encoding": "gzip"})
    assert response.json() == {"accepted": 1, "duplicate": 19, "corrected": 0}


@pytest.mark.parametrize("packed", [False, True])
async def test_a_body_has_a_limit(client: httpx.AsyncClient, inbox: Inbox, packed: bool) -> None:
    """Also once it is unpacked."""
    content = json.dumps({"labels": [{"id": "a", "label": 1}] * 50}).encode()
    headers = {"content-encoding": "gzip"} if packed else {}
    response = await client.post(PATH, content=gzip.compress(content) if packed else content, headers=headers)
    sentence = "the labels have more than 1000 bytes, the limit of one call"
    assert (response.status_code, response.json()) == (413, {"error": sentence})
    assert inbox.last() == 0


@pytest.mark.parametrize(("origin", "status"), [("http://gateway", 200), ("https://elsewhere.example", 403)])
async def test_a_page_of_another_site_sends_no_labels(client: httpx.AsyncClient, origin: str, status: int) -> None:
    """A gateway on loopback is within reach of every page."""
    response = await client.post(PATH, json={"labels": []}, headers={"origin": origin})
    assert response.status_code == status


async def test_other_methods_are_refused(client: httpx.AsyncClient) -> None:
    """In JSON."""
    response = await client.delete(PATH)
    assert (response.status_code, response.json()) == (405, {"error": f"DELETE is not offered at {PATH}"})
