"""The composition root: starts Ray, the control actor and Serve, and stops them again."""

from __future__ import annotations

import logging
import socket
import time
from typing import Any

import psutil
import ray
from ray import serve
from ray.serve.config import AutoscalingConfig, AutoscalingPolicy, HTTPOptions, gRPCOptions
from ray.serve.schema import LoggingConfig

from gateway import orphans
from gateway.capacity import deployment_name, held
from gateway.config import Autoscale, Config, ModelConfig
from gateway.control import finish, start_control
from gateway.dedicated import Dedicated, Remote, Steady
from gateway.environment import run_folder
from gateway.errors import GatewayError, NotReady, SetupError
from gateway.identifier import uuid7
from gateway.ingress import Gateway
from gateway.observer import actor as observer
from gateway.observer.actor import start_observer
from gateway.repository import Folder, served
from gateway.shadow import actor as shadows
from gateway.shadow.actor import start_shadows
from gateway.version import prepare

logger = logging.getLogger("driftgate")

APPLICATION = "driftgate"
_SERVICER = "gateway.grpc.reading.add_service"
_FINISH_S = 25.0  # for requests under way when the gateway is told to stop
_DRAIN_MARGIN_S = 10.0  # beyond the drain itself: Serve closes its servers in this time


def start(config: Config) -> None:
    """Returns when the gateway answers. Raises SetupError."""
    check_ports(config)
    folders = served(config)
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    ray.init(
        address="local",
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        object_store_memory=128 << 20,
        _node_ip_address="127.0.0.1",
    )
    orphans.remember(run_folder(config), psutil.Process().children(recursive=True))
    control = start_control(config, uuid7())
    start_observer(config)
    start_shadows(config)
    serve.start(
        http_options=HTTPOptions(host=config.listen.host, port=config.listen.http),
        grpc_options=gRPCOptions(port=config.listen.grpc, grpc_servicer_functions=[_SERVICER]),
        logging_config=_logging(),
    )
    ray.get(control.overview.remote())
    handle = _ingress(config).bind(config, _dedicated(config, folders))
    try:
        serve.run(handle, name=APPLICATION, route_prefix="/", logging_config=_logging())
    except RuntimeError as problem:
        raise SetupError(f"the gateway could not be deployed: {problem}; {config.data}/log says more") from None


def stop() -> None:
    """Stops Serve gracefully, then Ray. Returns when every process is gone."""
    if not ray.is_initialized():  # asked to shut down, Serve would start a Ray of its own to look for one
        return
    finish(_FINISH_S)
    family = psutil.Process().children(recursive=True)
    try:
        serve.shutdown()  # type: ignore[no-untyped-call]
        shadows.finish(_FINISH_S)
        observer.finish(_FINISH_S)
    except NotReady as problem:
        logger.error("%s", problem.message)
    finally:
        ray.shutdown()
        orphans.end(family)  # Ray leaves agents behind for a while


def check_ports(config: Config) -> None:
    """Raises SetupError for a port that somebody else listens on."""
    for key, port in (("http", config.listen.http), ("grpc", config.listen.grpc)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((config.listen.host, port))
            except OSError as problem:
                raise SetupError(
                    f"port {port} on {config.listen.host} is not free ({problem.strerror}); "
                    f"is a gateway running? driftgate down stops it; or set listen.{key} to another port"
                ) from None


def wait_until_stopped(stopping: Any) -> None:
    """Sleeps until `stopping` (a threading.Event) is set; raises SetupError if the gateway dies under it."""
    while not stopping.wait(1.0):
        status = serve.status().applications.get(APPLICATION)
        if status is None or status.status == "DEPLOY_FAILED":
            raise SetupError("the gateway's application is gone")


def _ingress(config: Config) -> Any:
    scale: dict[str, Any] = {"num_replicas": config.replicas}
    if isinstance(config.replicas, Autoscale):
        wanted = config.replicas
        policy = AutoscalingPolicy(  # type: ignore[no-untyped-call]
            policy_function="gateway.autoscaling:FollowLoad", policy_kwargs={"target": wanted.target}
        )
        scale = {
            "autoscaling_config": AutoscalingConfig(
                min_replicas=wanted.min,
                initial_replicas=wanted.min,
                max_replicas=wanted.max,
                upscale_delay_s=wanted.up_delay,
                downscale_delay_s=wanted.down_delay,
                metrics_interval_s=1.0,
                look_back_period_s=5.0,
                policy=policy,
            )
        }
    deployment: Any = serve.deployment(
        Gateway,
        name="gateway",
        max_ongoing_requests=config.limits.max_in_flight,
        max_queued_requests=config.limits.max_queue,
        health_check_period_s=1.0,
        health_check_timeout_s=10.0,
        graceful_shutdown_timeout_s=config.limits.drain + _DRAIN_MARGIN_S,
        graceful_shutdown_wait_loop_s=0.1,
        max_surge_percent=100,
        ray_actor_options={"num_cpus": 0},
        **scale,
    )
    return deployment


def _dedicated(config: Config, folders: dict[str, dict[int, Folder]]) -> dict[str, Any]:
    """A deployment for each version that is placed so, checked here first: what is not fit must not hold up the rest."""
    bound: dict[str, Any] = {}
    for model, versions in folders.items():
        settings = config.settings(model) or ModelConfig()
        for folder in versions.values() if settings.placement == "dedicated" else ():
            began = time.monotonic()
            try:
                checked = prepare(folder, settings, config.limits)
            except GatewayError as problem:
                logger.error("%s is not served: %s", folder.label, problem.message)
                continue
            logger.info("%s: checked in %.1f s", folder.label, time.monotonic() - began)
            handle = _own(settings, config, folder).bind(folder, settings, config.limits)
            bound[folder.label] = Remote(checked.manifest, checked.signature, folder.stamp, handle)
    return bound


def _own(settings: ModelConfig, config: Config, folder: Folder) -> Any:
    name = deployment_name(folder.model, folder.version)
    kept = {"held": str(held(config.data, name).absolute())}
    scaling = AutoscalingConfig(
        policy=AutoscalingPolicy(policy_function=Steady, policy_kwargs=kept),  # type: ignore[no-untyped-call]
        min_replicas=settings.min_replicas,
        max_replicas=settings.max_replicas,
        downscale_delay_s=settings.idle,
        upscale_delay_s=1.0,
        target_ongoing_requests=max(1, settings.workers),
        metrics_interval_s=1.0,
        look_back_period_s=5.0,
    )
    deployment: Any = serve.deployment(
        Dedicated,
        name=name,
        autoscaling_config=scaling,
        max_ongoing_requests=config.limits.max_in_flight,
        max_queued_requests=config.limits.max_queue,
        max_surge_percent=100,
        ray_actor_options={"num_cpus": 0},
    )
    return deployment


def _logging() -> LoggingConfig:
    return LoggingConfig(log_level="WARNING", enable_access_log=False)
