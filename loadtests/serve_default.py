"""Ray Serve as its documentation introduces it: a deployment class behind FastAPI, every setting at its default.

`python -m loadtests.serve_default MODEL.onnx --port 8000 [--ongoing 256]`

By default a replica takes 5 requests at a time, and Serve's proxy lets the others wait in steps that grow to 0.5 s
(RAY_SERVE_ROUTER_RETRY_MAX_BACKOFF_S), so that 32 connections get less done than 4. Nobody would leave it at that, so
the comparison shows Serve with room for all connections too. Only the parts of Ray that are not Serve are kept small
(no dashboard, little object store), which is in Serve's favour on a small machine.
"""

# No `from __future__ import annotations`: FastAPI could not find the types again where Ray unpickles the class.
import json
import signal
from typing import Any

import click
import numpy as np
import onnxruntime as ort
import ray
from fastapi import FastAPI, Request, Response
from ray import serve

app = FastAPI()


@serve.deployment
@serve.ingress(app)
class Mlp:
    """One FP32 tensor in, one out, as JSON or in Triton's binary form."""

    def __init__(self, path: str) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    @app.get("/v2/health/ready")
    async def ready(self) -> dict[str, bool]:
        """200 as soon as the deployment runs."""
        return {"ready": True}

    @app.post("/v2/models/mlp/infer")
    async def infer(self, request: Request) -> Response:
        """The model's answer."""
        length = request.headers.get("inference-header-content-length")
        if length is None:
            tensor = (await request.json())["inputs"][0]
            x = np.array(tensor["data"], dtype=np.float32).reshape(tensor["shape"])
            y = self.session.run(["y"], {"x": x})[0]
            return Response(json.dumps(self._content(y, {"data": y.ravel().tolist()})), media_type="application/json")
        body = await request.body()
        tensor = json.loads(body[: int(length)])["inputs"][0]
        x = np.frombuffer(body, dtype="<f4", offset=int(length)).reshape(tensor["shape"])
        y = self.session.run(["y"], {"x": x})[0]
        raw = y.tobytes()
        head = json.dumps(self._content(y, {"parameters": {"binary_data_size": len(raw)}})).encode()
        headers = {"Inference-Header-Content-Length": str(len(head))}
        return Response(head + raw, headers=headers, media_type="application/octet-stream")

    def _content(self, y: Any, data: dict[str, Any]) -> dict[str, Any]:
        output = {"name": "y", "datatype": "FP32", "shape": list(y.shape), **data}
        return {"model_name": "mlp", "model_version": "1", "outputs": [output]}


@click.command()
@click.argument("model")
@click.option("--port", type=int, required=True)
@click.option("--ongoing", type=int, help="max_ongoing_requests instead of its default, 5")
def main(model: str, port: int, ongoing: int | None) -> None:
    """Serves MODEL on 127.0.0.1 until SIGTERM or SIGINT."""
    signals = {signal.SIGTERM, signal.SIGINT}
    ray.init(
        address="local",
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=128 << 20,
        _node_ip_address="127.0.0.1",
    )
    # Blocked only now: a mask set earlier would be inherited by everything that Ray starts.
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    deployment: Any = Mlp  # the decorator's types hide that it makes a Deployment
    serve.run((deployment.options(max_ongoing_requests=ongoing) if ongoing else deployment).bind(model))
    signal.sigwait(signals)
    serve.shutdown()  # type: ignore[no-untyped-call]
    ray.shutdown()


if __name__ == "__main__":
    main()
