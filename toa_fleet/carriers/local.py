# SPDX-License-Identifier: GPL-2.0-only
"""This machine as a node: the same commands and answers, without SSH."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from typing import IO, Optional

from toa_fleet.bundle import Request
from toa_fleet.carriers.base import KEPT_STDERR, Carrier, Completed, Session
from toa_fleet.errors import BrokenAnswer, NoShell, Unreachable
from toa_fleet.inventory import Host
from toa_fleet.protocol import MAX_OUTPUT

_CHUNK = 65536


class LocalCarrier(Carrier):
    """Runs toa-node on this machine.

    Parameters:
        sudo: whether to put ``sudo -n`` in front.
    """

    def __init__(self, sudo: bool = False) -> None:
        self._sudo = sudo

    def session(self, host: Host) -> LocalSession:
        return LocalSession(host, self._sudo if host.sudo is None else host.sudo)


class LocalSession(Session):
    """One command at a time, in a process group of its own."""

    def __init__(self, host: Host, sudo: bool) -> None:
        super().__init__(host, sudo)
        self._process: Optional[subprocess.Popen[bytes]] = None

    def open(self) -> None:
        """Nothing to connect to."""

    def run(self, request: Request, limit: float) -> Completed:
        argv = self.command(request)
        try:
            self._process = process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            raise NoShell(f"cannot run {argv[0]}: {error.strerror}", "install it") from error
        self.deadline = time.monotonic() + limit
        try:
            return _Pump(process, request, self.deadline, limit).pump()
        finally:
            self.deadline = None
            self.close()

    def close(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()


class _Pump:
    """Feeds a process and drains it at the same time, within bounds."""

    def __init__(
        self, process: subprocess.Popen[bytes], request: Request, deadline: float, limit: float
    ) -> None:
        self._process = process
        self._pending = [memoryview(piece) for piece in request.payload if piece]
        self._deadline = deadline
        self._limit = limit
        self._verb = request.verb
        self._out = bytearray()
        self._err = bytearray()
        self._sent_all = True
        self._selector = selectors.DefaultSelector()

    def pump(self) -> Completed:
        process = self._process
        assert process.stdin and process.stdout and process.stderr
        os.set_blocking(process.stdin.fileno(), False)
        with self._selector:
            self._selector.register(process.stdin, selectors.EVENT_WRITE)
            self._selector.register(process.stdout, selectors.EVENT_READ)
            self._selector.register(process.stderr, selectors.EVENT_READ)
            while self._selector.get_map():
                for key, _ in self._selector.select(self._remaining()):
                    stream: IO[bytes] = key.fileobj  # type: ignore[assignment]
                    self._feed(stream) if stream is process.stdin else self._drain(stream)
        try:
            status = process.wait(self._remaining())
        except subprocess.TimeoutExpired:
            raise self._too_slow() from None
        return Completed(status, bytes(self._out), bytes(self._err), self._sent_all)

    def _remaining(self) -> float:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise self._too_slow()
        return remaining

    def _too_slow(self) -> Unreachable:
        return Unreachable(
            f"{self._verb} took longer than {self._limit:.0f} s",
            "give it more with --timeout",
            "timeout",
        )

    def _feed(self, stream: IO[bytes]) -> None:
        if self._pending:
            try:
                sent = os.write(stream.fileno(), self._pending[0][:_CHUNK])
            except BlockingIOError:
                return
            except BrokenPipeError:
                self._sent_all = False
                self._pending.clear()
            else:
                self._pending[0] = self._pending[0][sent:]
                if not self._pending[0]:
                    self._pending.pop(0)
        if not self._pending:
            self._selector.unregister(stream)
            stream.close()

    def _drain(self, stream: IO[bytes]) -> None:
        data = os.read(stream.fileno(), _CHUNK)
        if not data:
            self._selector.unregister(stream)
        elif stream is self._process.stderr:
            self._err += data
            del self._err[:-KEPT_STDERR]
        else:
            self._out += data
            if len(self._out) > MAX_OUTPUT:
                raise BrokenAnswer(f"the answer is longer than {MAX_OUTPUT} bytes")
