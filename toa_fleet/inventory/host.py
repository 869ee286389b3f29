# SPDX-License-Identifier: GPL-2.0-only
"""One node as the operator names it, and the words that may name it."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from toa_fleet.errors import UsageError
from toa_fleet.text import one_line

#: The word that means this machine, without SSH.
LOCAL = "@local"

_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_.])?\Z")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+@\\-]*\$?\Z")
_ZONE = re.compile(r"[A-Za-z0-9._-]+\Z")
#: What a host looks like, for hints.
FORM = "write [user@]host[:port], with an IPv6 address as [address]:port"


@dataclass(frozen=True)
class Host:
    """One node as the operator named it.

    Attributes:
        name: what reports call it: the argument, or the roster's id.
        address: host name, address, or alias of the ssh_config.
        user, port: None leaves them to the ssh_config.
        identity: private key file, or None.
        sudo: None leaves it to ``--sudo``.
        source: where it was named, as ``FILE:LINE`` or ``argument``.
        connect_timeout: seconds for the connection; None leaves it to the ssh_config.
        jump: hosts to go through, as in ``ProxyJump first,second``; None
            leaves it to the ssh_config.
    """

    name: str
    address: str
    user: Optional[str] = None
    port: Optional[int] = None
    identity: Optional[Path] = None
    sudo: Optional[bool] = None
    source: str = "argument"
    connect_timeout: Optional[float] = None
    jump: Optional[str] = None

    @property
    def is_local(self) -> bool:
        """Whether it is this machine, reached without SSH."""
        return self.address == LOCAL


def parse_host(word: str, source: str = "argument") -> Host:
    """Parse ``[user@]host[:port]``.

    Raises:
        UsageError: it is none.
    """
    if word == LOCAL:
        return Host(LOCAL, LOCAL, source=source)
    user, at, rest = word.rpartition("@")
    if at:
        require_user(user, source)
    address, port = _split_port(rest, source)
    require_address(address, source)
    return Host(word, address, user or None, port, source=source)


def require_user(user: str, source: str) -> None:
    """Refuse what is no user name.

    Raises:
        UsageError: it is none.
    """
    if not _USER.match(user):
        raise bad(source, f"{one_line(user, 60)!r} is no proper user name", FORM)


def require_address(address: str, source: str) -> None:
    """Refuse what is neither a host name nor an address.

    Raises:
        UsageError: it is neither.
    """
    if not (_NAME.match(address) or is_ip(address)):
        raise bad(source, f"{one_line(address, 80)!r} is neither a host name nor an address", FORM)


def port_number(text: str, source: str) -> int:
    """Read a port.

    Raises:
        UsageError: it is none.
    """
    # No leading zero: in YAML, 022 is 18.
    if re.match(r"[1-9][0-9]{0,4}\Z", text) and int(text) < 65536:
        return int(text)
    raise bad(source, f"{one_line(text, 40)!r} is no port", "a port is a number, 1 to 65535")


def is_ip(address: str) -> bool:
    """Whether it is an IPv4 or IPv6 address; a zone (``fe80::1%eth0``) belongs to it."""
    plain, percent, zone = address.partition("%")
    # ipaddress takes anything for a zone, and an address goes into ProxyCommands.
    if percent and not _ZONE.match(zone):
        return False
    try:
        parsed = ipaddress.ip_address(plain)
    except ValueError:
        return False
    return parsed.version == 6 or not percent


def bad(source: str, what: str, hint: str) -> UsageError:
    """The error that names where, what, and what to write instead."""
    return UsageError(f"{source}: {what}", hint)


def _split_port(text: str, source: str) -> tuple[str, Optional[int]]:
    if text.startswith("["):
        address, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise bad(source, f"{one_line(text, 80)!r} has no proper brackets", FORM)
        if not (":" in address and is_ip(address)):
            raise bad(source, f"{one_line(text, 80)!r}: brackets hold IPv6 addresses only", FORM)
        return address, port_number(rest[1:], source) if rest else None
    if "[" in text or "]" in text:
        raise bad(source, f"{one_line(text, 80)!r}: brackets hold IPv6 addresses only", FORM)
    if text.count(":") > 1:
        return text, None
    address, colon, port = text.partition(":")
    return address, port_number(port, source) if colon else None
