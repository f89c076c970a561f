"""Ports that are free, and blocks of them."""

from __future__ import annotations

import contextlib
import socket

import pytest

from gateway import ports
from gateway.errors import SetupError


def test_a_free_port_can_be_listened_on() -> None:
    """On loopback."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", ports.free_port()))
        server.listen()


def test_two_gateways_never_have_the_same_block() -> None:
    """Even if their numbers call for the same."""
    first = ports.take_block(8000)
    with first.guard:
        second = ports.take_block(8000)
        with second.guard:
            assert abs(second.http - first.http) >= ports.SIZE
            assert abs(second.grpc - first.grpc) >= ports.SIZE


def test_a_block_where_somebody_listens_is_passed_over() -> None:
    """Such as the HAProxy of a gateway that was killed, which nobody has ended yet."""
    first = ports.take_block(8000)
    first.guard.close()
    with socket.create_server(("127.0.0.1", first.grpc + ports.SIZE - 3)):
        second = ports.take_block(8000)
    with second.guard:
        assert second.http != first.http


def test_blocks_are_apart_from_each_other_and_from_the_kernels_ports() -> None:
    """The kernel hands out ports from 32768 on; HTTP's blocks end where gRPC's begin."""
    width = ports._BLOCKS * ports.SIZE
    assert ports._FIRST_HTTP + width <= ports._FIRST_GRPC
    assert ports._FIRST_GRPC + width <= 32768


def test_when_all_are_taken_the_next_gateway_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not given another's ports."""
    monkeypatch.setattr(ports, "_BLOCKS", 2)
    with contextlib.ExitStack() as guards:
        for _ in range(2):
            with contextlib.suppress(SetupError):  # a gateway may be running on this machine
                guards.enter_context(ports.take_block(0).guard)
        with pytest.raises(SetupError, match="there are no ports left"):
            ports.take_block(0)
