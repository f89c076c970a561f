"""What all four of tritonclient's clients can ask, and are told alike."""

from __future__ import annotations

import numpy as np
from tritonclient.utils import InferenceServerException  # type: ignore[import-not-found,unused-ignore]

from tests.conformance.clients.examples import examples, expect, stacked, versions
from tests.conformance.clients.harness import Gateway, case, refused, run
from tests.conformance.clients.triton import Triton, arrays, connected, with_nan


@case
async def server_is_live_and_ready(gateway: Gateway) -> None:
    """`is_server_live` and `is_server_ready` say true."""
    async with connected(gateway) as triton:
        assert await triton.call("is_server_live") is True
        assert await triton.call("is_server_ready") is True


@case
async def server_says_who_it_is(gateway: Gateway) -> None:
    """`get_server_metadata` has the name, a version, and the extensions that are offered."""
    async with connected(gateway) as triton:
        told = await triton.told("get_server_metadata")
    assert told["name"] == "driftgate"
    assert told["version"]
    assert {"binary_tensor_data", "classification", "model_repository", "statistics"} <= set(told["extensions"])


@case
async def every_version_describes_itself(gateway: Gateway) -> None:
    """`get_model_metadata` has each version's inputs and outputs, with their datatypes and as many dimensions as they have."""
    async with connected(gateway) as triton:
        for model, version in versions(gateway.models):
            example = examples(gateway.models, model, version)[0]
            for pin in (version, ""):
                told = await triton.told("get_model_metadata", model, pin)
                assert told["name"] == model
                assert version in told["versions"]
                assert told["platform"] == "onnxruntime_onnx"
                for side, tensors in (("inputs", example.inputs), ("outputs", example.outputs)):
                    described = [(each["name"], each["datatype"], len(each["shape"])) for each in told[side]]
                    assert described == [(name, kind, array.ndim) for name, kind, array in tensors], described
                    assert all(int(each["shape"][0]) == -1 for each in told[side])


@case
async def models_are_ready_or_not(gateway: Gateway) -> None:
    """`is_model_ready` is true for what is served, and false, not an error, for a model or version that is not there."""
    async with connected(gateway) as triton:
        for model, version in versions(gateway.models):
            assert await triton.call("is_model_ready", model) is True
            assert await triton.call("is_model_ready", model, version) is True
            assert await triton.call("is_model_ready", model, "99") is False
        assert await triton.call("is_model_ready", "nobody") is False


@case
async def index_lists_every_version(gateway: Gateway) -> None:
    """`get_model_repository_index` has every version of every model, as READY."""
    async with connected(gateway) as triton:
        told = await triton.told("get_model_repository_index")
    listed = {(each["name"], each["version"]): each["state"] for each in (told if triton.rest else told["models"])}
    assert listed == dict.fromkeys(versions(gateway.models), "READY")


@case
async def configuration_is_tritons(gateway: Gateway) -> None:
    """`get_model_config` has the model's name, its batch size, and Triton's names for the datatypes."""
    async with connected(gateway) as triton:
        told = await triton.told("get_model_config", "flights", "1")
    config = told if triton.rest else told["config"]
    assert config["name"] == "flights"
    assert config["max_batch_size"] == 256
    types = {each["name"]: each["data_type"] for each in config["input"] + config["output"]}
    assert types["carrier"] == "TYPE_STRING"
    assert types["hour"] == types["late"] == "TYPE_INT64"
    assert types["temperature"] == types["probability"] == "TYPE_FP32"


@case
async def golden_requests_get_golden_answers(gateway: Gateway) -> None:
    """Every version answers every golden request, strings, booleans, NaN and several rows among them."""
    async with connected(gateway) as triton:
        for example in examples(gateway.models):
            result = await triton.infer(example)
            expect(arrays(result, example), example)
            head = triton.response(result)
            assert head["model_name"] == example.model
            assert head["model_version"] == example.version


@case
async def an_unversioned_request_is_routed(gateway: Gateway) -> None:
    """Without a version the gateway chooses one, and the answer says which."""
    async with connected(gateway) as triton:
        for model, _ in versions(gateway.models):
            result = await triton.infer(examples(gateway.models, model)[0], model_version="")
            assert (model, triton.response(result)["model_version"]) in versions(gateway.models)


@case
async def nan_is_a_value(gateway: Gateway) -> None:
    """NaN goes in as a missing measurement and the answer is the same however it travelled."""
    example = with_nan(examples(gateway.models, "flights", "1")[0])
    async with connected(gateway) as triton:
        first = (await triton.infer(example)).as_numpy("probability")
        assert np.isfinite(first).all()
        if triton.rest:
            inputs = triton.inputs(example, binary_data=False)
            plain = await triton.infer(
                example, inputs=inputs, outputs=[triton.output("probability", binary_data=False)]
            )
            np.testing.assert_array_equal(plain.as_numpy("probability"), first)


@case
async def outputs_are_those_asked_for(gateway: Gateway) -> None:
    """Requested outputs come alone, and in the order asked for."""
    example = examples(gateway.models, "flights", "1")[0]
    async with connected(gateway) as triton:
        for names in (["late"], ["probability"], ["late", "probability"], ["probability", "late"]):
            result = await triton.infer(example, outputs=[triton.output(name) for name in names])
            assert [each["name"] for each in triton.response(result)["outputs"]] == names
            for tensor in example.outputs:
                assert (result.as_numpy(tensor.name) is not None) == (tensor.name in names)


@case
async def classes_come_best_first(gateway: Gateway) -> None:
    """`class_count=3` gives each row's three best classes as "value:index", the best first."""
    example = stacked(examples(gateway.models, "digits"))
    async with connected(gateway) as triton:
        result = await triton.infer(example, outputs=[triton.output("probabilities", class_count=3)])
        found = result.as_numpy("probabilities")
        assert found.shape == (len(example.inputs[0].array), 3)
        best = np.argsort(example.outputs[0].array, axis=1)[:, ::-1]
        for row, order, expected in zip(found, best, example.outputs[0].array, strict=True):
            values, indices = zip(*(text.decode().split(":")[:2] for text in row), strict=True)
            assert [int(index) for index in indices] == order[:3].tolist()
            np.testing.assert_allclose([float(value) for value in values], expected[order[:3]], atol=1e-4)


@case
async def the_request_id_comes_back(gateway: Gateway) -> None:
    """An id that was given is in the answer; without one there is none."""
    example = examples(gateway.models, "digits")[0]
    async with connected(gateway) as triton:
        assert triton.response(await triton.infer(example, request_id="a-1"))["id"] == "a-1"
        assert not triton.response(await triton.infer(example)).get("id")


@case
async def a_timeout_is_kept(gateway: Gateway) -> None:
    """A request whose `timeout` of 1 µs has passed is refused as too late; with a minute it is answered."""
    example = examples(gateway.models, "credit")[0]
    async with connected(gateway) as triton:
        expect(arrays(await triton.infer(example, timeout=60_000_000), example), example)
        with refused(InferenceServerException, "deadline") as raised:
            await triton.infer(example, timeout=1)
        assert raised.error.status() == ("504" if triton.rest else "StatusCode.DEADLINE_EXCEEDED")


@case
async def parameters_are_let_pass(gateway: Gateway) -> None:
    """Parameters of the client's own, priorities and sequence ids, are no reason to refuse."""
    example = examples(gateway.models, "bikeshare")[0]
    own = {"team": "blue", "try": 2, "share": 0.5, "dry": True}
    async with connected(gateway) as triton:
        result = await triton.infer(
            example, parameters=own, priority=1, sequence_id=7, sequence_start=True, sequence_end=True
        )
        expect(arrays(result, example), example)


@case
async def mistakes_are_told_by_name(gateway: Gateway) -> None:
    """What does not fit is refused with the protocol's status and a message that names the culprit."""
    example = examples(gateway.models, "digits", "1")[0]
    image = example.inputs[0].array
    async with connected(gateway) as triton:
        missing, wrong = ("404", "StatusCode.NOT_FOUND"), ("400", "StatusCode.INVALID_ARGUMENT")
        await _refused(triton, missing, 'no model "nobody"', model_name="nobody", model_version="")
        await _refused(triton, missing, "digits has no version 99; it has 1", model_version="99")
        await _refused(triton, missing, 'digits has no version "latest"', model_version="latest")
        other = examples(gateway.models, "credit")[0]
        await _refused(triton, wrong, 'input "sex": digits/1 has no such input', inputs=triton.inputs(other))
        await _refused(triton, wrong, "missing input image: digits/1 needs every input", inputs=[])
        doubles = triton.inputs(example.change("image", "FP64", image.astype(np.float64)))
        await _refused(triton, wrong, 'input "image": datatype FP64, but digits/1 expects FP32', inputs=doubles)
        narrow = triton.inputs(example.change("image", "FP32", image[:, :63]))
        await _refused(triton, wrong, 'input "image": shape [1, 63], but digits/1 expects [-1, 64]', inputs=narrow)
        twice = triton.inputs(example) * 2
        await _refused(triton, wrong, 'input "image": given twice', inputs=twice)
        unknown = [triton.output("label")]
        await _refused(triton, wrong, 'output "label": digits/1 has no such output', outputs=unknown)
        empty = triton.inputs(example.change("image", "FP32", image[:0]))
        await _refused(triton, wrong, "no rows", inputs=empty)


@case
async def mistakes_in_metadata_are_told_too(gateway: Gateway) -> None:
    """Metadata, configuration and statistics of a model that is not there are refused as inference is."""
    async with connected(gateway) as triton:
        for method in ("get_model_metadata", "get_model_config", "get_inference_statistics"):
            with refused(InferenceServerException, 'no model "nobody"') as raised:
                await triton.told(method, "nobody")
            assert raised.error.status() == ("404" if triton.rest else "StatusCode.NOT_FOUND")


@case
async def shared_memory_is_refused(gateway: Gateway) -> None:
    """An output to be left in shared memory is refused, rather than sent where the client does not look for it."""
    example = examples(gateway.models, "digits", "1")[0]
    async with connected(gateway) as triton:
        output, given = triton.output("digit"), triton.inputs(example)
        output.set_shared_memory("region", 8)
        with refused(InferenceServerException, 'output "digit"', "shared memory"):
            await triton.infer(example, outputs=[output])
        given[0].set_shared_memory("region", 256)
        with refused(InferenceServerException, 'input "image"', "shared memory"):
            await triton.infer(example, inputs=given)


@case
async def a_megabyte_is_no_trouble(gateway: Gateway) -> None:
    """A request past the 4 MB at which gRPC stops by default is answered."""
    example = examples(gateway.models, "digits")[0]
    count = 20_000
    images = example.change("image", "FP32", np.repeat(example.inputs[0].array, count, axis=0))
    async with connected(gateway) as triton:
        found = (await triton.infer(images)).as_numpy("digit")
    np.testing.assert_array_equal(found, np.repeat(example.outputs[1].array, count))


async def _refused(triton: Triton, status: tuple[str, str], message: str, **changes: object) -> None:
    """The golden request of digits with these changes is refused so: (HTTP status, gRPC code)."""
    base = await _base(triton)
    with refused(InferenceServerException, message) as raised:
        await triton.call("infer", **{**base, **changes})
    assert raised.error.status() == status[0 if triton.rest else 1], raised.error


async def _base(triton: Triton) -> dict[str, object]:
    image = triton.module.InferInput("image", [1, 64], "FP32")
    image.set_data_from_numpy(np.zeros((1, 64), np.float32))
    return {"model_name": "digits", "model_version": "1", "inputs": [image]}


if __name__ == "__main__":
    run()
