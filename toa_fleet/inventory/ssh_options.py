# SPDX-License-Identifier: GPL-2.0-only
"""A roster's ``ssh_options``: those that say which node, and as whom, are obeyed.

Others belong into the ssh_config, which has all of them, and are refused.
"""

from __future__ import annotations

import re
from typing import Callable

from toa_fleet.inventory.host import parse_host, port_number, require_user
from toa_fleet.inventory.target import Key, Target
from toa_fleet.inventory.values import identity, seconds
from toa_fleet.text import one_line

_OPTION = re.compile(r"([A-Za-z][A-Za-z0-9]*)(?:\s*=\s*|\s+)(\S.*)\Z")
_ACCEPT_NEW = "host keys are always checked; --accept-new-host-keys records those of new hosts"

#: Let be, with the reason. By lower-case name, as below.
_IGNORED = {
    "batchmode": "nothing is ever asked",
    "compression": "what is sent is packed",
    "connectionattempts": "run the same again",
    "controlmaster": "a node is one connection",
    "controlpath": "a node is one connection",
    "controlpersist": "a node is one connection",
    "loglevel": "of the command ssh",
    "passwordauthentication": "no password is ever given",
    "serveralivecountmax": "signs of life are our own",
    "serveraliveinterval": "signs of life are our own",
    "tcpkeepalive": "signs of life are our own",
}


def read_ssh_options(target: Target, key: Key) -> None:
    """Obey each option.

    Raises:
        UsageError: it is none, has to stand in the ssh_config, or is at odds
            with another key.
    """
    for item in key.items():
        option = _OPTION.match(item.word().strip())
        if not option:
            raise item.error(f"{one_line(item.word(), 60)!r} is no Option=argument")
        name, value = option.group(1), option.group(2).strip()
        if name.lower() in _IGNORED:
            continue
        if name.lower() not in _OBEYED:
            raise item.error(
                f"{one_line(name, 40)} is not read here",
                f"write `{one_line(f'{name} {value}', 80)}` below `Host {target.address or '...'}` "
                "into your ssh_config",
            )
        _OBEYED[name.lower()](target, item, value)


def _port(target: Target, item: Key, value: str) -> None:
    target.port = item.once(target.port, port_number(value, item.place))


def _user(target: Target, item: Key, value: str) -> None:
    require_user(value, item.place)
    target.user = item.once(target.user, value)


def _identity_file(target: Target, item: Key, value: str) -> None:
    target.identity = item.once(target.identity, identity(value, item))


def _connect_timeout(target: Target, item: Key, value: str) -> None:
    target.connect_timeout = item.once(target.connect_timeout, seconds(value, item))


def _proxy_jump(target: Target, item: Key, value: str) -> None:
    hops = [hop.strip() for hop in value.split(",")]
    if value.lower() != "none":
        for hop in hops:
            parse_host(hop, item.place)
    target.jump = item.once(target.jump, ",".join(hops))


def _strict_host_key_checking(target: Target, item: Key, value: str) -> None:
    if value.lower() not in ("yes", "ask"):
        raise item.error(
            f"StrictHostKeyChecking={one_line(value, 20)} is not done here", _ACCEPT_NEW
        )


_OBEYED: dict[str, Callable[[Target, Key, str], None]] = {
    "port": _port,
    "user": _user,
    "identityfile": _identity_file,
    "connecttimeout": _connect_timeout,
    "proxyjump": _proxy_jump,
    "stricthostkeychecking": _strict_host_key_checking,
}
