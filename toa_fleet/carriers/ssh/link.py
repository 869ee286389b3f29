# SPDX-License-Identifier: GPL-2.0-only
"""One SSH connection and the phase that it is in; each phase has its limit."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Callable, Optional

import fabric
import paramiko

from toa_fleet.bundle import Request
from toa_fleet.carriers.base import Completed, Limits
from toa_fleet.carriers.ssh.auth import KeyAuth
from toa_fleet.carriers.ssh.settings import SshSettings
from toa_fleet.carriers.ssh.transport import NodeTransport
from toa_fleet.carriers.ssh.trust import Trust
from toa_fleet.carriers.ssh.watchdog import Watchdog
from toa_fleet.carriers.ssh.wire import (
    Proxy,
    Socket,
    close_quietly,
    dial,
    exit_status,
    receive,
    resolve,
    send,
)
from toa_fleet.carriers.ssh.words import Moment, explain, too_late
from toa_fleet.text import one_line

#: Seconds between signs of life, so that firewalls keep a silent build alive.
_KEEPALIVE = 20
#: Addresses of one name that are tried.
_MAX_PLACES = 4

#: Opens a connection to an address and port through another host.
Onward = Callable[[str, int], paramiko.Channel]


class Link:
    """One SSH connection, and the phase that it is in."""

    def __init__(
        self,
        settings: SshSettings,
        trust: Trust,
        auth: KeyAuth,
        limits: Limits,
        watchdog: Watchdog,
        onward: Optional[Onward],
    ) -> None:
        self._settings = settings
        self._trust = trust
        self._auth = auth
        self._limits = limits
        self._watchdog = watchdog
        self._onward = onward
        self._socket: Optional[Socket] = None
        self._proxy: Optional[Proxy] = None
        self._transport: Optional[NodeTransport] = None
        self._phase = ""
        self._limit = 0.0
        self._deadline: Optional[float] = None
        self._timed_out = False
        self._closed = False
        # Made here, in the main thread: Configs race with each other.
        self._connection = fabric.Connection(
            settings.address,
            user=settings.user,
            port=settings.port,
            config=fabric.Config(ssh_config=paramiko.SSHConfig(), lazy=True),
            gateway=False,
        )
        self._connection.client.set_missing_host_key_policy(trust)

    @property
    def name(self) -> str:
        """What errors call the host."""
        return self._settings.name

    def overdue(self, grace: float) -> bool:
        """Whether the phase under way is past its limit by ``grace`` seconds."""
        deadline = self._deadline
        return deadline is not None and time.monotonic() > deadline + grace

    def abort(self) -> None:
        """End what is under way, for its time is up. For the watchdog's thread."""
        self._timed_out = True
        self._deadline = None
        self._hang_up()

    def open(self) -> None:
        """Connect, check the host key, log in."""
        with self._guarded():
            self._socket = self._connect()
            self._connection.connect_kwargs = {
                "sock": self._socket,
                "transport_factory": self._make_transport,
                "auth_strategy": self._auth_in_time(),
            }
            self._connection.open()
            assert self._transport is not None
            self._transport.set_keepalive(_KEEPALIVE)

    def close(self) -> None:
        """Let go, from any thread; harmless to repeat."""
        if not self._closed:
            self._closed = True
            self._hang_up()

    def run(self, command: str, request: Request, limit: float) -> Completed:
        """Run a command line with a request's payload on standard input."""
        with self._guarded():
            channel = self._open_channel()
            try:
                self._enter(request.verb, limit)
                channel.settimeout(limit)
                channel.exec_command(command)
                sent_all = send(channel, request)
                stdout, stderr = receive(channel)
                status = exit_status(channel, limit)
                # The watchdog's hanging up looks like an end of file here.
                self._raise_if_late()
                return Completed(status, stdout, stderr, sent_all)
            finally:
                channel.close()

    def open_channel_to(self, address: str, port: int) -> paramiko.Channel:
        """A connection onward from this host, which is a jump host then."""
        with self._guarded():
            self._enter("connection onward", self._limits.connect)
            assert self._transport is not None
            return self._transport.open_channel(
                "direct-tcpip", (address, port), ("", 0), timeout=self._limits.connect
            )

    def _enter(self, phase: str, limit: float) -> None:
        self._raise_if_late()
        self._phase, self._limit = phase, limit
        self._deadline = time.monotonic() + limit

    def _raise_if_late(self) -> None:
        if self._timed_out:
            raise too_late(self._moment())

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Bound what happens inside, and turn its errors into ours."""
        with self._watchdog.watching(self):
            try:
                yield
            except (paramiko.SSHException, OSError, EOFError, UnicodeError) as error:
                raise explain(error, self._moment()) from error
            finally:
                self._deadline = None

    def _hang_up(self) -> None:
        transport, sock = self._transport, self._socket
        if transport is not None:
            transport.active = False  # type: ignore[attr-defined]
        if isinstance(sock, socket.socket):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        # Closing can wait for a peer that does not answer; nobody waits for it.
        threading.Thread(
            target=partial(close_quietly, transport, sock, self._proxy), daemon=True
        ).start()

    def _connect(self) -> Socket:
        settings, limits = self._settings, self._limits
        if self._onward:
            return self._onward(settings.address, settings.port)
        if settings.proxy_command:
            self._enter("ProxyCommand", limits.connect)
            self._proxy = Proxy(settings.proxy_command)
            return self._proxy.socket
        self._enter("name resolution", limits.resolve)
        places = resolve(settings.address, settings.port, limits.resolve, settings.family)
        places = places[:_MAX_PLACES]
        # The first of a name's addresses may be one that swallows all, as IPv6 does at
        # many a place: it takes nothing from the time of the next.
        self._enter("TCP connection", limits.connect * len(places))
        return dial(places, limits.connect, settings.bind_address)

    def _make_transport(self, sock: Socket, **options: Any) -> NodeTransport:
        limits = self._limits
        transport = NodeTransport(sock, **options)
        self._transport = transport
        transport.banner_timeout = limits.banner
        # Ours is the watchdog's; paramiko's own would look like a hang-up.
        transport.handshake_timeout = limits.banner + limits.key_exchange + 5
        transport.auth_timeout = limits.auth
        transport.channel_timeout = limits.channel
        transport.prefer_host_keys(self._trust.kinds())
        self._enter("key exchange", limits.banner + limits.key_exchange)
        return transport

    def _auth_in_time(self) -> _TimedAuth:
        return _TimedAuth(self._auth, partial(self._enter, "authentication", self._limits.auth))

    def _open_channel(self) -> paramiko.Channel:
        self._enter("channel", self._limits.channel)
        if self._transport is None:
            raise EOFError
        return self._transport.open_session(timeout=self._limits.channel)

    def _moment(self) -> Moment:
        transport = self._transport
        return Moment(
            address=self._settings.address,
            port=self._settings.port,
            phase=self._phase,
            limit=self._limit,
            late=self._timed_out,
            banner_limit=self._limits.banner,
            proxy_said=one_line(self._proxy.words(), 200) if self._proxy else "",
            connected=transport is not None,
            greeted=transport is not None and bool(transport.remote_version),
            active=transport is not None and transport.is_active(),
        )


class _TimedAuth:
    """Says when authentication begins, so that its own limit holds."""

    def __init__(self, auth: KeyAuth, begin: Any) -> None:
        self._auth = auth
        self._begin = begin

    def authenticate(self, transport: paramiko.Transport) -> list[str]:
        self._begin()
        return self._auth.authenticate(transport)
