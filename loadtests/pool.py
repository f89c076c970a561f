"""The connections of a run: opened before the clock starts, and opened again when a server closes one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from loadtests.connection import Connection, Loop
from loadtests.errors import LoadError
from loadtests.target import Target

RETRY_S = 0.05


class Pool:
    """`size` connections to `target`. `ready` is called with each one that was opened anew."""

    def __init__(self, target: Target, size: int, loop: Loop, ready: Callable[[Connection], None]) -> None:
        self._target = target
        self._size = size
        self._loop = loop
        self._ready = ready
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections: set[Connection] = set()

    async def open(self) -> list[Connection]:
        """Opens all of them. Raises LoadError if the server accepts none or not all."""
        try:
            return list(await asyncio.gather(*(self._connect() for _ in range(self._size))))
        except OSError as problem:
            self.close()
            raise LoadError(f"{self._target.url}: {problem.strerror or problem}") from None

    def replace(self, connection: Connection, failed: Callable[[str], None]) -> None:
        """Opens another in place of one that was lost, trying until it succeeds; `failed` hears of each refusal."""
        self.connections.discard(connection)
        task = asyncio.get_running_loop().create_task(self._reopen(failed))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Closes everything and stops trying."""
        for task in self._tasks:
            task.cancel()
        for connection in self.connections:
            connection.close()

    async def _reopen(self, failed: Callable[[str], None]) -> None:
        while True:
            try:
                self._ready(await self._connect())
                return
            except OSError:
                failed("connection refused")
                await asyncio.sleep(RETRY_S)

    async def _connect(self) -> Connection:
        running = asyncio.get_running_loop()
        _, connection = await running.create_connection(
            lambda: Connection(self._loop), self._target.host, self._target.port
        )
        self.connections.add(connection)
        return connection
