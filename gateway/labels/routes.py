"""`/v2/models/{m}/labels` on REST."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.catalogue import Catalogue
from gateway.config import Limits
from gateway.errors import BodyTooLarge, NotFound, NotReady
from gateway.inference import Headers, read_body
from gateway.labels.intake import Intake
from gateway.labels.label import Domain, domains
from gateway.rest import same_site
from gateway.signature import shown
from gateway.wire.compression import unpack

MAX_BODY = 8 * 2**20
"""Bytes of one call, if `limits.max_body` is no less. Reading JSON stalls the replica, here for 0.1 s at the most."""


def label_routes(catalogue: Catalogue, intake: Intake, limits: Limits) -> list[Route]:
    """POST takes labels, `{"accepted": n, "duplicate": n, "corrected": n}`; GET tells what a label of the model must be."""

    async def labels(request: Request) -> Response:
        model = request.path_params["model"]
        if request.method != "POST":
            return JSONResponse({"model": model, "expects": [_told(domain) for domain in expected(catalogue, model)]})
        same_site(request)
        with intake.room():
            body = await _body(request, limits)
            found = await intake.take(body, model, expected(catalogue, model))
        return JSONResponse(found._asdict())

    return [Route("/v2/models/{model}/labels", labels, methods=["GET", "POST"])]


def expected(catalogue: Catalogue, model: str) -> Sequence[Domain]:
    """What the versions of a model that this replica holds take for a label. Raises NotFound, or NotReady if it holds none."""
    entries = catalogue.entries().get(model)
    if entries is None:
        raise NotFound(f'no model "{shown(model)}"')
    manifests = [entry.version.manifest for entry in entries.values() if entry.version]
    if not manifests:
        raise NotReady(f"{model}: no version is loaded, so that its labels cannot be checked")
    return domains(manifests)


async def _body(request: Request, limits: Limits) -> bytes:
    headers = Headers(request.scope["headers"])
    smaller = limits.model_copy(update={"max_body": min(limits.max_body, MAX_BODY)})
    try:
        body = await read_body(headers, request.receive, smaller)
        return unpack(body, headers.get("content-encoding", "").strip().lower(), smaller.max_body)
    except BodyTooLarge:
        raise BodyTooLarge(f"the labels have more than {smaller.max_body} bytes, the limit of one call") from None


def _told(domain: Domain) -> dict[str, object]:
    return {"kind": domain.kind, "classes": list(domain.classes)}
