"""What tritonclient's clients change and count: loading, unloading, statistics."""

from __future__ import annotations

from typing import Any

from tritonclient.utils import InferenceServerException  # type: ignore[import-not-found,unused-ignore]

from tests.conformance.clients.examples import examples, expect, repeated
from tests.conformance.clients.harness import Gateway, case, refused, run
from tests.conformance.clients.triton import Triton, arrays, connected


@case
async def unloaded_and_loaded_again(gateway: Gateway) -> None:
    """Unloaded, a model is not ready and answers 503 or UNAVAILABLE, and the index says why; loaded, it answers again."""
    example = examples(gateway.models, "credit")[0]
    async with connected(gateway) as triton:
        await triton.call("unload_model", "credit")
        try:
            assert await triton.call("is_model_ready", "credit") is False
            assert await triton.call("is_model_ready", "flights") is True
            assert (await _index(triton))["credit", "1"] == ("UNAVAILABLE", "unloaded")
            with refused(InferenceServerException, "credit/1 is not ready: unloaded") as raised:
                await triton.infer(example)
            assert raised.error.status() == ("503" if triton.rest else "StatusCode.UNAVAILABLE")
        finally:
            await triton.call("load_model", "credit")
        assert await triton.call("is_model_ready", "credit") is True
        assert (await _index(triton))["credit", "1"][0] == "READY"
        expect(arrays(await triton.infer(example), example), example)


@case
async def loaded_twice_is_loaded(gateway: Gateway) -> None:
    """Loading what is loaded changes nothing, and is no mistake."""
    example = examples(gateway.models, "digits")[0]
    async with connected(gateway) as triton:
        await triton.call("load_model", "digits")
        expect(arrays(await triton.infer(example), example), example)


@case
async def what_is_not_there_is_not_loaded(gateway: Gateway) -> None:
    """Loading or unloading a model that the repository does not have is refused by name."""
    async with connected(gateway) as triton:
        for method in ("load_model", "unload_model"):
            with refused(InferenceServerException, 'no model "nobody"') as raised:
                await triton.call(method, "nobody")
            assert raised.error.status() == ("404" if triton.rest else "StatusCode.NOT_FOUND")


@case
async def models_are_not_sent_along(gateway: Gateway) -> None:
    """Loading with a configuration or files of the client's own is refused, since it would be passed over."""
    async with connected(gateway) as triton:
        for own in ({"config": "{}"}, {"config": "{}", "files": {"file:1/model.onnx": b"x"}}):
            with refused(InferenceServerException, "parameter", "not offered") as raised:
                await triton.call("load_model", "digits", **own)
            assert raised.error.status() == ("400" if triton.rest else "StatusCode.INVALID_ARGUMENT")


@case
async def dependents_have_no_meaning(gateway: Gateway) -> None:
    """`unload_dependents` is let pass: here models do not depend on each other."""
    async with connected(gateway) as triton:
        await triton.call("unload_model", "bikeshare", unload_dependents=True)
        await triton.call("load_model", "bikeshare")
        assert await triton.call("is_model_ready", "bikeshare") is True


@case
async def statistics_count_what_was_answered(gateway: Gateway) -> None:
    """`get_inference_statistics` counts requests, rows and refusals of each version, at once and with their times."""
    example = repeated(examples(gateway.models, "flights", "1")[0], 3)
    async with connected(gateway) as triton:
        before = (await _statistics(triton, "flights", "1"))["flights", "1"]
        for _ in range(5):
            await triton.infer(example)
        with refused(InferenceServerException, "output"):
            await triton.infer(example, outputs=[triton.output("nothing")])
        after = (await _statistics(triton, "flights", "1"))["flights", "1"]
        whole = await _statistics(triton, "", "")
    assert _grown(before, after, "inference_count") == 15
    assert _grown(before, after, "execution_count") == 5
    success, failure = (
        {key: int(after["inference_stats"][kind].get(key, 0)) - int(before["inference_stats"][kind].get(key, 0))}
        for kind, key in (("success", "count"), ("fail", "count"))
    )
    assert (success, failure) == ({"count": 5}, {"count": 1})
    assert int(after["inference_stats"]["success"]["ns"]) > int(before["inference_stats"]["success"].get("ns", 0))
    assert int(after["last_inference"]) > 1_700_000_000_000
    assert {int(batch["batch_size"]) for batch in after["batch_stats"]} >= {3}
    assert {("flights", "1"), ("flights", "2"), ("credit", "1")} <= set(whole)


async def _index(triton: Triton) -> dict[tuple[str, str], tuple[str, str]]:
    told = await triton.told("get_model_repository_index")
    entries = told if triton.rest else told["models"]
    return {(each["name"], each["version"]): (each["state"], each.get("reason", "")) for each in entries}


async def _statistics(triton: Triton, model: str, version: str) -> dict[tuple[str, str], dict[str, Any]]:
    told = await triton.told("get_inference_statistics", model, version)
    return {(each["name"], each["version"]): each for each in told["model_stats"]}


def _grown(before: dict[str, Any], after: dict[str, Any], key: str) -> int:
    return int(after.get(key, 0)) - int(before.get(key, 0))


if __name__ == "__main__":
    run()
