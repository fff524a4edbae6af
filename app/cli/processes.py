"""Several server processes on one socket, forked once the application is loaded: that takes most of a start."""

import multiprocessing
import os
import signal
import socket
import sys
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any, Final

import structlog
import uvicorn
from uvicorn.config import STARTUP_FAILURE

from app.cli.bounded_server import BoundedServer
from app.cli.limits import Limits

log = structlog.get_logger()
_forking: Final = multiprocessing.get_context("fork")


def serve_in_processes(config: uvicorn.Config, limits: Limits, count: int) -> None:
    """Serve until a signal says to stop; a process that ends by itself is replaced.

    A process that could not start, as its settings are wrong, ends all, with its exit code.
    """
    listening = config.bind_socket()
    children = _Children(config, limits, listening)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, children.stop)
    children.start(count)
    if failed := children.watch():
        sys.exit(failed)


class _Children:
    """The processes that serve."""

    def __init__(self, config: uvicorn.Config, limits: Limits, listening: socket.socket) -> None:
        self._config = config
        self._limits = limits
        self._listening = listening
        self._running: dict[int, BaseProcess] = {}
        self._stopping = False

    def start(self, count: int) -> None:
        """Start so many more."""
        for _ in range(count):
            given = (self._config, self._limits, self._listening, os.getpid())
            process = _forking.Process(target=_serve, args=given)
            process.start()
            self._running[process.sentinel] = process
            if self._stopping:  # the signal came meanwhile
                process.terminate()

    def stop(self, *_signal: Any) -> None:
        """Tell all to end what they are at, and no more."""
        self._stopping = True
        for process in self._running.values():
            process.terminate()

    def watch(self) -> int:
        """Return once all have ended: 0, or the exit code of one that could not start."""
        failed = 0
        while self._running:
            ended = [self._running.pop(sentinel) for sentinel in wait(list(self._running)) if isinstance(sentinel, int)]
            for process in ended:
                process.join()
                if process.exitcode == STARTUP_FAILURE and not self._stopping:
                    failed = STARTUP_FAILURE
                    self.stop()
            if not self._stopping:
                self.start(len(ended))
        return failed


def _serve(config: uvicorn.Config, limits: Limits, listening: socket.socket, first_process: int) -> None:
    """Serve in a process of its own, which answers signals as uvicorn does alone."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    server = BoundedServer(config, limits, first_process)
    try:
        server.run(sockets=[listening])
    except Exception:  # the log has it in one line; the exit code tells the first process whether to try again
        log.exception("server process failed")
        if server.started:
            raise
    if not server.started:  # another would fare no better
        sys.exit(STARTUP_FAILURE)
