"""Other projects' clients, as they come from PyPI, work against a running gateway."""

from __future__ import annotations

import pytest

from tests.conformance.programs import Outcomes, Program
from tests.running import Running

pytestmark = pytest.mark.timeout(600)  # the first case of a client waits until its environment is made

TRITON = ("http", "http.aio", "grpc", "grpc.aio")

READING = [
    *(Program("triton", "triton_calls", variant) for variant in TRITON),
    *(Program("triton", "triton_rest", variant) for variant in TRITON[:2]),
    *(Program("triton", "triton_grpc", variant) for variant in TRITON[2:]),
    Program("triton", "agreement"),
    Program("kserve", "kserve_rest"),
    Program("kserve", "kserve_grpc"),
    Program("mlserver", "mlserver_rest"),
    Program("mlserver", "mlserver_grpc"),
    Program("mlserver", "mlserver_infer"),
]
CHANGING = [
    *(Program("triton", "triton_repository", variant) for variant in TRITON),
    Program("triton", "merging"),
    Program("kserve", "kserve_repository"),
    Program("mlserver", "mlserver_repository", "rest"),
    Program("mlserver", "mlserver_repository", "grpc"),
]


def cases(programs: list[Program]) -> list[object]:
    """One parameter set for each case of each program."""
    return [
        pytest.param(program, case, id=f"{program.label}-{case}") for program in programs for case in program.cases()
    ]


@pytest.mark.parametrize(("program", "case"), cases(READING))
def test_client_is_answered(gateway: Running, outcomes: Outcomes, program: Program, case: str) -> None:
    """What a client asks, it is told, in the form that it knows; each case says in `clients/` what that is."""
    outcomes.check(program, case, gateway)


@pytest.mark.parametrize(("program", "case"), cases(CHANGING))
def test_client_changes_the_gateway(own: Running, outcomes: Outcomes, program: Program, case: str) -> None:
    """A client may load, unload and count what is served; each case leaves the repository as it found it."""
    outcomes.check(program, case, own)
