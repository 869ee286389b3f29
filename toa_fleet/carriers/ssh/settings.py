# SPDX-License-Identifier: GPL-2.0-only
"""What ssh_config says about a node, as one value.

Files are parsed once; each node is then looked up. All of this happens in the
main thread: ``Match exec`` runs commands, and paramiko's lookups share state.
"""

from __future__ import annotations

import getpass
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Optional

import paramiko

from toa_fleet.errors import Unreachable, UsageError
from toa_fleet.inventory import Host, parse_host
from toa_fleet.text import one_line

SYSTEM_CONFIG = Path("/etc/ssh/ssh_config")
USER_CONFIG = Path("~/.ssh/config")
_USER_KNOWN_HOSTS = "~/.ssh/known_hosts ~/.ssh/known_hosts2"
_GLOBAL_KNOWN_HOSTS = "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"
_DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
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
        agent: whether an agent may be asked.
        user_known_hosts, global_known_hosts: the files; new keys go into the
            first of the user's.
        hash_known_hosts: write new ones hashed.
        connect_timeout: seconds for the TCP connection; None is the default.
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
    agent: bool
    user_known_hosts: tuple[Path, ...]
    global_known_hosts: tuple[Path, ...]
    hash_known_hosts: bool
    connect_timeout: Optional[float]
    jump: Optional[SshSettings]
    proxy_command: str


class SshConfig:
    """The operator's ssh_config.

    Parameters:
        path: the one file to use; None takes the user's, then the system's,
            as ``ssh`` does.
        identities: key files that go before all others (``--identity``).

    Raises:
        UsageError: the file cannot be read or parsed.
    """

    def __init__(self, path: Optional[Path] = None, identities: Sequence[Path] = ()) -> None:
        self._identities = tuple(identities)
        self._texts: list[tuple[Path, str]] = []
        self._configs: dict[tuple[Optional[str], Optional[int]], paramiko.SSHConfig] = {}
        if path is not None and not path.is_file():
            raise UsageError(f"there is no ssh_config at {path}", "see --ssh-config")
        for each in [path] if path else [USER_CONFIG.expanduser(), SYSTEM_CONFIG]:
            self._read(each)
        self._config(None, None)

    def settings(self, host: Host) -> SshSettings:
        """The settings for a node; what the host itself says goes first.

        Raises:
            Unreachable: its entry cannot be used.
        """
        return self._settings(host, 0)

    def _read(self, path: Path) -> None:
        try:
            if path.is_file():
                self._texts.append((path, path.read_text(encoding="utf-8", errors="replace")))
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror}", "see --ssh-config") from None

    def _config(self, user: Optional[str], port: Optional[int]) -> paramiko.SSHConfig:
        """The parsed files, for a user and port that go before what they say.

        The first value of a keyword counts, and tokens such as ProxyCommand's
        ``%p`` take it too; so these are put in front, as one more file.
        """
        if (user, port) not in self._configs:
            config = paramiko.SSHConfig()
            given = [f"User {user}"] * bool(user) + [f"Port {port}"] * bool(port)
            config.parse(io.StringIO("\n".join(["Host *", *given])))
            for path, text in self._texts:
                try:
                    config.parse(io.StringIO(text))
                except paramiko.ConfigParseError as error:
                    raise UsageError(
                        f"cannot use {path}: {one_line(str(error))}", "see --ssh-config"
                    ) from None
            self._configs[user, port] = config
        return self._configs[user, port]

    def _settings(self, host: Host, depth: int) -> SshSettings:
        if depth > _MAX_JUMPS:
            raise _bad_entry(host.name, f"ProxyJump goes on past {_MAX_JUMPS} hosts: a loop?")
        found = self._lookup(host)
        address = str(found.get("hostname", host.address))
        port = _port(host.name, found.get("port", "22"))
        alias = found.get("hostkeyalias")
        given = self._identities + ((host.identity,) if host.identity else ())
        listed = tuple(Path(each).expanduser() for each in found.get("identityfile", ()))
        return SshSettings(
            name=host.name,
            address=address,
            port=port,
            user=found.get("user") or getpass.getuser(),
            key_name=alias or address,
            key_port=22 if alias else port,
            identities=tuple(dict.fromkeys(given + (listed or _default_keys()))),
            identities_given=bool(given or listed),
            identities_only=_yes(found, "identitiesonly"),
            agent=str(found.get("identityagent", "")).lower() != "none",
            user_known_hosts=_paths(found, "userknownhostsfile", _USER_KNOWN_HOSTS),
            global_known_hosts=_paths(found, "globalknownhostsfile", _GLOBAL_KNOWN_HOSTS),
            hash_known_hosts=_yes(found, "hashknownhosts"),
            connect_timeout=_seconds(host.name, found.get("connecttimeout")),
            jump=self._jump(host, str(found.get("proxyjump", "none")), depth),
            proxy_command=_proxy_command(found),
        )

    def _lookup(self, host: Host) -> Mapping[str, Any]:
        try:
            config = self._config(host.user, host.port)
            found: Mapping[str, Any] = config.lookup(host.address)
        except (paramiko.SSHException, ImportError, OSError, KeyError) as error:
            raise _bad_entry(host.name, one_line(str(error), 160)) from error
        return found

    def _jump(self, host: Host, text: str, depth: int) -> Optional[SshSettings]:
        """The last of ``ProxyJump first,second``, itself reached through those before."""
        if text.lower() == "none":
            return None
        before: Optional[SshSettings] = None
        for hop in text.split(","):
            place = f"ProxyJump of {host.name}"
            try:
                jump_host = parse_host(hop.strip().replace("ssh://", "", 1), place)
            except UsageError as error:
                raise _bad_entry(host.name, error.detail) from None
            if jump_host.address == host.address:
                # A `Host *` entry with ProxyJump applies to the jump host too.
                return None
            settings = self._settings(jump_host, depth + 1)
            before = _through(settings, before) if before else settings
        return before


def _through(settings: SshSettings, before: SshSettings) -> SshSettings:
    return replace(settings, jump=before, proxy_command="")


def _default_keys() -> tuple[Path, ...]:
    return tuple(Path("~/.ssh").expanduser() / name for name in _DEFAULT_KEYS)


def _port(name: str, text: str) -> int:
    if re.match(r"[0-9]{1,5}\Z", text) and 0 < int(text) < 65536:
        return int(text)
    raise _bad_entry(name, f"Port {one_line(text, 20)} is no port")


def _seconds(name: str, text: Optional[str]) -> Optional[float]:
    if text is None or text.lower() == "none":
        return None
    if re.match(r"[0-9]{1,6}\Z", text) and int(text) > 0:
        return float(text)
    raise _bad_entry(name, f"ConnectTimeout {one_line(text, 20)} is no number of seconds")


def _yes(found: Mapping[str, Any], key: str) -> bool:
    return str(found.get(key, "no")).lower() in ("yes", "true")


def _paths(found: Mapping[str, Any], key: str, default: str) -> tuple[Path, ...]:
    words = str(found.get(key) or default).replace('"', "").split()
    if [word.lower() for word in words] == ["none"]:
        return ()
    home = str(Path("~").expanduser())
    return tuple(Path(word.replace("%d", home)).expanduser() for word in words)


def _proxy_command(found: Mapping[str, Any]) -> str:
    command = str(found.get("proxycommand") or "")
    return "" if command.lower() == "none" else command


def _bad_entry(name: str, what: str) -> Unreachable:
    return Unreachable(f"the ssh_config entry for {name}: {what}", "correct your ssh_config", "ssh")
