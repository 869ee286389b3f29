# SPDX-License-Identifier: GPL-2.0-only
"""ssh_config without OpenSSH's client: paramiko's parser, for what it understands.

It passes over what it does not know, and takes a criterion of Match that it does not
know for true, so a line that it would get wrong is refused with its place.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Optional

import paramiko

from toa_fleet.errors import Unreachable, UsageError
from toa_fleet.inventory import Host
from toa_fleet.text import one_line

SYSTEM_CONFIG = Path("/etc/ssh/ssh_config")
USER_CONFIG = Path("~/.ssh/config")
_HINT = "install OpenSSH's client (ssh), which reads all of it, or take the line out"
#: What says who, where and how, and is read by settings.py.
_READ = frozenset(
    (
        "addressfamily", "bindaddress", "certificatefile", "connecttimeout",
        "globalknownhostsfile", "hashknownhosts", "host", "hostkeyalias", "hostname",
        "identitiesonly", "identityagent", "identityfile", "match", "port", "proxycommand",
        "proxyjump", "stricthostkeychecking", "user", "userknownhostsfile",
    )
)  # fmt: skip
#: What may stand there, and changes nothing of how a node is reached and trusted here.
_HARMLESS = frozenset(
    (
        "addkeystoagent", "batchmode", "checkhostip", "compression", "controlmaster",
        "controlpath", "controlpersist", "escapechar", "forwardagent", "forwardx11",
        "forwardx11trusted", "gssapiauthentication", "gssapidelegatecredentials",
        "kbdinteractiveauthentication", "loglevel", "numberofpasswordprompts",
        "passwordauthentication", "preferredauthentications", "protocol",
        "pubkeyauthentication", "requesttty", "sendenv", "serveralivecountmax",
        "serveraliveinterval", "setenv", "tcpkeepalive", "updatehostkeys",
        "verifyhostkeydns", "visualhostkey",
    )
)  # fmt: skip
_CRITERIA = frozenset(["host", "localuser", "originalhost", "user"])


class ParsedConfig:
    """The operator's files, parsed once.

    Parameters:
        path: the one file to use; None takes the user's, then the system's.

    Raises:
        UsageError: one cannot be read, or has a line that is not understood.
    """

    def __init__(self, path: Optional[Path]) -> None:
        self._texts: list[tuple[Path, str]] = []
        self._configs: dict[tuple[Optional[str], Optional[int]], paramiko.SSHConfig] = {}
        for each in [path] if path else [USER_CONFIG.expanduser(), SYSTEM_CONFIG]:
            self._read(each)
        self._config(None, None)

    def lookup(self, host: Host) -> Mapping[str, Sequence[str]]:
        """What holds for a host, in the form in which ``ssh -G`` has it.

        Raises:
            Unreachable: its entry cannot be used.
        """
        try:
            found = self._config(host.user, host.port).lookup(host.address)
        except (paramiko.SSHException, ImportError, OSError, KeyError) as error:
            raise Unreachable(
                f"the ssh_config entry for {host.name}: {one_line(str(error), 160)}",
                "correct your ssh_config",
                "ssh",
            ) from error
        return {
            key: [str(each) for each in value] if isinstance(value, list) else [str(value)]
            for key, value in found.items()
            if value is not None
        }

    def _read(self, path: Path) -> None:
        try:
            if not path.is_file():
                return
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror}", "see --ssh-config") from None
        for number, line in enumerate(text.splitlines(), 1):
            trouble = _trouble(line.strip())
            if trouble:
                raise UsageError(f"{path}:{number}: {trouble}", _HINT)
        self._texts.append((path, text))

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


def _trouble(line: str) -> str:
    """Why a line would be read wrongly; empty: it would not."""
    if not line or line.startswith("#"):
        return ""
    match = re.match(r"([A-Za-z0-9]+)(?:\s*=\s*|\s+)(.*)\Z", line)
    if not match:
        return f"{one_line(line, 60)!r} is no keyword and value"
    keyword, value = match[1].lower(), match[2]
    if keyword not in _READ | _HARMLESS:
        return f"{match[1]} is not understood without OpenSSH's client"
    if '"' in value or re.search(r"(^|\s)#", value):
        return "quotes and comments behind a value are not understood without OpenSSH's client"
    if keyword == "match" and not _is_plain_match(value.split()):
        return f"Match {one_line(value, 60)} is not understood without OpenSSH's client"
    return ""


def _is_plain_match(words: Sequence[str]) -> bool:
    """``all``, or pairs of a criterion that the parser knows, and a value. (It would run
    exec's command with our own standard input.)"""
    if not words or list(words) == ["all"]:
        return bool(words)
    return len(words) % 2 == 0 and all(word.lstrip("!") in _CRITERIA for word in words[::2])
