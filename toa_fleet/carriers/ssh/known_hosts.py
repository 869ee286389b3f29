# SPDX-License-Identifier: GPL-2.0-only
"""known_hosts, as OpenSSH reads it: parsed once, then looked up.

Plain names are found by a dictionary; hashed ones cost one HMAC each, patterns
one match each. `@revoked` lines refuse, `@cert-authority` lines are counted
(host certificates are beyond paramiko) so that the refusal can say so.
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
import os
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Optional

from toa_fleet.errors import LocalError

_SSH_PORT = 22
_MARKERS = ("@revoked", "@cert-authority")


class Verdict(Enum):
    """What known_hosts says about a host and the key it showed."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    REVOKED = "revoked"


@dataclass(frozen=True)
class Line:
    """One line: its marker (or an empty string), host field, and key."""

    marker: str
    hosts: str
    kind: str
    key: bytes
    place: str


class KnownHosts:
    """The known keys of hosts, out of any number of files.

    Parameters:
        paths: the files; one that is not there holds nothing.

    Threads may share it. Lines that cannot be read are passed over, as
    OpenSSH does.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._exact: dict[str, list[Line]] = {}
        self._hashed: list[tuple[bytes, bytes, Line]] = []
        self._patterns: list[Line] = []
        self._lock = threading.Lock()
        for path in paths:
            for line in _read(path):
                self._take(line)

    def check(self, host: str, port: int, kind: str, key: bytes) -> tuple[Verdict, list[Line]]:
        """Judge the key that a host showed.

        Parameters:
            host: host name, address or HostKeyAlias, as it is looked up.
            port: TCP port; other than 22, ``[host]:port`` is looked up, and
                the plain name too, as OpenSSH does.
            kind: key type, such as ``ssh-ed25519``.
            key: the key's wire form.

        Returns:
            The verdict, and the lines that led to it.
        """
        lines = self._lines(name_of(host, port))
        fallback = self._lines(host.lower()) if port != _SSH_PORT else []
        revoked = [
            line for line in lines + fallback if line.marker == "@revoked" and line.key == key
        ]
        if revoked:
            return Verdict.REVOKED, revoked
        for candidates in (lines, fallback):
            same = [line for line in candidates if not line.marker and line.key == key]
            if same:
                return Verdict.KNOWN, same
        other = [line for line in lines if not line.marker]
        # A key of a type that was never recorded is not a changed one; but a
        # stranger in the middle could show just that, so it is not accepted
        # as new either while other keys of this host are on record.
        if other:
            return Verdict.CHANGED, other
        return Verdict.UNKNOWN, [line for line in lines if line.marker == "@cert-authority"]

    def kinds(self, host: str, port: int) -> list[str]:
        """Key types on record for a host: ask it for one of these first."""
        lines = self._lines(name_of(host, port))
        if port != _SSH_PORT and not lines:
            lines = self._lines(host.lower())
        return list(dict.fromkeys(line.kind for line in lines if not line.marker))

    def record(self, path: Path, host: str, port: int, kind: str, key: bytes, hashed: bool) -> None:
        """Append a host's key to a file, as OpenSSH's accept-new does.

        Parameters:
            path: the file; made, with its directory, when it is not there.
            host, port, kind, key: as in :meth:`check`.
            hashed: hide the name (ssh_config's HashKnownHosts).

        Raises:
            LocalError: it cannot be written.
        """
        name = name_of(host, port)
        field = _hash(name) if hashed else name
        line = f"{field} {kind} {base64.b64encode(key).decode()}\n"
        with self._lock:
            _append(path, line)
            self._take(Line("", field, kind, key, str(path)))

    def _take(self, line: Line) -> None:
        if line.hosts.startswith("|1|"):
            salt, digest = _unhash(line.hosts)
            if digest:
                self._hashed.append((salt, digest, line))
        elif re.search(r"[*?!]", line.hosts):
            self._patterns.append(line)
        else:
            for name in line.hosts.lower().split(","):
                self._exact.setdefault(name, []).append(line)

    def _lines(self, name: str) -> list[Line]:
        found = list(self._exact.get(name, ()))
        encoded = name.encode()
        found += [
            line
            for salt, digest, line in self._hashed
            if hmac.digest(salt, encoded, "sha1") == digest
        ]
        return found + [line for line in self._patterns if _matches(line.hosts, name)]


def name_of(host: str, port: int) -> str:
    """The name under which known_hosts has a host: ``host`` or ``[host]:port``."""
    return host.lower() if port == _SSH_PORT else f"[{host.lower()}]:{port}"


def sha256_fingerprint(key: bytes) -> str:
    """A key's fingerprint as ssh-keygen prints it: ``SHA256:…``."""
    digest = base64.b64encode(hashlib.sha256(key).digest()).decode()
    return "SHA256:" + digest.rstrip("=")


def _read(path: Path) -> Iterator[Line]:
    try:
        text = path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return
    for number, raw in enumerate(text.splitlines(), 1):
        line = _parse(raw, f"{path}:{number}")
        if line:
            yield line


def _parse(raw: str, place: str) -> Optional[Line]:
    fields = raw.split()
    if not fields or fields[0].startswith("#"):
        return None
    marker = fields.pop(0) if fields[0].startswith("@") else ""
    if len(fields) < 3 or (marker and marker not in _MARKERS):
        return None
    try:
        key = base64.b64decode(fields[2], validate=True)
    except (binascii.Error, ValueError):
        return None
    return Line(marker, fields[0], fields[1], key, place)


def _matches(field: str, name: str) -> bool:
    """OpenSSH's list of patterns: one that is negated and fits rules the line out."""
    hit = False
    for pattern in field.lower().split(","):
        negated = pattern.startswith("!")
        if _fits(pattern[negated:], name):
            if negated:
                return False
            hit = True
    return hit


def _fits(pattern: str, name: str) -> bool:
    # Brackets are no character classes here: they are the [ ] of [host]:port.
    return fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))


def _hash(name: str) -> str:
    salt = os.urandom(20)
    digest = hmac.digest(salt, name.encode(), "sha1")
    return "|1|" + "|".join(base64.b64encode(part).decode() for part in (salt, digest))


def _unhash(field: str) -> tuple[bytes, bytes]:
    parts: Sequence[str] = field.split("|")
    try:
        return base64.b64decode(parts[2]), base64.b64decode(parts[3])
    except (IndexError, binascii.Error, ValueError):
        return b"", b""


def _append(path: Path, line: str) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            size = os.lseek(handle, 0, os.SEEK_END)
            # A last line without its newline would swallow ours.
            whole = size == 0 or os.pread(handle, 1, size - 1) in (b"\n", b"")
            os.write(handle, ("" if whole else "\n").encode() + line.encode())
        finally:
            os.close(handle)
    except OSError as error:
        raise LocalError(
            f"cannot record a host key in {path}: {error.strerror}",
            "see UserKnownHostsFile in your ssh_config",
        ) from error
