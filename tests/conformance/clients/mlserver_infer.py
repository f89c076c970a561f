"""`mlserver infer`, MLServer's command line for batches of requests in a file."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from mlserver.types import InferenceResponse  # type: ignore[import-not-found,unused-ignore]

from tests.conformance.clients.examples import Example, examples, expect, rows, stacked
from tests.conformance.clients.harness import Gateway, case, run
from tests.conformance.clients.mlserver_types import outputs, request


@case
async def one_request_at_a_time(gateway: Gateway) -> None:
    """Every line of the file is answered, also for a model with strings and booleans."""
    for model in ("digits", "bikeshare", "credit"):
        asked = rows(stacked(examples(gateway.models, model)))
        answered(await infer(gateway, asked), asked)


@case
async def several_in_one(gateway: Gateway) -> None:
    """With `--batch-size 4`, four lines become one request, and each line gets its own rows back."""
    asked = rows(stacked(examples(gateway.models, "digits")))
    answered(await infer(gateway, asked, "--batch-size", "4"), asked)


@case
async def in_binary(gateway: Gateway) -> None:
    """With `--binary-data` the answers are the same."""
    asked = rows(stacked(examples(gateway.models, "digits")))
    answered(await infer(gateway, asked, "--binary-data"), asked)


@case
async def mistakes_are_written_down(gateway: Gateway) -> None:
    """A line that the gateway refuses has our message in its place."""
    asked = rows(examples(gateway.models, "digits")[0])
    lines = await infer(gateway, [each._replace(model="credit") for each in asked], "--retries", "1")
    assert ["has no such input" in line["error"]["msg"] for line in lines] == [True]


def answered(lines: list[dict[str, Any]], asked: list[Example]) -> None:
    """Each line is the answer to the request that stands at its index."""
    assert len(lines) == len(asked), lines
    for line in lines:
        example = asked[line["parameters"]["batch_index"]]
        found = dict(outputs(InferenceResponse.model_validate(line)))
        shapes = {tensor.name: tensor.array.shape for tensor in example.outputs}
        # The command makes a column of each output that has one dimension.
        expect([(name, array.reshape(shapes[name])) for name, array in found.items()], example)


async def infer(gateway: Gateway, asked: list[Example], *options: str) -> list[dict[str, Any]]:
    """The lines that the command wrote."""
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder) / "in.jsonl", Path(folder) / "out.jsonl"
        given.write_text("".join(f"{request(each, use_bytes=False).model_dump_json()}\n" for each in asked))
        command = [str(Path(sys.executable).with_name("mlserver")), "infer", "--url", gateway.http]
        command += ["--model-name", asked[0].model, "-i", str(given), "-o", str(found), *options]
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()
        return [json.loads(line) for line in found.read_text().splitlines()]


if __name__ == "__main__":
    run()
