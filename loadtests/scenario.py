"""A scenario: one file that says what is sent, to which model, how fast and for how long."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from gateway.document import Frozen, document
from gateway.manifest import Name
from loadtests.errors import ScenarioError

LONGEST_S = 600.0
FASTEST = 20_000.0

Scalar = str | int | float | bool
Rows = Annotated[int, Field(ge=1, le=4096)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")]
HeaderValue = Annotated[str, Field(pattern=r"^[\x20-\x7e]{0,256}$")]


class Floats(Frozen):
    """One FP32 input of [rows, columns], sent as JSON or, by Triton's extension, as bytes after a JSON header."""

    kind: Literal["json", "binary"]
    rows: Rows = 1
    columns: Annotated[int, Field(ge=1, le=4096)]
    input: str = "x"


class Described(Frozen):
    """JSON shaped after what the server says of the model (`GET /v2/models/{model}`).

    An input named in `values` takes those in turn; any other is drawn at random, after its datatype.
    """

    kind: Literal["described"]
    rows: Rows = 1
    values: dict[str, Annotated[tuple[Scalar, ...], Field(min_length=1)]] = Field(default_factory=dict)


class Part(Frozen):
    """One kind of request in a mixture, sent `weight` times for each turn of the mixture."""

    weight: Annotated[int, Field(ge=1, le=100)]
    body: Annotated[Floats | Described, Field(discriminator="kind")]


class Mixed(Frozen):
    """Several kinds of request, in a fixed order that repeats."""

    kind: Literal["mixed"]
    parts: Annotated[tuple[Part, ...], Field(min_length=2)]


class Scenario(Frozen):
    """Load on one model. Without `rate` the loop is closed: each connection sends as soon as its answer is there.

    rate: requests a second, sent whether or not answers come (open loop). `arrivals` are evenly spaced or, closer to
    many independent clients, a Poisson process. What is sent during the warm-up is not counted.
    """

    name: Name
    description: str = ""
    model: Name
    version: Annotated[int, Field(ge=1)] | None = None
    body: Annotated[Floats | Described | Mixed, Field(discriminator="kind")]
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    connections: Annotated[int, Field(ge=1, le=512)] = 32
    duration_s: Annotated[float, Field(gt=0, le=LONGEST_S)]
    warm_up_s: Annotated[float, Field(ge=0, le=LONGEST_S)] = 1.0
    rate: Annotated[float, Field(gt=0, le=FASTEST)] | None = None
    arrivals: Literal["even", "poisson"] = "even"

    @model_validator(mode="after")
    def _ends(self) -> Scenario:
        if self.duration_s + self.warm_up_s > LONGEST_S:
            raise ValueError(f"duration_s and warm_up_s together may be {LONGEST_S:.0f} s at the most")
        if self.rate is None and "arrivals" in self.model_fields_set:
            raise ValueError("arrivals has a meaning only beside a rate")
        return self

    @property
    def path(self) -> str:
        """Where its requests go: routed, or pinned to a version."""
        version = f"/versions/{self.version}" if self.version else ""
        return f"/v2/models/{self.model}{version}/infer"


def read_scenario(path: Path) -> Scenario:
    """The scenario at `path`. Raises ScenarioError, naming file, line and key."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as problem:
        raise ScenarioError(f"{path}: {problem.strerror}") from None
    return document(text, Scenario, path, ScenarioError)
