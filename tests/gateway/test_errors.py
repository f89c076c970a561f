"""The error tree: what clients may rely on."""

from __future__ import annotations

import pickle

import grpc
import pytest

from gateway import errors
from gateway.errors import BadRequest, BodyTooLarge, GatewayError, NotReady, Overloaded

CLASSES = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, GatewayError)]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_has_a_code_of_grpc_and_its_place_in_the_docstring(kind: type[GatewayError]) -> None:
    """Each class names a code that gRPC knows, and stands in the tree at the head of the module."""
    assert hasattr(grpc.StatusCode, kind.grpc)
    assert errors.__doc__ is not None
    assert kind.__name__ in errors.__doc__


def test_codes_are_distinct() -> None:
    """A dashboard that groups by code never mixes two kinds of error."""
    codes = [kind.code for kind in CLASSES]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("problem", [BadRequest("no"), Overloaded("full", 7), NotReady("asleep", 3)])
def test_errors_survive_the_way_between_processes(problem: GatewayError) -> None:
    """Ray pickles them: class, message and retry-after arrive."""
    arrived = pickle.loads(pickle.dumps(problem))
    assert type(arrived) is type(problem)
    assert vars(arrived) == vars(problem)
    assert str(arrived) == problem.message


def test_a_body_too_large_is_a_bad_request() -> None:
    """Whoever handles BadRequest handles it too."""
    assert issubclass(BodyTooLarge, BadRequest)
