"""BentoML with one worker process. Run by `python -m loadtests bench --peers`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import bentoml  # type: ignore[import-not-found]  # lives in an environment of its own
import numpy as np
import onnxruntime as ort


@bentoml.service(workers=1)
class Mlp:
    """JSON in and out."""

    def __init__(self) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(os.environ["BENCH_MODEL"], options, providers=["CPUExecutionProvider"])

    @bentoml.api(route="/v2/models/mlp/infer")  # type: ignore[untyped-decorator]  # see above
    async def infer(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """The model's answer."""
        tensor = inputs[0]
        x = np.array(tensor["data"], dtype=np.float32).reshape(tensor["shape"])
        y = self.session.run(["y"], {"x": x})[0]
        output = {"name": "y", "datatype": "FP32", "shape": list(y.shape), "data": y.ravel().tolist()}
        return {"model_name": "mlp", "model_version": "1", "outputs": [output]}


if __name__ == "__main__":
    settings = json.loads(sys.argv[1])
    os.environ["BENCH_MODEL"] = settings["model"]
    os.environ["BENTOML_DO_NOT_TRACK"] = "True"
    os.environ["BENTOML_HOME"] = settings["folder"]
    here = Path(__file__)
    command = ["bentoml", "serve", f"{here.stem}:Mlp", "--working-dir", str(here.parent), "--host", "127.0.0.1"]
    os.execv(str(Path(sys.executable).with_name("bentoml")), [*command, "--port", str(settings["port"])])
