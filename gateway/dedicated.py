"""Versions in processes of their own: a deployment for each, and the runner that reaches it from the ingress."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ray.exceptions import RayActorError
from ray.serve.autoscaling_policy import replica_queue_length_autoscaling_policy
from ray.serve.exceptions import BackPressureError, RayServeException
from ray.serve.handle import DeploymentHandle

from gateway import listening as listening  # noqa: PLC0414 - for what its import does
from gateway.batching import Result
from gateway.config import Limits, ModelConfig
from gateway.errors import DeadlineExceeded, GatewayError, NotReady, Overloaded, RepositoryError
from gateway.manifest import Manifest
from gateway.query import Rows
from gateway.repository import Folder
from gateway.signature import Signature
from gateway.version import Version, Watch, prepare, raise_cancelled


class Steady:
    """Serve's own policy for the number of replicas, but that it takes none away while the file `held` is there."""

    def __init__(self, held: str) -> None:
        self._held = Path(held)

    def __call__(self, context: Any) -> tuple[float, dict[str, Any]]:
        """How many there should be, >= 0, and the policy's state. context: Serve's AutoscalingContext."""
        wanted, state = replica_queue_length_autoscaling_policy(context)
        return max(wanted, context.target_num_replicas) if self._held.exists() else wanted, state


class Dedicated:
    """The deployment's class: one version, loaded and warmed up before it takes a request."""

    def __init__(self, folder: Folder, settings: ModelConfig, limits: Limits) -> None:
        self._version = prepare(folder, settings, limits)

    async def infer(
        self, rows: Rows, count: int, names: Sequence[str] | None, remaining_s: float | None
    ) -> Result | GatewayError:
        """Runs the version. A refusal is given back as a value: raised, Serve would log a stack trace for it."""
        deadline = None if remaining_s is None else time.monotonic() + remaining_s
        try:
            return await self._version.runner.run(rows, count, names, deadline, None)
        except GatewayError as refusal:
            return refusal


class RemoteRunner:
    """See version.Runner. The first request wakes a deployment that sleeps, and waits for it."""

    def __init__(self, handle: DeploymentHandle[Any], label: str) -> None:
        self._handle = handle
        self._label = label

    async def run(
        self, rows: Rows, count: int, names: Sequence[str] | None, deadline: float | None, watch: Watch | None
    ) -> Result:
        """See Runner."""
        began = time.perf_counter_ns()
        remaining = None if deadline is None else deadline - time.monotonic()
        if remaining is not None and remaining <= 0:
            raise DeadlineExceeded("the deadline had passed before the model was run")
        outcome = await self._call(rows, count, names, remaining, watch)
        if isinstance(outcome, GatewayError):
            raise outcome
        waited = time.perf_counter_ns() - began - outcome.compute_ns
        return outcome._replace(queue_ns=max(waited, outcome.queue_ns))

    async def _call(
        self, rows: Rows, count: int, names: Sequence[str] | None, remaining: float | None, watch: Watch | None
    ) -> Result | GatewayError:
        pending: asyncio.Future[Any] = asyncio.ensure_future(self._ask(rows, count, names, remaining))
        unwatch = watch(pending) if watch else None
        try:
            return await asyncio.wait_for(pending, remaining)
        except TimeoutError:
            raise DeadlineExceeded(f"{self._label}: the deadline passed before it answered") from None
        except asyncio.CancelledError:
            raise_cancelled()
        finally:
            if unwatch:
                unwatch()

    async def _ask(self, rows: Rows, count: int, names: Sequence[str] | None, remaining: float | None) -> Any:
        try:
            return await self._handle.infer.remote(rows, count, names, remaining)
        except BackPressureError:
            raise Overloaded(f"{self._label}: its queue is full") from None
        except (RayServeException, RayActorError) as problem:  # the latter when its process dies under the request
            raise NotReady(f"{self._label}: its processes do not answer: {type(problem).__name__}") from None


class Remote(NamedTuple):
    """What the ingress knows of a dedicated version: enough to check a request, and the handle to send it by."""

    manifest: Manifest
    signature: Signature
    stamp: str
    handle: DeploymentHandle[Any]

    def version(self, folder: Folder) -> Version:
        """The version as the catalogue holds it. Raises RepositoryError if its files are not those that were deployed."""
        if folder.stamp != self.stamp:
            raise RepositoryError(
                f"{folder.label}: its files have changed; placed in processes of its own, it is replaced by a restart"
            )
        return Version(self.manifest, self.signature, folder.stamp, RemoteRunner(self.handle, folder.label))
