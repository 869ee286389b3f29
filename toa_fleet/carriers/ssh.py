# SPDX-License-Identifier: GPL-2.0-only
"""SSH: a Fabric Connection over paramiko for each node, every phase bounded.

Example:
    >>> carrier = SshCarrier(SshConfig())
    >>> with carrier.session(parse_host("root@node7")) as session:
    ...     answer = session.ask(plain(node_program(), "status"), limit=60)
"""

from __future__ import annotations

import logging
import select
import shlex
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Optional, Union

import fabric
import paramiko

from toa_fleet.bundle import Request
from toa_fleet.carriers.base import KEPT_STDERR, Carrier, Completed, Limits, Session
from toa_fleet.carriers.known_hosts import KnownHosts, Line, Verdict, name_of, sha256_fingerprint
from toa_fleet.carriers.ssh_auth import KeyAuth, KeyRing
from toa_fleet.carriers.ssh_settings import SshConfig, SshSettings
from toa_fleet.carriers.watchdog import Watchdog
from toa_fleet.errors import BrokenAnswer, LocalError, NodeError, Unreachable
from toa_fleet.inventory import Host
from toa_fleet.protocol import MAX_OUTPUT
from toa_fleet.text import one_line

# Without a handler of ours, Python prints paramiko's tracebacks to the user.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

_CHUNK = 1 << 16
#: Seconds between signs of life, so that firewalls keep a silent build alive.
_KEEPALIVE = 20
#: How long sent data may stay unacknowledged, in milliseconds.
_USER_TIMEOUT = 30_000
#: From so many connections on, paramiko's ten looks a second per thread cost.
_MANY = 64

_Socket = Union[socket.socket, paramiko.Channel, paramiko.ProxyCommand]


class SshCarrier(Carrier):
    """Reaches nodes over SSH.

    Parameters:
        config: the operator's ssh_config.
        accept_new: record the keys of hosts that known_hosts does not have.
            A changed key is refused all the same.
        sudo: put ``sudo -n`` in front, unless a host says otherwise.
        limits: time limits of the phases.
        parallel: how many sessions will be open at once.
    """

    def __init__(
        self,
        config: SshConfig,
        accept_new: bool = False,
        sudo: bool = False,
        limits: Optional[Limits] = None,
        parallel: int = 32,
    ) -> None:
        self._config = config
        self._accept_new = accept_new
        self._sudo = sudo
        self._limits = limits or Limits()
        self._ring = KeyRing()
        self._watchdog = Watchdog()
        self._known: dict[tuple[Path, ...], KnownHosts] = {}
        self._jumps: dict[SshSettings, _Jump] = {}
        if parallel > _MANY:
            _NodeTransport._active_check_timeout = 0.5  # type: ignore[attr-defined]

    def session(self, host: Host) -> SshSession:
        settings = self._config.settings(host)
        sudo = self._sudo if host.sudo is None else host.sudo
        return SshSession(host, sudo, self._link(settings))

    def close(self) -> None:
        for jump in self._jumps.values():
            jump.close()
        self._watchdog.close()

    def _link(self, settings: SshSettings) -> _Link:
        limits = self._limits
        if settings.connect_timeout:
            limits = replace(limits, connect=settings.connect_timeout)
        jump = self._jump(settings.jump) if settings.jump else None
        trust = _Trust(settings, self._known_hosts(settings), self._accept_new)
        return _Link(settings, trust, KeyAuth(settings, self._ring), limits, self._watchdog, jump)

    def _jump(self, settings: SshSettings) -> _Jump:
        # One connection to a jump host carries all nodes behind it.
        if settings not in self._jumps:
            self._jumps[settings] = _Jump(self._link(settings))
        return self._jumps[settings]

    def _known_hosts(self, settings: SshSettings) -> KnownHosts:
        paths = settings.user_known_hosts + settings.global_known_hosts
        if paths not in self._known:
            self._known[paths] = KnownHosts(paths)
        return self._known[paths]


class SshSession(Session):
    """One node over SSH. See :class:`toa_fleet.carriers.base.Session`."""

    def __init__(self, host: Host, sudo: bool, link: _Link) -> None:
        super().__init__(host, sudo)
        self._link = link

    def open(self) -> None:
        self._link.open()

    def close(self) -> None:
        self._link.close()

    def overdue(self, grace: float) -> bool:
        return self._link.overdue(grace)

    def run(self, request: Request, limit: float) -> Completed:
        return self._link.run(shlex.join(self.command(request)), request, limit)


class _Link:
    """One SSH connection, and the phase that it is in."""

    def __init__(
        self,
        settings: SshSettings,
        trust: _Trust,
        auth: KeyAuth,
        limits: Limits,
        watchdog: Watchdog,
        jump: Optional[_Jump],
    ) -> None:
        self._settings = settings
        self._trust = trust
        self._auth = auth
        self._limits = limits
        self._watchdog = watchdog
        self._jump = jump
        self._socket: Optional[_Socket] = None
        self._transport: Optional[_NodeTransport] = None
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
                sent_all = _send(channel, request)
                stdout, stderr = _receive(channel)
                status = _exit_status(channel, limit)
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
        threading.Thread(target=partial(_close_quietly, transport, sock), daemon=True).start()

    # Steps of opening.

    def _connect(self) -> _Socket:
        settings, limits = self._settings, self._limits
        if self._jump:
            return self._jump.channel_to(settings.address, settings.port)
        if settings.proxy_command:
            self._enter("ProxyCommand", limits.connect)
            return paramiko.ProxyCommand(settings.proxy_command)
        self._enter("name resolution", limits.resolve)
        places = _resolve(settings.address, settings.port, limits.resolve)
        self._enter("TCP connection", limits.connect)
        return _dial(places, limits.connect)

    def _make_transport(self, sock: _Socket, **options: Any) -> _NodeTransport:
        limits = self._limits
        transport = _NodeTransport(sock, **options)
        self._transport = transport
        transport.banner_timeout = limits.banner
        transport.handshake_timeout = limits.key_exchange
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


class _Jump:
    """A jump host: opened by the first that needs it, shared by all."""

    def __init__(self, link: _Link) -> None:
        self._link = link
        self._lock = threading.Lock()
        self._opened = False
        self._error: Optional[NodeError] = None

    def channel_to(self, address: str, port: int) -> paramiko.Channel:
        with self._lock:
            if not self._opened and self._error is None:
                self._open()
        name = self._link._settings.name
        if self._error is not None:
            error = self._error
            raise Unreachable(f"the jump host {name}: {error.detail}", error.hint, error.word)
        try:
            return self._link.open_channel_to(address, port)
        except NodeError as error:
            raise Unreachable(
                f"the jump host {name} cannot reach {address} port {port}: {error.detail}",
                error.hint,
                error.word,
            ) from error

    def close(self) -> None:
        self._link.close()

    def _open(self) -> None:
        try:
            self._link.open()
            self._opened = True
        except NodeError as error:
            self._error = error


class _NodeTransport(paramiko.Transport):
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


class _Trust(paramiko.MissingHostKeyPolicy):
    """Decides about the key that a host shows.

    paramiko's own tables stay empty, so each key comes here: the rules of
    known_hosts (hashes, patterns, revoked keys, ports) then stand in one place.
    """

    def __init__(self, settings: SshSettings, known: KnownHosts, accept_new: bool) -> None:
        self._settings = settings
        self._known = known
        self._accept_new = accept_new

    def kinds(self) -> list[str]:
        return self._known.kinds(self._settings.key_name, self._settings.port)

    def missing_host_key(
        self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey
    ) -> None:
        settings = self._settings
        kind, blob = key.get_name(), key.asbytes()
        verdict, lines = self._known.check(settings.key_name, settings.port, kind, blob)
        if verdict is Verdict.KNOWN:
            return
        shown = f"{kind} {sha256_fingerprint(blob)}"
        if verdict is Verdict.REVOKED:
            raise Unreachable(
                f"the host key is revoked ({lines[0].place}): {shown}",
                "do not connect; ask who revoked it",
                "host-key",
            )
        if verdict is Verdict.CHANGED:
            raise self._changed(shown, lines)
        if not self._accept_new:
            raise self._unknown(shown, lines)
        self._record(kind, blob)

    def _record(self, kind: str, blob: bytes) -> None:
        settings = self._settings
        if not settings.user_known_hosts:
            return
        try:
            self._known.record(
                settings.user_known_hosts[0],
                settings.key_name,
                settings.port,
                kind,
                blob,
                settings.hash_known_hosts,
            )
        except LocalError as error:
            raise Unreachable(error.detail, error.hint, "host-key") from error

    def _changed(self, shown: str, lines: list[Line]) -> Unreachable:
        settings = self._settings
        recorded = ", ".join(f"{one.kind} {sha256_fingerprint(one.key)}" for one in lines[:4])
        path = lines[0].place.rpartition(":")[0] or "~/.ssh/known_hosts"
        name = name_of(settings.key_name, settings.port)
        return Unreachable(
            f"the host key CHANGED: it shows {shown}, but {lines[0].place} has {recorded}",
            "someone may be in between. When the node was truly set up anew: "
            f"ssh-keygen -R '{name}' -f {path}",
            "host-key",
        )

    def _unknown(self, shown: str, authorities: list[Line]) -> Unreachable:
        settings = self._settings
        detail = f"the host key is not known: {shown}"
        if authorities:
            detail += f" (certificates, as {authorities[0].place} allows, are not supported)"
        return Unreachable(
            f"{detail} for {name_of(settings.key_name, settings.port)}",
            "compare it with the node's own (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub), "
            "then give --accept-new-host-keys",
            "host-key",
        )


def _resolve(address: str, port: int, limit: float) -> list[Any]:
    """getaddrinfo with a time limit: resolvers have long ones of their own."""
    result: list[Any] = []
    fault: list[BaseException] = []

    def look_up() -> None:
        try:
            result.extend(socket.getaddrinfo(address, port, type=socket.SOCK_STREAM))
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


def _dial(places: list[Any], limit: float) -> socket.socket:
    """Connect to the first place that answers, all of them within ``limit`` seconds."""
    end = time.monotonic() + limit
    last: Optional[OSError] = None
    for family, kind, protocol, _, place in places:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(max(0.1, end - time.monotonic()))
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


def _send(channel: paramiko.Channel, request: Request) -> bool:
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


def _receive(channel: paramiko.Channel) -> tuple[bytes, bytes]:
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


def _exit_status(channel: paramiko.Channel, limit: float) -> Optional[int]:
    channel.status_event.wait(limit)
    return channel.exit_status if channel.exit_status >= 0 else None


def _close_quietly(transport: Optional[paramiko.Transport], sock: Optional[_Socket]) -> None:
    for each in (transport, sock):
        try:
            if each is not None:
                each.close()
        except (OSError, EOFError, paramiko.SSHException):
            pass


def _words(error: BaseException) -> str:
    strerror = getattr(error, "strerror", None)
    return one_line(str(strerror or error) or type(error).__name__, 160)
