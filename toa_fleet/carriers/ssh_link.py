# SPDX-License-Identifier: GPL-2.0-only
"""One SSH connection and the phase that it is in; each phase has its limit."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Optional

import fabric
import paramiko

from toa_fleet.bundle import Request
from toa_fleet.carriers.base import Completed, Limits
from toa_fleet.carriers.ssh_auth import KeyAuth
from toa_fleet.carriers.ssh_settings import SshSettings
from toa_fleet.carriers.ssh_trust import Trust
from toa_fleet.carriers.ssh_wire import (
    Proxy,
    Socket,
    close_quietly,
    dial,
    exit_status,
    receive,
    resolve,
    send,
)
from toa_fleet.carriers.watchdog import Watchdog
from toa_fleet.errors import NodeError, Unreachable
from toa_fleet.text import one_line

if TYPE_CHECKING:
    from toa_fleet.carriers.ssh import Jump

# Without a handler of ours, Python prints paramiko's tracebacks to the user.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

#: Seconds between signs of life, so that firewalls keep a silent build alive.
_KEEPALIVE = 20

_OWN_PHASES = (
    "name resolution",
    "TCP connection",
    "ProxyCommand",
    "connection onward",
    "banner",
    "key exchange",
    "authentication",
    "channel",
)


class Link:
    """One SSH connection, and the phase that it is in."""

    def __init__(
        self,
        settings: SshSettings,
        trust: Trust,
        auth: KeyAuth,
        limits: Limits,
        watchdog: Watchdog,
        jump: Optional[Jump],
    ) -> None:
        self._settings = settings
        self._trust = trust
        self._auth = auth
        self._limits = limits
        self._watchdog = watchdog
        self._jump = jump
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

    # What the watchdog needs.

    def overdue(self, grace: float) -> bool:
        deadline = self._deadline
        return deadline is not None and time.monotonic() > deadline + grace

    def abort(self) -> None:
        self._timed_out = True
        self._deadline = None
        self._hang_up()

    # What a session needs.

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

    # Phases.

    def _enter(self, phase: str, limit: float) -> None:
        self._raise_if_late()
        self._phase, self._limit = phase, limit
        self._deadline = time.monotonic() + limit

    def _raise_if_late(self) -> None:
        if self._timed_out:
            raise self._late()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Bound what happens inside, and turn its errors into ours."""
        with self._watchdog.watching(self):
            try:
                yield
            except (paramiko.SSHException, OSError, EOFError, UnicodeError) as error:
                raise self._explained(error) from error
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

    # Steps of opening.

    def _connect(self) -> Socket:
        settings, limits = self._settings, self._limits
        if self._jump:
            return self._jump.channel_to(settings.address, settings.port)
        if settings.proxy_command:
            self._enter("ProxyCommand", limits.connect)
            self._proxy = Proxy(settings.proxy_command)
            return self._proxy.socket
        self._enter("name resolution", limits.resolve)
        places = resolve(settings.address, settings.port, limits.resolve)
        self._enter("TCP connection", limits.connect)
        return dial(places, limits.connect)

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

    # Words for what went wrong.

    def _explained(self, error: BaseException) -> NodeError:
        if self._timed_out or isinstance(error, socket.timeout):
            return self._late()
        where = f"{self._settings.address} port {self._settings.port}"
        said = one_line(self._proxy.words(), 200) if self._proxy else ""
        if said:
            return Unreachable(
                f"the ProxyCommand to {where} says: {said}", "see ProxyCommand in your ssh_config"
            )
        if isinstance(error, socket.gaierror):
            return Unreachable(
                f"the name {self._settings.address} cannot be resolved: {_words(error)}",
                "check the spelling, DNS, and HostName in your ssh_config",
                "resolve",
            )
        if isinstance(error, ConnectionRefusedError):
            return Unreachable(
                f"{where} refuses the connection",
                "is sshd running there, and is this its port?",
            )
        if "banner" in str(error) or isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
            return self._no_ssh(where, error)
        if isinstance(error, (EOFError, ConnectionResetError, BrokenPipeError)):
            return self._hung_up(where)
        if isinstance(error, OSError) and self._transport is None:
            return Unreachable(
                f"{where} cannot be reached: {_words(error)}", "check the network and the firewall"
            )
        if self._transport is not None and not self._transport.is_active():
            return self._hung_up(f"{where} ({_words(error)})")
        return Unreachable(f"SSH with {where} fails: {_words(error)}", "try ssh -v", "ssh")

    def _no_ssh(self, where: str, error: BaseException) -> Unreachable:
        cause: Optional[BaseException] = error
        while cause is not None:
            if isinstance(cause, (socket.timeout, TimeoutError)):
                return self._late("banner", self._limits.banner)
            cause = cause.__cause__ or cause.__context__
        return Unreachable(
            f"{where} does not speak SSH with us: {_words(error)}",
            "is this the port of sshd? A busy sshd (MaxStartups) drops connections here too",
            "ssh",
        )

    def _hung_up(self, where: str) -> Unreachable:
        return Unreachable(
            f"{where} hung up during {self._phase or 'the connection'}",
            "look at the node's sshd log; run the same again: nothing is left half-done",
            "hung-up",
        )

    def _late(self, phase: str = "", limit: float = 0) -> Unreachable:
        phase = phase or self._phase
        limit = limit or self._limit
        transport = self._transport
        if phase == "key exchange" and transport is not None and not transport.remote_version:
            phase = "banner"
        hint = {
            "name resolution": "check DNS",
            "TCP connection": "check the network and the firewall; or raise ConnectTimeout",
        }.get(phase, "is the node overloaded or its disk stuck? Run the same again later")
        if phase not in _OWN_PHASES:
            hint = "give it more time with --timeout, or look what hangs on the node"
        return Unreachable(f"no answer within {limit:.0f} s in phase: {phase}", hint, "timeout")


class NodeTransport(paramiko.Transport):
    """paramiko's Transport, honest about a key exchange that did not finish."""

    def start_client(self, event: Any = None, timeout: Optional[float] = None) -> None:
        super().start_client(event, timeout)
        # It returns silently when its time is up.
        if not self.initial_kex_done:
            raise socket.timeout("key exchange")

    def prefer_host_keys(self, kinds: list[str]) -> None:
        """Ask first for key types that known_hosts has for this host."""
        options = self.get_security_options()
        names = [name for kind in kinds for name in _ALGORITHMS.get(kind, (kind,))]
        first = [name for name in names if name in options.key_types]
        options.key_types = first + [name for name in options.key_types if name not in first]


#: Host key algorithms by the type that known_hosts gives.
_ALGORITHMS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}


class _TimedAuth:
    """Says when authentication begins, so that its own limit holds."""

    def __init__(self, auth: KeyAuth, begin: Any) -> None:
        self._auth = auth
        self._begin = begin

    def authenticate(self, transport: paramiko.Transport) -> list[str]:
        self._begin()
        return self._auth.authenticate(transport)


def look_less_often() -> None:
    """Have transports look at their state twice a second instead of ten times."""
    NodeTransport._active_check_timeout = 0.5  # type: ignore[attr-defined]


def _words(error: BaseException) -> str:
    strerror = getattr(error, "strerror", None)
    return one_line(str(strerror or error) or type(error).__name__, 160)
