"""A running gateway answers over HTTP."""

from __future__ import annotations

import json

import pytest

from tests.running import MODELS, Running

VERSIONS = sorted((path.parent.name, path.name) for path in MODELS.glob("*/[0-9]*"))


@pytest.mark.parametrize(("model", "version"), VERSIONS)
def test_golden_requests_get_their_golden_answers(gateway: Running, model: str, version: str) -> None:
    """Every bundled version answers its golden requests over HTTP as its recipe wrote them down."""
    goldens = json.loads((MODELS / model / version / "golden.json").read_text())["requests"]
    with gateway.client() as client:
        for golden in goldens:
            answer = client.post(f"/v2/models/{model}/versions/{version}/infer", json=golden["request"]).json()
            found = {output["name"]: output["data"] for output in answer["outputs"]}
            for expected in golden["response"]["outputs"]:
                assert found[expected["name"]] == pytest.approx(expected["data"], rel=1e-4, abs=1e-4)
