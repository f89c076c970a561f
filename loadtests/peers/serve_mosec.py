"""mosec: a Rust front end over worker processes. Run by `python -m loadtests bench --peers`."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import msgspec
import numpy as np
import onnxruntime as ort
from mosec import Server, Worker  # type: ignore[import-not-found]  # lives in an environment of its own


class Mlp(Worker):  # type: ignore[misc]  # see above
    """One worker process, JSON in and out."""

    def __init__(self) -> None:
        super().__init__()
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(os.environ["BENCH_MODEL"], options, providers=["CPUExecutionProvider"])

    def deserialize(self, data: bytes) -> Any:
        """JSON, as fast as bare reads it."""
        return msgspec.json.decode(data)

    def serialize(self, data: Any) -> bytes:
        """JSON, as fast as bare writes it."""
        return msgspec.json.encode(data)

    def forward(self, data: Any) -> Any:
        """The model's answer."""
        tensor = data["inputs"][0]
        x = np.array(tensor["data"], dtype=np.float32).reshape(tensor["shape"])
        y = self.session.run(["y"], {"x": x})[0]
        output = {"name": "y", "datatype": "FP32", "shape": y.shape, "data": y.ravel().tolist()}
        return {"model_name": "mlp", "model_version": "1", "outputs": [output]}


if __name__ == "__main__":
    settings = json.loads(sys.argv[1])
    sys.argv[1:] = ["--address", "127.0.0.1", "--port", str(settings["port"])]
    server = Server()
    server.append_worker(Mlp, env=[{"BENCH_MODEL": settings["model"]}], route="/v2/models/mlp/infer")
    server.run()
