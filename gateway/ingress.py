"""The ingress deployment, and the middleware through which Ray Serve lets it answer at full speed.

Serve wraps every ingress replica's HTTP server in the middlewares that `RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH` names.
Ours hands each request to the replica's own `Front`, in the same process, before Serve has spent anything on it: twice the
requests a second (docs/decisions/0001). What it steps past it does itself: admission, draining (uvicorn waits for requests under
way), cancellation, and the load signal that autoscaling follows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ray import serve
from starlette.middleware import Middleware

from gateway import listening as listening  # noqa: PLC0414 - for what its import does
from gateway.admission import Admission
from gateway.catalogue import Catalogue
from gateway.config import Config, Limits, ModelConfig
from gateway.console.routes import console_routes
from gateway.dedicated import Remote
from gateway.errors import RepositoryError
from gateway.front import Front
from gateway.grpc.service import InferenceService
from gateway.inference import Receive, Scope, Send
from gateway.journal.writer import Bounds, Journal
from gateway.journey import Plane, trust_everyone
from gateway.labels.inbox import Inbox
from gateway.labels.intake import Intake
from gateway.labels.routes import label_routes
from gateway.link import Link
from gateway.log import open_log
from gateway.management import management_routes
from gateway.naming import Named
from gateway.observer.asking import Asking
from gateway.observer.routes import observer_routes
from gateway.reconcile import Reconciler
from gateway.recorder import Recorder, recipes
from gateway.report.routes import report_routes
from gateway.repository import Folder
from gateway.rest import ASGIApp, build
from gateway.secret import redaction_key
from gateway.tracing.starting import start_tracer
from gateway.version import Version, prepare

_FLUSH_S = 2.0  # for spans that wait when a replica ends
_here: Front | None = None  # this process's replica, for the middleware: Serve gives it no other way to find it


class FastPath:
    """ASGI middleware: the replica's `Front` answers all but Serve's own paths. In Serve's proxy, it steps aside."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _here is None or scope["type"] != "http" or scope["path"].startswith("/-/"):
            await self._app(scope, receive, send)
        else:
            await _here(scope, receive, send)


def middlewares() -> list[Middleware]:
    """What `RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH` names."""
    return [Middleware(FastPath)]


@serve.ingress()
class Gateway(InferenceService):
    """One replica: it holds every version that it may route to, or the handle of one that lives elsewhere."""

    async def __init__(  # type: ignore[misc] # Ray awaits it
        self, config: Config, dedicated: Mapping[str, Remote]
    ) -> None:
        global _here  # noqa: PLW0603 - see above
        open_log(config.data, config.log.format, config.log.level)
        catalogue, admission = Catalogue(), Admission(config.limits.max_in_flight)
        recipe_of = recipes(config, redaction_key(config.data))
        reconciler = Reconciler(catalogue, config, _preparing(dedicated, recipe_of))
        replica = serve.get_replica_context().replica_id.unique_id
        journal = Journal(config.data / "journal", Bounds(config.journal.segment, config.journal.max_bytes))
        self._recorder = Recorder(journal, admission, recipe_of, refusing=config.journal.on_full == "refuse")
        self.control = self._link = Link(replica, catalogue, admission, reconciler, self._recorder)
        self._tracer = start_tracer(config.tracing, replica)
        self.plane = Plane(catalogue, admission, config.limits, trust_everyone, self._recorder, self._tracer)
        intake = Intake(Inbox(config.data / "state" / "labels.sqlite"))
        more = (
            *label_routes(catalogue, intake, config.limits),
            *observer_routes(Asking(), config.limits, config.listen),
        )
        more = (*more, *management_routes(self._link, config.limits), *console_routes())
        more = (*more, *report_routes(Asking(), config))
        rest: ASGIApp = build(catalogue, self.control, config.limits, *more)
        if config.listen.loopback:
            rest = Named(rest, config.listen.names)
        self._front = Front(self.plane, rest)
        await self._link.start()
        _here = self._front

    def __serve_build_asgi_app__(self) -> Any:
        return self._front

    def __del__(self) -> None:
        """Serve calls it when the replica has answered what it had; the observer then knows that nothing is missing."""
        if hasattr(self, "_recorder"):
            self._recorder.close()
        tracer = getattr(self, "_tracer", None)
        if tracer is not None:
            tracer.close(_FLUSH_S)

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """The load signal: Serve sees nothing of what the fast path answers."""
        return {"load": self._link.load_share}


def _preparing(dedicated: Mapping[str, Remote], recipe_of: Callable[[Version], object]) -> Any:
    def prepare_or_reach(folder: Folder, settings: ModelConfig, limits: Limits) -> Version:
        if settings.placement == "shared":
            version = prepare(folder, settings, limits)
        elif folder.label in dedicated:
            version = dedicated[folder.label].version(folder)
        else:
            raise RepositoryError(
                f"{folder.label}: placement is dedicated, and versions so placed are deployed at start"
            )
        recipe_of(version)  # one that cannot be recorded as it should be is not served
        return version

    return prepare_or_reach
