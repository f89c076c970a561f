"""Requests that the gateway merges into one run each get their own rows."""

from __future__ import annotations

import asyncio

from tests.conformance.clients.agreement import Everyone, near
from tests.conformance.clients.examples import examples, repeated, rows, stacked, versions
from tests.conformance.clients.harness import Gateway, case, run
from tests.conformance.clients.triton import Triton

ROWS, AT_ONCE = 6_000, 10  # more rows than any machine runs on the event loop


@case
async def merged(gateway: Gateway) -> None:
    """Big requests at the same moment are run together, as the statistics show, and every row is answered as alone."""
    async with Everyone(gateway) as everyone:
        statistics = Triton(gateway._replace(variant="http.aio"))
        for model, version in versions(gateway.models):
            lone = rows(stacked(examples(gateway.models, model, version)))[:AT_ONCE]
            answers = [await everyone.ask("raw", row) for row in lone]
            asked = [repeated(row, ROWS + at) for at, row in enumerate(lone)]
            transports = ["raw" if at % 2 else "binary" for at in range(len(asked))]
            for _ in range(20):
                found = await asyncio.gather(*map(everyone.ask, transports, asked))
                for at, (answer, before) in enumerate(zip(found, answers, strict=True)):
                    assert {len(array) for array in answer.values()} == {ROWS + at}
                    for row in (0, ROWS // 2, ROWS + at - 1):
                        near({name: array[row : row + 1] for name, array in answer.items()}, before)
                told = await statistics.told("get_inference_statistics", model, version)
                sizes = [batch["batch_size"] for batch in told["model_stats"][0]["batch_stats"]]
                if max(sizes) > ROWS + AT_ONCE:
                    break
            else:
                raise AssertionError(f"{model}/{version}: no two of {AT_ONCE} requests were merged: {sizes}")
        await statistics.client.close()


if __name__ == "__main__":
    run()
