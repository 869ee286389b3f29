# SPDX-License-Identifier: GPL-2.0-only
"""Stand-ins for an sshd that does not behave: plain TCP servers on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Callable

#: A KEXINIT packet that offers what paramiko takes, and no more words after it.
_BANNER = b"SSH-2.0-stand-in\r\n"


def never_sends_a_banner(connection: socket.socket) -> None:
    _read_on(connection)


def stalls_in_the_key_exchange(connection: socket.socket) -> None:
    connection.sendall(_BANNER)
    _read_on(connection)


def stalls_after_its_first_packet(connection: socket.socket) -> None:
    import paramiko

    connection.sendall(_BANNER)
    connection.sendall(_kexinit(paramiko.Transport))
    _read_on(connection)


def hangs_up_at_once(connection: socket.socket) -> None:
    connection.close()


def hangs_up_after_its_banner(connection: socket.socket) -> None:
    connection.sendall(_BANNER)
    connection.close()


def speaks_http(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    connection.close()


def _kexinit(transport: type) -> bytes:
    def names(*values: str) -> bytes:
        text = ",".join(values).encode()
        return len(text).to_bytes(4, "big") + text

    lists = [
        names("curve25519-sha256@libssh.org"),
        names("ssh-ed25519"),
        *[names("aes128-ctr")] * 2,
        *[names("hmac-sha2-256")] * 2,
        *[names("none")] * 2,
        *[names()] * 2,
    ]
    payload = b"\x14" + bytes(16) + b"".join(lists) + bytes(5)
    padding = 8 - (len(payload) + 5) % 8 + 8
    return (
        (len(payload) + padding + 1).to_bytes(4, "big")
        + bytes([padding])
        + payload
        + bytes(padding)
    )


def _read_on(connection: socket.socket) -> None:
    try:
        while connection.recv(65536):
            pass
    except OSError:
        pass


@contextmanager
def stand_in(behaviour: Callable[[socket.socket], None]) -> Iterator[int]:
    """Run a server that treats each connection so; gives its port."""
    server = socket.create_server(("127.0.0.1", 0))
    connections: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            connections.append(connection)
            threading.Thread(target=behaviour, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield int(server.getsockname()[1])
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        for connection in connections:
            connection.close()
