"""MLServer with a runtime class of ours, in the server's own process. Run by `python -m loadtests bench --peers`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from mlserver import MLModel  # type: ignore[import-not-found]  # lives in an environment of its own
from mlserver.types import InferenceResponse, ResponseOutput  # type: ignore[import-not-found]


class Mlp(MLModel):  # type: ignore[misc]  # see above
    """JSON in and out."""

    async def load(self) -> bool:
        """Called once."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(os.environ["BENCH_MODEL"], options, providers=["CPUExecutionProvider"])
        return True

    async def predict(self, payload: Any) -> Any:
        """The model's answer."""
        tensor = payload.inputs[0]
        x = np.array(tensor.data.root, dtype=np.float32).reshape(tensor.shape)
        y = self.session.run(["y"], {"x": x})[0]
        output = ResponseOutput(name="y", datatype="FP32", shape=list(y.shape), data=y.ravel().tolist())
        return InferenceResponse(model_name=self.name, model_version="1", outputs=[output])


def write_settings(settings: dict[str, Any], ports: list[int]) -> Path:
    """MLServer's two settings files. Returns their folder."""
    folder = Path(settings["folder"]) / "mlserver"
    folder.mkdir()
    server = {
        "host": "127.0.0.1",
        "http_port": settings["port"],
        "grpc_port": ports[0],
        "metrics_port": ports[1],
        "parallel_workers": 0,
        "debug": False,
    }
    (folder / "settings.json").write_text(json.dumps(server), encoding="utf-8")
    model = {"name": "mlp", "implementation": "serve_mlserver.Mlp"}
    (folder / "model-settings.json").write_text(json.dumps(model), encoding="utf-8")
    return folder


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    os.environ["BENCH_MODEL"] = given["model"]
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)
    place = write_settings(given, given["spare"])
    os.execv(str(Path(sys.executable).with_name("mlserver")), ["mlserver", "start", str(place)])
