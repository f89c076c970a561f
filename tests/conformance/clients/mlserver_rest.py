"""MLServer's types and codecs over REST: it reads what we write, and we read what it writes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import urllib3
from mlserver.codecs import PandasCodec, StringCodec  # type: ignore[import-not-found,unused-ignore]
from mlserver.types import (  # type: ignore[import-not-found,unused-ignore]
    InferenceErrorResponse,
    InferenceResponse,
    MetadataModelResponse,
    MetadataServerResponse,
    Parameters,
    RepositoryIndexResponse,
    RequestOutput,
)

from tests.conformance.clients.examples import Example, examples, expect, stacked, versions
from tests.conformance.clients.harness import Gateway, case, run
from tests.conformance.clients.mlserver_types import outputs, request, wanted


@case
async def golden_requests_get_golden_answers(gateway: Gateway) -> None:
    """An InferenceRequest made by the codecs is answered with an InferenceResponse that they read."""
    for example in examples(gateway.models):
        answer = infer(gateway, example, request(example, use_bytes=False))
        expect(outputs(answer), example)
        assert (answer.model_name, answer.model_version) == (example.model, example.version)


@case
async def a_data_frame_is_a_request(gateway: Gateway) -> None:
    """PandasCodec's request, a column for each input, is answered; its parameters are let pass."""
    for model in ("flights", "credit", "bikeshare"):
        example = stacked(examples(gateway.models, model, "1"))
        # pandas 3 makes columns of its new type `str` out of strings, unless told; MLServer 1.7.1 does not know that one.
        frame = pd.DataFrame({name: pd.Series(array.ravel(), dtype=array.dtype) for name, _, array in example.inputs})
        expect(outputs(infer(gateway, example, PandasCodec.encode_request(frame, use_bytes=False))), example)


@case
async def outputs_are_those_asked_for(gateway: Gateway) -> None:
    """Requested outputs come alone, in the order asked for."""
    example = examples(gateway.models, "flights", "1")[0]
    for names in (["late", "probability"], ["late"]):
        answer = infer(gateway, example, request(example, use_bytes=False, outputs=wanted(*names)))
        assert [output.name for output in answer.outputs] == names


@case
async def classes_are_strings(gateway: Gateway) -> None:
    """Classes are read by StringCodec."""
    example = examples(gateway.models, "digits")[0]
    chosen = [RequestOutput(name="probabilities", parameters=Parameters(classification=2))]
    answer = infer(gateway, example, request(example, use_bytes=False, outputs=chosen))
    best = StringCodec.decode_output(answer.outputs[0])[0]
    assert int(best.split(":")[1]) == example.outputs[1].array[0]


@case
async def the_request_id_comes_back(gateway: Gateway) -> None:
    """An id that was given is in the answer."""
    example = examples(gateway.models, "credit")[0]
    assert infer(gateway, example, request(example, use_bytes=False, id="m-1")).id == "m-1"


@case
async def nan_is_a_value(gateway: Gateway) -> None:
    """NaN, as this library writes it, is a missing measurement."""
    example = examples(gateway.models, "flights", "1")[0]
    missing = example.change("temperature", "FP32", np.full_like(example.inputs[6].array, np.nan))
    found = outputs(infer(gateway, missing, request(missing, use_bytes=False)))
    assert np.isfinite(found[0][1]).all()


@case
async def metadata_is_read(gateway: Gateway) -> None:
    """Server metadata, model metadata and the index are valid by MLServer's types."""
    server = MetadataServerResponse.model_validate(get(f"{gateway.url}/v2"))
    assert server.name == "driftgate"
    for model, version in versions(gateway.models):
        told = MetadataModelResponse.model_validate(get(f"{gateway.url}/v2/models/{model}/versions/{version}"))
        example = examples(gateway.models, model, version)[0]
        assert [each.name for each in told.inputs] == [tensor.name for tensor in example.inputs]
        assert [str(each.datatype) for each in told.outputs] == [tensor.datatype for tensor in example.outputs]
    listed = RepositoryIndexResponse.model_validate(
        urllib3.request("POST", f"{gateway.url}/v2/repository/index", json={}).json()
    )
    assert sorted((each.name, each.version) for each in listed.root) == versions(gateway.models)
    assert {str(getattr(each.state, "value", each.state)) for each in listed.root} == {"READY"}


@case
async def mistakes_are_read(gateway: Gateway) -> None:
    """A refusal is valid by MLServer's InferenceErrorResponse."""
    example = examples(gateway.models, "digits")[0]
    answer = post(gateway, example._replace(model="credit"), request(example, use_bytes=False))
    assert answer.status == 400
    told = InferenceErrorResponse.model_validate(answer.json()).error
    assert 'input "image": credit/1 has no such input' in told


def infer(gateway: Gateway, example: Example, sent: Any) -> Any:
    """The InferenceResponse to an InferenceRequest."""
    answer = post(gateway, example, sent)
    assert answer.status == 200, answer.data
    return InferenceResponse.model_validate(answer.json())


def post(gateway: Gateway, example: Example, sent: Any) -> Any:
    """The HTTP response to an InferenceRequest."""
    url = f"{gateway.url}/v2/models/{example.model}/versions/{example.version}/infer"
    return urllib3.request("POST", url, body=sent.model_dump_json(), headers={"content-type": "application/json"})


def get(url: str) -> Any:
    """The JSON at a URL."""
    return urllib3.request("GET", url).json()


if __name__ == "__main__":
    run()
