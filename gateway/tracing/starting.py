"""Tracing as the configuration wants it."""

from __future__ import annotations

import logging

from gateway.config import TracingConfig
from gateway.tracing.delivery import Delivery
from gateway.tracing.tracer import Tracer

logger = logging.getLogger("driftgate")


def start_tracer(wanted: TracingConfig | None, instance: str) -> Tracer | None:
    """A tracer with a thread of its own; None where nothing is to be traced, and then OpenTelemetry is not even imported.

    instance: what tells this process's spans from those of others. What stands in the way is logged, and nothing is traced:
    requests are answered all the same.
    """
    if wanted is None:
        return None
    try:
        from gateway.tracing.otlp import Collector  # noqa: PLC0415 - 0.4 s without Ray Serve, which imports parts of it itself

        attributes = {"service.instance.id": instance, **wanted.resource}
        collector = Collector(f"{wanted.otlp}/v1/traces", wanted.service, attributes)
    except Exception as problem:  # whatever the environment's certificates and plug-ins may do
        logger.error("nothing is traced: %s", problem)
        return None
    if collector.problem:
        logger.warning("tracing: %s", collector.problem)
    return Tracer(wanted.sample, Delivery(collector))
