# SPDX-License-Identifier: GPL-2.0-only
"""What went wrong with a connection, in words for an operator."""

from __future__ import annotations

import socket
from dataclasses import dataclass, replace
from typing import Optional

import paramiko

from toa_fleet.errors import NodeError, Unreachable
from toa_fleet.text import one_line

#: Phases that are ours; any other is a command on the node.
_PHASES = frozenset(
    {
        "name resolution",
        "TCP connection",
        "ProxyCommand",
        "connection onward",
        "banner",
        "key exchange",
        "authentication",
        "channel",
    }
)


@dataclass(frozen=True)
class Moment:
    """What a connection was at when something went wrong.

    Attributes:
        address, port: where it goes.
        phase, limit: what was under way, and how many seconds it may take.
        late: whether that time was up.
        banner_limit: seconds that a node may take to greet.
        proxy_said: the last words of a ProxyCommand.
        connected: whether there was a connection for SSH.
        greeted: whether the node had said that it speaks SSH.
        active: whether the connection still was.
    """

    address: str
    port: int
    phase: str
    limit: float
    late: bool
    banner_limit: float
    proxy_said: str
    connected: bool
    greeted: bool
    active: bool

    @property
    def place(self) -> str:
        """Address and port."""
        return f"{self.address} port {self.port}"


def explain(error: BaseException, moment: Moment) -> NodeError:
    """The error that says what happened and what to do."""
    place = moment.place
    if moment.late or isinstance(error, socket.timeout):
        return too_late(moment)
    if moment.proxy_said:
        return Unreachable(
            f"the ProxyCommand to {place} says: {moment.proxy_said}",
            "see ProxyCommand in your ssh_config",
        )
    if isinstance(error, socket.gaierror):
        return Unreachable(
            f"the name {moment.address} cannot be resolved: {_words(error)}",
            "check the spelling, DNS, and HostName in your ssh_config",
            "resolve",
        )
    if isinstance(error, ConnectionRefusedError):
        return Unreachable(
            f"{place} refuses the connection",
            "is sshd running there, and is this its port?",
        )
    if "banner" in str(error) or isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        return _no_ssh(error, moment)
    if isinstance(error, (EOFError, ConnectionResetError, BrokenPipeError)):
        return _hung_up(place, moment.phase)
    if isinstance(error, OSError) and not moment.connected:
        return Unreachable(
            f"{place} cannot be reached: {_words(error)}", "check the network and the firewall"
        )
    if moment.connected and not moment.active:
        return _hung_up(f"{place} ({_words(error)})", moment.phase)
    return Unreachable(f"SSH with {place} fails: {_words(error)}", "try ssh -v", "ssh")


def too_late(moment: Moment) -> Unreachable:
    """The error that says that a phase took too long."""
    phase = moment.phase
    if phase == "key exchange" and moment.connected and not moment.greeted:
        phase = "banner"
    hint = {
        "name resolution": "check DNS",
        "TCP connection": "check the network and the firewall; or raise ConnectTimeout",
    }.get(phase, "is the node overloaded or its disk stuck? Run the same again later")
    if phase not in _PHASES:
        hint = "give it more time with --timeout, or look what hangs on the node"
    return Unreachable(f"no answer within {moment.limit:.0f} s in phase: {phase}", hint, "timeout")


def _no_ssh(error: BaseException, moment: Moment) -> Unreachable:
    cause: Optional[BaseException] = error
    while cause is not None:
        if isinstance(cause, (socket.timeout, TimeoutError)):
            return too_late(replace(moment, phase="banner", limit=moment.banner_limit))
        cause = cause.__cause__ or cause.__context__
    return Unreachable(
        f"{moment.place} does not speak SSH with us: {_words(error)}",
        "is this the port of sshd? A busy sshd (MaxStartups) drops connections here too",
        "ssh",
    )


def _hung_up(place: str, phase: str) -> Unreachable:
    return Unreachable(
        f"{place} hung up during {phase or 'the connection'}",
        "look at the node's sshd log; run the same again: nothing is left half-done",
        "hung-up",
    )


def _words(error: BaseException) -> str:
    strerror = getattr(error, "strerror", None)
    return one_line(str(strerror or error) or type(error).__name__, 160)
