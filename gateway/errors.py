"""Every way in which driftgate says no: one tree, each class with its HTTP status, gRPC code and short code.

    GatewayError
    ├── BadRequest            400  malformed, or does not fit the model
    │   └── BodyTooLarge      413
    ├── Forbidden             403  a web page of another site asks for a change
    ├── NotFound              404  no such model, version, or path
    ├── MethodNotAllowed      405
    ├── RequestTimeout        408  the body did not arrive in time
    ├── InferenceFailed       422  it fits the model's signature, and the model fails on it all the same
    ├── Cancelled             499  the client went away
    ├── Overloaded            503  queue full; comes with Retry-After
    │   └── NotReady          503  loading, unloaded, or refused by its checks
    ├── DeadlineExceeded      504
    └── SetupError                 what the command line reports: configuration, repository, ports
        ├── ConfigError
        └── RepositoryError

A message says what was found, what was expected, and where; it never carries a payload or a stack trace.
"""

from __future__ import annotations

from typing import ClassVar


class GatewayError(Exception):
    """The root. `code` is stable: clients and dashboards may match on it."""

    status: ClassVar[int] = 500
    grpc: ClassVar[str] = "INTERNAL"
    code: ClassVar[str] = "internal"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadRequest(GatewayError):
    """The request is malformed or does not fit the model's signature."""

    status, grpc, code = 400, "INVALID_ARGUMENT", "bad_request"


class BodyTooLarge(BadRequest):
    """The body, as sent or as unpacked, exceeds `limits.max_body`."""

    status, grpc, code = 413, "INVALID_ARGUMENT", "body_too_large"


class Forbidden(GatewayError):
    """A browser sends this on behalf of another site's page."""

    status, grpc, code = 403, "PERMISSION_DENIED", "forbidden"


class NotFound(GatewayError):
    """No model, version or path of that name."""

    status, grpc, code = 404, "NOT_FOUND", "not_found"


class MethodNotAllowed(GatewayError):
    """The path exists, but not for this HTTP method."""

    status, grpc, code = 405, "UNIMPLEMENTED", "method_not_allowed"


class RequestTimeout(GatewayError):
    """The client did not send its body within `limits.body_timeout`."""

    status, grpc, code = 408, "CANCELLED", "request_timeout"


class InferenceFailed(GatewayError):
    """The model failed on a request that fits its signature, as it does for an index outside its table.

    Nobody but the model can know which values it takes, and the same model answers other requests: the values are at
    fault, so the status is 422, Unprocessable Content, and the message is ONNX Runtime's. A model that fails on every
    request shows in the rate of this code.
    """

    status, grpc, code = 422, "INVALID_ARGUMENT", "inference_failed"


class Cancelled(GatewayError):
    """The client went away before its answer was ready. Nobody reads this status; it is recorded."""

    status, grpc, code = 499, "CANCELLED", "cancelled"


class Overloaded(GatewayError):
    """No room for one more request. `retry_after_s` seconds (> 0) are sent as Retry-After."""

    status, grpc, code = 503, "UNAVAILABLE", "overloaded"

    def __init__(self, message: str, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotReady(Overloaded):
    """The version exists but cannot answer: it is loading, was unloaded, or failed its checks."""

    code = "not_ready"


class DeadlineExceeded(GatewayError):
    """The request's own deadline passed. Work that had not begun was dropped."""

    status, grpc, code = 504, "DEADLINE_EXCEEDED", "deadline_exceeded"


class SetupError(GatewayError):
    """Something to mend before the gateway can start. The command line prints it and exits 1."""

    code = "setup"


class ConfigError(SetupError):
    """The configuration does not say what it should; the message names file, line and key."""

    code = "config"


class RepositoryError(SetupError):
    """A version in the model repository is not fit to be served; the message names it and says why."""

    code = "repository"
