# SPDX-License-Identifier: GPL-2.0-only
"""Sockets and channels: dial, send, receive, within bounds."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from typing import Any, Optional, Union

import paramiko

from toa_fleet.bundle import Request
from toa_fleet.carriers.base import KEPT_STDERR
from toa_fleet.errors import BrokenAnswer
from toa_fleet.protocol import MAX_OUTPUT

_CHUNK = 1 << 16
#: How long sent data may stay unacknowledged, in milliseconds.
_USER_TIMEOUT = 30_000

#: What a transport can run over.
Socket = Union[socket.socket, paramiko.Channel]


class Proxy:
    """A ProxyCommand: a process whose standard streams are one socket.

    paramiko has one of its own, which spins when the command ends and leaves
    its standard error unread.
    """

    def __init__(self, command: str) -> None:
        self.socket, theirs = socket.socketpair()
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as we do
        with theirs:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {command}"],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=self._words,
                start_new_session=True,
            )

    def words(self) -> bytes:
        """What the command said on standard error: its last words."""
        try:
            self._words.seek(max(0, os.fstat(self._words.fileno()).st_size - 1000))
            return self._words.read(1000)
        except (OSError, ValueError):
            return b""

    def close(self) -> None:
        """End the command."""
        self.socket.close()
        try:
            self._process.terminate()
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._words.close()


def resolve(address: str, port: int, limit: float, family: int = 0) -> list[Any]:
    """getaddrinfo with a time limit: resolvers have long ones of their own.

    Parameters:
        limit: seconds.
        family: of addresses; 0: any.
    """
    result: list[Any] = []
    fault: list[BaseException] = []

    def look_up() -> None:
        try:
            result.extend(socket.getaddrinfo(address, port, family, socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            fault.append(error)

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(limit)
    if fault:
        raise fault[0]
    if not result:
        raise socket.timeout("name resolution")
    return result


def dial(places: Sequence[Any], limit: float, source: str = "") -> socket.socket:
    """Connect to the first place that answers.

    Parameters:
        places: as getaddrinfo gives them.
        limit: seconds for each of them.
        source: the address that connections come from; empty: as the system has it.
    """
    last: Optional[OSError] = None
    for family, kind, protocol, _, place in places:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(limit)
            if source:
                sock.bind((source, 0))
            sock.connect(place)
            # paramiko leaves Nagle on: some 40 ms at every turn of the talk.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            # A send to a node that vanished ends by this only.
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _USER_TIMEOUT)
            return sock
        except OSError as error:
            sock.close()
            last = error
    raise last or socket.timeout("TCP connection")


def send(channel: paramiko.Channel, request: Request) -> bool:
    """Send the payload; False when the node hung up before all of it was out."""
    try:
        for piece in request.payload:
            # A memoryview: plain bytes would be copied anew for every packet.
            channel.sendall(memoryview(piece))  # type: ignore[arg-type]
        channel.shutdown_write()
        return True
    except socket.timeout:
        raise
    except (OSError, EOFError):
        # "Socket is closed": what the node said before is still to be read.
        return False


def receive(channel: paramiko.Channel) -> tuple[bytes, bytes]:
    """Read both outputs to their end; of standard error, keep the last part."""
    out, err = bytearray(), bytearray()
    poller = select.poll()
    poller.register(channel.fileno(), select.POLLIN)
    while True:
        # Looked at before reading: data queued ahead of the end is still read.
        ended = channel.eof_received or channel.closed
        idle = True
        if channel.recv_ready():
            out += channel.recv(_CHUNK)
            idle = False
        if channel.recv_stderr_ready():
            err += channel.recv_stderr(_CHUNK)
            del err[:-KEPT_STDERR]
            idle = False
        if len(out) > MAX_OUTPUT:
            raise BrokenAnswer(f"the answer is longer than {MAX_OUTPUT} bytes")
        if idle and ended:
            return bytes(out), bytes(err)
        if idle:
            poller.poll(500)


def exit_status(channel: paramiko.Channel, limit: float) -> Optional[int]:
    channel.status_event.wait(limit)
    return channel.exit_status if channel.exit_status >= 0 else None


def close_quietly(*things: Any) -> None:
    """Close what can be closed, in order, whatever state it is in."""
    for each in things:
        try:
            if each is not None:
                each.close()
        except (OSError, EOFError, paramiko.SSHException):
            pass
