# SPDX-License-Identifier: GPL-2.0-only
"""Which nodes: host arguments, host files, Salt rosters.

A wrong line is named with its file and number; an inventory with a fault in it
is not used at all, since a push to half of what was meant is a surprise.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import yaml

from toa_fleet.errors import UsageError
from toa_fleet.text import one_line

#: The word that means this machine, without SSH.
LOCAL = "@local"

#: Largest inventory file, in bytes.
MAX_BYTES = 16 * 1024 * 1024

_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_.])?\Z")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+@\\-]*\$?\Z")
_ROSTER_LINE = re.compile(r"[^\s#:]+:(\s|$)|['\"].*['\"]:(\s|$)|---|%YAML|\{")
_FORM = "write [user@]host[:port], with an IPv6 address as [address]:port"


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
    """

    name: str
    address: str
    user: Optional[str] = None
    port: Optional[int] = None
    identity: Optional[Path] = None
    sudo: Optional[bool] = None
    source: str = "argument"

    @property
    def is_local(self) -> bool:
        """Whether it is this machine, reached without SSH."""
        return self.address == LOCAL


def read(arguments: Iterable[str], files: Iterable[Path]) -> list[Host]:
    """Return the nodes of an invocation, in order, each once.

    Parameters:
        arguments: hosts as words.
        files: host files and rosters.

    Raises:
        UsageError: no host at all, an unreadable file, a wrong line, or one
            node named twice with different settings.
    """
    hosts = [parse_host(word) for word in arguments]
    for path in files:
        hosts += read_file(path)
    if not hosts:
        raise UsageError("no hosts given", "name them as arguments, or with -i FILE")
    return _unique(hosts)


def parse_host(word: str, source: str = "argument") -> Host:
    """Parse ``[user@]host[:port]``.

    Raises:
        UsageError: it is none.
    """
    if word == LOCAL:
        return Host(LOCAL, LOCAL, source=source)
    user, at, rest = word.rpartition("@")
    if at and not _USER.match(user):
        raise _bad(source, f"{one_line(word, 80)!r} has no proper user name", _FORM)
    address, port = _split_port(rest, source)
    _require_address(address, source)
    return Host(word, address, user or None, port, source=source)


def read_file(path: Path) -> list[Host]:
    """Read a host file (one host a line, ``#`` comments) or a Salt roster.

    Raises:
        UsageError: naming the file, the line and the fault.
    """
    text = _read_text(path)
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            is_roster = bool(_ROSTER_LINE.match(line)) or line.startswith("#!")
            break
    else:
        raise UsageError(f"{path} names no host")
    return _roster(path, text) if is_roster else _lines(path, text)


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the inventory {path}: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise UsageError(f"the inventory {path} is larger than {MAX_BYTES} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UsageError(f"{path}:{line}: not UTF-8") from None


def _lines(path: Path, text: str) -> list[Host]:
    hosts = []
    for number, line in enumerate(text.splitlines(), 1):
        word = re.sub(r"(^|\s)#.*", "", line).strip()
        if not word:
            continue
        if len(word.split()) > 1:
            raise _bad(f"{path}:{number}", f"more than one word: {one_line(word, 80)!r}", _FORM)
        hosts.append(parse_host(word, f"{path}:{number}"))
    return hosts


def _split_port(text: str, source: str) -> tuple[str, Optional[int]]:
    if text.startswith("["):
        address, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise _bad(source, f"{one_line(text, 80)!r} has no proper brackets", _FORM)
        return address, _port(rest[1:], source) if rest else None
    if text.count(":") > 1:
        return text, None
    address, colon, port = text.partition(":")
    return address, _port(port, source) if colon else None


def _port(text: Any, source: str) -> int:
    if re.match(r"[0-9]{1,5}\Z", str(text)) and 0 < int(text) < 65536:
        return int(text)
    raise _bad(source, f"{one_line(str(text), 40)!r} is no port", "a port is a number, 1 to 65535")


def _require_address(address: str, source: str) -> None:
    if _NAME.match(address) or _is_ip(address):
        return
    raise _bad(source, f"{one_line(address, 80)!r} is neither a host name nor an address", _FORM)


def _is_ip(address: str) -> bool:
    # A zone (fe80::1%eth0) belongs to the address; Python 3.9 knows it too.
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


# A roster is read as a tree of nodes rather than as plain values: the nodes
# know their lines, and keep a key that is given twice.


def _roster(path: Path, text: str) -> list[Host]:
    for number, line in enumerate(text.splitlines(), 1):
        if "{%" in line or "{{" in line or (number == 1 and line.startswith("#!")):
            raise UsageError(
                f"{path}:{number}: the roster is a template, and templates are not rendered here",
                "give the rendered roster (salt-ssh --static, or slsutil.renderer prints it)",
            )
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or "cannot be read"
        raise UsageError(f"{place}: not YAML: {one_line(str(problem), 120)}") from None
    if not isinstance(tree, yaml.MappingNode):
        raise UsageError(f"{path}: a roster maps ids to hosts")
    return [_roster_host(path, key, value) for key, value in _pairs(path, tree)]


def _pairs(path: Path, mapping: yaml.MappingNode) -> list[tuple[str, yaml.Node]]:
    seen: dict[str, int] = {}
    pairs = []
    for key, value in mapping.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise UsageError(f"{path}:{line}: a key is a plain word")
        if key.value in seen:
            raise UsageError(
                f"{path}:{line}: {one_line(key.value, 60)} stands in line {seen[key.value]} already"
            )
        seen[key.value] = line
        pairs.append((key.value, value))
    return pairs


def _roster_host(path: Path, name: str, node: yaml.Node) -> Host:
    source = f"{path}:{node.start_mark.line + 1}"
    name = one_line(name, 120)
    if isinstance(node, yaml.ScalarNode) and node.value:
        return _with_name(parse_host(node.value, source), name)
    if not isinstance(node, yaml.MappingNode):
        raise UsageError(f"{source}: {name}: neither a host nor a mapping")
    fields = {
        key: value.value for key, value in _pairs(path, node) if isinstance(value, yaml.ScalarNode)
    }
    address = fields.get("host", "")
    if not address:
        raise UsageError(f"{source}: {name} lacks host:")
    _require_address(address, source)
    if fields.get("sudo_user", "root") not in ("", "root"):
        raise UsageError(f"{source}: {name}: sudo_user must be root: modules are loaded by root")
    return Host(
        name=name,
        address=address,
        user=_roster_user(fields.get("user"), source),
        port=_port(fields["port"], source) if "port" in fields else None,
        identity=_roster_identity(fields.get("priv"), source),
        sudo=_roster_bool(fields["sudo"], source) if "sudo" in fields else None,
        source=source,
    )


def _with_name(host: Host, name: str) -> Host:
    return Host(name, host.address, host.user, host.port, source=host.source)


def _roster_user(user: Optional[str], source: str) -> Optional[str]:
    if user and not _USER.match(user):
        raise _bad(source, f"{one_line(user, 60)!r} is no proper user name", "")
    return user or None


def _roster_identity(priv: Optional[str], source: str) -> Optional[Path]:
    if priv == "agent-forwarding" or not priv:
        return None
    return Path(priv).expanduser()


def _roster_bool(text: str, source: str) -> bool:
    word = text.lower()
    if word in ("true", "yes", "on"):
        return True
    if word in ("false", "no", "off"):
        return False
    raise _bad(source, f"sudo: {one_line(text, 40)!r} is neither true nor false", "")


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
    return (host.user, host.identity, host.sudo)


def _described(host: Host) -> str:
    return f"{host.name} ({host.source})"


def _bad(source: str, what: str, hint: str) -> UsageError:
    return UsageError(f"{source}: {what}", hint)
