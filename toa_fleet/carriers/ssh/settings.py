# SPDX-License-Identifier: GPL-2.0-only
"""What ssh_config says about a node, as one value.

OpenSSH's own client is asked (openssh.py); where there is none, paramiko's parser
(parsed.py). All of this happens in the main thread: ``Match exec`` runs commands, and
paramiko's lookups share state.
"""

from __future__ import annotations

import getpass
import os
import re
import shutil
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Optional, Union

from toa_fleet.carriers.ssh.openssh import Found, OpenSsh
from toa_fleet.carriers.ssh.parsed import ParsedConfig
from toa_fleet.carriers.ssh.tokens import expand, tokens_of
from toa_fleet.errors import Unreachable, UsageError
from toa_fleet.inventory import Host, parse_host
from toa_fleet.text import one_line

_USER_KNOWN_HOSTS = "~/.ssh/known_hosts ~/.ssh/known_hosts2"
_GLOBAL_KNOWN_HOSTS = "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"
_DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
#: What `ssh -G` names where nobody named a key.
_DEFAULT_NAMES = frozenset(
    f"~/.ssh/id_{kind}"
    for kind in ("rsa", "ecdsa", "ecdsa_sk", "ed25519", "ed25519_sk", "xmss", "dsa")
)
_FAMILIES = {"any": 0, "inet": int(socket.AF_INET), "inet6": int(socket.AF_INET6)}
#: Keywords by which ssh would do something else than is done here.
_NOT_DONE = {
    "bindinterface": "BindInterface",
    "proxyusefdpass": "ProxyUseFdpass",
    "revokedhostkeys": "RevokedHostKeys",
}
#: Longest chain of jump hosts; a longer one is a loop.
_MAX_JUMPS = 8


@dataclass(frozen=True)
class SshSettings:
    """How to reach and log in to one node.

    Attributes:
        name: what errors call it.
        address: where the TCP connection goes.
        port: TCP port.
        user: account on the node.
        key_name, key_port: what known_hosts has it under. A HostKeyAlias
            stands there as it is, which port 22 means here.
        identities: private key files to try, in order.
        identities_given: whether someone named these, so that one that is
            missing is worth a word.
        identities_only: leave keys of the agent out that are not among them.
        certificates: files with certificates for these keys, beside those that
            lie by a key's side.
        agent: the agent's socket; empty: none may be asked.
        user_known_hosts, global_known_hosts: the files; new keys go into the
            first of the user's.
        hash_known_hosts: write new ones hashed.
        accept_new: record the key of a host that known_hosts does not have.
        connect_timeout: seconds for the TCP connection; None is the default.
        family: of addresses, as for getaddrinfo; 0: any.
        bind_address: where connections come from; empty: as the system has it.
        jump: the host to go through, or None.
        proxy_command: command whose standard streams are the connection.
    """

    name: str
    address: str
    port: int
    user: str
    key_name: str
    key_port: int
    identities: tuple[Path, ...]
    identities_given: bool
    identities_only: bool
    certificates: tuple[Path, ...]
    agent: str
    user_known_hosts: tuple[Path, ...]
    global_known_hosts: tuple[Path, ...]
    hash_known_hosts: bool
    accept_new: bool
    connect_timeout: Optional[float]
    family: int
    bind_address: str
    jump: Optional[SshSettings]
    proxy_command: str


class SshConfig:
    """The operator's ssh_config.

    Parameters:
        path: the one file to use; None takes the user's, then the system's,
            as ``ssh`` does.
        identities: key files that go before all others (``--identity``).
        client: OpenSSH's client, by its name or its path; None, or where there is no
            such program: without it.

    Raises:
        UsageError: the file cannot be read or understood.
    """

    def __init__(
        self,
        path: Optional[Path] = None,
        identities: Sequence[Path] = (),
        client: Optional[str] = "ssh",
    ) -> None:
        self._identities = tuple(identities)
        if path is not None and not path.is_file():
            raise UsageError(f"there is no ssh_config at {path}", "see --ssh-config")
        found = shutil.which(client) if client else None
        self._config: Union[OpenSsh, ParsedConfig] = (
            OpenSsh(found, path) if found else ParsedConfig(path)
        )

    def settings(self, host: Host) -> SshSettings:
        """The settings for a node; what the host itself says goes first.

        Raises:
            Unreachable: its entry cannot be used.
        """
        return self._settings(host, 0)

    def _settings(self, host: Host, depth: int) -> SshSettings:
        if depth > _MAX_JUMPS:
            raise _bad_entry(host.name, f"ProxyJump goes on past {_MAX_JUMPS} hosts: a loop?")
        entry = _Entry(host, self._config.lookup(host))
        entry.refuse_what_is_not_done()
        listed, named = entry.identities()
        given = self._identities + ((host.identity,) if host.identity else ())
        return SshSettings(
            name=host.name,
            address=entry.address,
            port=entry.port,
            user=entry.user,
            key_name=entry.alias or entry.address,
            key_port=22 if entry.alias else entry.port,
            identities=tuple(dict.fromkeys(given + listed)),
            identities_given=bool(given) or named,
            identities_only=entry.is_on("identitiesonly"),
            certificates=entry.paths("certificatefile"),
            agent=entry.agent(),
            user_known_hosts=entry.known_hosts("userknownhostsfile", _USER_KNOWN_HOSTS),
            global_known_hosts=entry.known_hosts("globalknownhostsfile", _GLOBAL_KNOWN_HOSTS),
            hash_known_hosts=entry.is_on("hashknownhosts"),
            # What `no` accepts beside new keys, changed ones, is never accepted here.
            accept_new=entry.word("stricthostkeychecking") in ("accept-new", "no", "off", "false"),
            connect_timeout=entry.seconds("connecttimeout"),
            family=entry.family(),
            bind_address=entry.one("bindaddress"),
            jump=self._jump(host, entry.jump, depth),
            proxy_command=entry.proxy_command(),
        )

    def _jump(self, host: Host, text: str, depth: int) -> Optional[SshSettings]:
        """The last of ``ProxyJump first,second``, itself reached through those before."""
        before: Optional[SshSettings] = None
        for hop in text.split(",") if text else []:
            place = f"ProxyJump of {host.name}"
            try:
                jump_host = parse_host(hop.strip().replace("ssh://", "", 1), place)
            except UsageError as error:
                raise _bad_entry(host.name, error.detail) from None
            if jump_host.address == host.address:
                # A `Host *` entry with ProxyJump applies to the jump host too.
                return None
            settings = self._settings(jump_host, depth + 1)
            before = replace(settings, jump=before, proxy_command="") if before else settings
        return before


class _Entry:
    """What was found for one host, read."""

    def __init__(self, host: Host, found: Found) -> None:
        self._host = host
        self._found = found
        self.address = self.one("hostname") or host.address
        self.port = self._port()
        self.user = host.user or self.one("user") or getpass.getuser()
        self.alias = self.one("hostkeyalias")
        self.jump = "" if self.word("proxyjump") == "none" else self.one("proxyjump")
        self._tokens = tokens_of(
            self.address, host.address, self.port, self.user, self.alias, self.jump
        )

    def refuse_what_is_not_done(self) -> None:
        """What says whom to trust or how to connect is never left out in silence.

        Raises:
            Unreachable: the entry has such a keyword.
        """
        for keyword, shown in _NOT_DONE.items():
            if self.word(keyword) not in ("", "none", "no"):
                raise self._bad(f"{shown} {one_line(self.one(keyword), 60)} is not done here")

    def one(self, keyword: str) -> str:
        values = self._found.get(keyword, ())
        return values[0] if values else ""

    def word(self, keyword: str) -> str:
        return self.one(keyword).lower()

    def is_on(self, keyword: str) -> bool:
        return self.word(keyword) in ("yes", "true")

    def identities(self) -> tuple[tuple[Path, ...], bool]:
        """The key files, and whether somebody named them."""
        values = self._found.get("identityfile", ())
        if not values or (len(values) > 2 and _DEFAULT_NAMES.issuperset(values)):
            home = Path("~/.ssh").expanduser()
            return tuple(home / name for name in _DEFAULT_KEYS), False
        return self.paths("identityfile"), True

    def paths(self, keyword: str) -> tuple[Path, ...]:
        """Files, one a value; ``none`` is none."""
        values = [each for each in self._found.get(keyword, ()) if each.lower() != "none"]
        return tuple(Path(self._expanded(keyword, each)).expanduser() for each in values)

    def known_hosts(self, keyword: str, default: str) -> tuple[Path, ...]:
        """Files, all in one value. ssh prints them without the quotes that one with a
        blank in it needs: a word that begins no path goes on with the one before it."""
        files: list[str] = []
        for word in (self.one(keyword) or default).split(" "):
            if files and word[:1] not in ("/", "~", "%", "$"):
                files[-1] += f" {word}"
            else:
                files.append(word)
        if [file.lower() for file in files] == ["none"]:
            return ()
        return tuple(Path(self._expanded(keyword, file)).expanduser() for file in files)

    def agent(self) -> str:
        """The socket of the agent; empty: there is none, or none may be asked."""
        value = self.one("identityagent")
        if value.lower() == "none":
            return ""
        if value in ("", "SSH_AUTH_SOCK"):
            return os.environ.get("SSH_AUTH_SOCK", "")
        if re.fullmatch(r"\$[A-Za-z_][A-Za-z0-9_]*", value):
            return os.environ.get(value[1:], "")
        return str(Path(self._expanded("identityagent", value)).expanduser())

    def seconds(self, keyword: str) -> Optional[float]:
        text = self.word(keyword)
        if text in ("", "none"):
            return None
        if re.fullmatch(r"[0-9]{1,6}", text) and int(text) > 0:
            return float(text)
        raise self._bad(f"{keyword} {one_line(text, 20)} is no number of seconds")

    def family(self) -> int:
        word = self.word("addressfamily") or "any"
        if word not in _FAMILIES:
            raise self._bad(f"AddressFamily {one_line(word, 20)} is none")
        return _FAMILIES[word]

    def proxy_command(self) -> str:
        command = self.one("proxycommand")
        if command.lower() in ("", "none"):
            return ""
        return self._expanded("proxycommand", command, variables=False)

    def _port(self) -> int:
        text = str(self._host.port or self.one("port") or 22)
        if re.fullmatch(r"[0-9]{1,5}", text) and 0 < int(text) < 65536:
            return int(text)
        raise self._bad(f"Port {one_line(text, 20)} is no port")

    def _expanded(self, keyword: str, text: str, variables: bool = True) -> str:
        try:
            return expand(text, self._tokens, variables)
        except ValueError as error:
            raise self._bad(f"{keyword} {one_line(text, 80)}: {error}") from None

    def _bad(self, what: str) -> Unreachable:
        return _bad_entry(self._host.name, what)


def _bad_entry(name: str, what: str) -> Unreachable:
    return Unreachable(f"the ssh_config entry for {name}: {what}", "correct your ssh_config", "ssh")
