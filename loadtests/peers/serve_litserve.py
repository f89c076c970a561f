"""LitServe: FastAPI in front, one inference process behind. Run by `python -m loadtests bench --peers`."""

# No `from __future__ import annotations`: LitServe looks at the types of decode_request.
import json
import sys
from typing import Any

import litserve  # type: ignore[import-not-found]  # lives in an environment of its own
import numpy as np
import onnxruntime as ort
from fastapi import Request


class Mlp(litserve.LitAPI):  # type: ignore[misc]  # see above
    """JSON in and out."""

    def setup(self, device: str) -> None:
        """Called in the inference process."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(self.model_path, options, providers=["CPUExecutionProvider"])

    def decode_request(self, request: Request) -> Any:
        """The request's tensor."""
        tensor = request["inputs"][0]  # by now parsed: LitServe only wants it called Request
        return np.array(tensor["data"], dtype=np.float32).reshape(tensor["shape"])

    def predict(self, x: Any) -> Any:
        """The model's output."""
        return self.session.run(["y"], {"x": x})[0]

    def encode_response(self, y: Any) -> Any:
        """The answer."""
        output = {"name": "y", "datatype": "FP32", "shape": list(y.shape), "data": y.ravel().tolist()}
        return {"model_name": "mlp", "model_version": "1", "outputs": [output]}


if __name__ == "__main__":
    settings = json.loads(sys.argv[1])
    api = Mlp(api_path="/v2/models/mlp/infer")
    api.model_path = settings["model"]
    litserve.LitServer(api, accelerator="cpu").run(
        host="127.0.0.1", port=settings["port"], generate_client_file=False, log_level="warning"
    )
