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


def test_blocks_are_apart_from_each_other_and_from_the_kernels_ports() -> None:
    """No port is in two blocks; the kernel hands out those from 32768 on. When all are taken, the next is refused."""
    taken: set[int] = set()
    with contextlib.ExitStack() as guards:
        with pytest.raises(SetupError, match="there are no ports left"):
            for _ in range(100):
                block = ports.take_block(0)
                guards.enter_context(block.guard)
                held = {start + at for start in (block.http, block.grpc) for at in range(ports.SIZE - 1)}
                assert not taken & held
                taken |= held
        assert taken
        assert max(taken) < 32768
