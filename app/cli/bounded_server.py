"""uvicorn's server, with the limits of its connections held."""

import asyncio
import os
import socket
from typing import Any, Final

import structlog
import uvicorn

from app.cli.connections import Connection
from app.cli.limits import Limits, ServerState

log = structlog.get_logger()
#: Seconds between two looks at all connections, which are late by no more.
LOOK_EVERY: Final = 0.5
#: How uvicorn serves. Nothing here asks for the client's address or scheme, so no header of a proxy is looked at.
OPTIONS: Final[dict[str, Any]] = {
    "http": Connection,
    "ws": "none",
    "access_log": False,
    "log_level": "warning",
    "proxy_headers": False,
    "server_header": False,
}


class BoundedServer(uvicorn.Server):
    """A server that waits for no client for ever."""

    def __init__(self, config: uvicorn.Config, limits: Limits, first_process: int | None = None) -> None:
        """Serve what a configuration says, which must be of `Connection`; no longer than the process that forked it."""
        super().__init__(config)
        self.server_state: ServerState = ServerState(limits)
        self._first_process = first_process

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to look after connections before the first comes; that ends with the loop."""
        self._looking = asyncio.create_task(look_forever(self.server_state))
        await super().startup(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Tell whether to stop: also once the parent was killed, as nobody else would and the port would stay taken."""
        if self._first_process is not None and os.getppid() != self._first_process:
            log.error("the first process is gone")
            self.should_exit = True
        return await super().on_tick(counter)


async def look_forever(state: ServerState) -> None:
    """Look at all connections again and again. Ends by being cancelled."""
    loop = asyncio.get_running_loop()
    last = loop.time()
    while True:
        await asyncio.sleep(LOOK_EVERY)
        last, elapsed = loop.time(), loop.time() - last
        state.now += min(elapsed, 2 * LOOK_EVERY)
        for connection in list(state.connections):
            assert isinstance(connection, Connection), "the configuration names no other"
            try:
                connection.look()
            except Exception:  # the others are looked at all the same
                log.exception("connection not looked at")
