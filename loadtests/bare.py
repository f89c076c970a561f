"""The bare server: uvicorn, one ASGI function and ONNX Runtime in one process.

It checks next to nothing and records nothing. It is the limit for one Python process; everything else is measured as a
share of it. `python -m loadtests.bare MODEL.onnx --port 8000`
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import click
import msgspec
import numpy as np
import onnxruntime as ort
import uvicorn

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class _Parameters(msgspec.Struct):
    binary_data_size: int = 0


class _Tensor(msgspec.Struct):
    name: str
    shape: list[int]
    datatype: str
    data: list[float] | None = None
    parameters: _Parameters | None = None


class _Infer(msgspec.Struct):
    inputs: list[_Tensor]


class Bare:
    """An ASGI application for one model with one FP32 input and one FP32 output of two dimensions."""

    def __init__(self, path: str, name: str = "mlp") -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._run = session.run
        self._input = session.get_inputs()[0].name
        self._outputs = [session.get_outputs()[0].name]
        self._path = f"/v2/models/{name}/infer"
        self._name = name
        self._decode = msgspec.json.Decoder(_Infer).decode
        self._encode = msgspec.json.Encoder().encode

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answers inference, and 200 to whatever else: readiness is all that is ever asked besides."""
        if scope["path"] != self._path:
            await _answer(send, b"{}", [])
            return
        message = await receive()
        body: bytes = message["body"]
        while message["more_body"]:
            message = await receive()
            body += message["body"]
        header = next(
            (int(value) for key, value in scope["headers"] if key == b"inference-header-content-length"), None
        )
        if header is None:
            await _answer(send, self._json(body), [])
        else:
            await _answer(send, *self._binary(body, header))

    def _json(self, body: bytes) -> bytes:
        tensor = self._decode(body).inputs[0]
        x = np.array(tensor.data, dtype=np.float32).reshape(tensor.shape)
        y = self._run(self._outputs, {self._input: x})[0]
        return self._encode(self._content(y, {"data": y.ravel().tolist()}))

    def _binary(self, body: bytes, header: int) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        tensor = self._decode(memoryview(body)[:header]).inputs[0]
        x = np.frombuffer(body, dtype="<f4", offset=header).reshape(tensor.shape)
        y = self._run(self._outputs, {self._input: x})[0]
        raw = y.tobytes()
        head = self._encode(self._content(y, {"parameters": {"binary_data_size": len(raw)}}))
        return head + raw, [(b"inference-header-content-length", str(len(head)).encode())]

    def _content(self, y: Any, data: dict[str, Any]) -> dict[str, Any]:
        output = {"name": self._outputs[0], "datatype": "FP32", "shape": y.shape, **data}
        return {"model_name": self._name, "model_version": "1", "outputs": [output]}


async def _answer(send: Send, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    kind = b"application/octet-stream" if headers else b"application/json"
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@click.command()
@click.argument("model")
@click.option("--port", type=int, required=True)
def main(model: str, port: int) -> None:
    """Serves MODEL on 127.0.0.1 until SIGTERM."""
    uvicorn.run(
        Bare(model),
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
    )


if __name__ == "__main__":
    main()
