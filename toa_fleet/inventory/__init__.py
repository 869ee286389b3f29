# SPDX-License-Identifier: GPL-2.0-only
"""Which nodes: host arguments, host files, Salt rosters.

A wrong line is named with its file and number; an inventory with a fault in it
is not used at all, since a push to half of what was meant is a surprise.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Optional

from toa_fleet.errors import UsageError
from toa_fleet.inventory.files import STANDARD_INPUT, read_text
from toa_fleet.inventory.host import LOCAL, Host, parse_host
from toa_fleet.inventory.host_list import read_host_list
from toa_fleet.inventory.roster import looks_like_roster, read_roster

__all__ = ["LOCAL", "Host", "parse_host", "read", "read_file"]


def read(arguments: Iterable[str], files: Iterable[Path]) -> list[Host]:
    """Return the nodes of an invocation, in order, each once.

    Parameters:
        arguments: hosts as words.
        files: host files and rosters; ``-`` is standard input.

    Raises:
        UsageError: no host at all, an unreadable file, a wrong line, or one
            node named twice with different settings.
    """
    hosts = [parse_host(word) for word in arguments]
    paths = list(files)
    if paths.count(STANDARD_INPUT) > 1:
        raise UsageError("standard input can be read once only", "give one -i -")
    for path in paths:
        hosts += read_file(path)
    if not hosts:
        raise UsageError("no hosts given", "name them as arguments, or with -i FILE")
    return _unique(hosts)


def read_file(path: Path) -> list[Host]:
    """Read a host file (one host a line, ``#`` comments) or a Salt roster.

    Parameters:
        path: the file; ``-`` is standard input.

    Raises:
        UsageError: naming the file, the line and the fault.
    """
    name, text = read_text(path)
    hosts = read_roster(name, text) if looks_like_roster(name, text) else read_host_list(name, text)
    if not hosts:
        raise UsageError(f"{name} names no host")
    return hosts


def _unique(hosts: list[Host]) -> list[Host]:
    """Drop repetitions; two entries at odds about one node are an error."""
    by_place: dict[tuple[str, Optional[int]], Host] = {}
    by_name: dict[str, Host] = {}
    for host in hosts:
        place = (host.address.lower(), host.port)
        before = by_place.setdefault(place, host)
        if _settings(before) != _settings(host):
            raise UsageError(
                f"{_described(host)} and {_described(before)} are the same node "
                "with different settings",
                "name each node once",
            )
        namesake = by_name.setdefault(host.name, host)
        if (namesake.address.lower(), namesake.port) != place:
            raise UsageError(
                f"{_described(host)} and {_described(namesake)} are two nodes under one name"
            )
    return list(by_place.values())


def _settings(host: Host) -> tuple[Any, ...]:
    return (host.user, host.identity, host.sudo, host.connect_timeout, host.jump)


def _described(host: Host) -> str:
    return f"{host.name} ({host.source})"
