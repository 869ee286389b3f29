# SPDX-License-Identifier: GPL-2.0-only
"""Logging in by key: each key file is parsed once and shared; the agent is asked.

No passwords: a fleet is not logged in to by typing.
"""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Optional, Union

import paramiko
from paramiko.ssh_exception import BadAuthenticationType

from toa_fleet.carriers.ssh.settings import SshSettings
from toa_fleet.errors import Unreachable
from toa_fleet.text import one_line

#: Seconds that an agent may take for an answer; some ask their owner first.
_AGENT_SECONDS = 30.0


class KeyRing:
    """Private keys by path; threads share it and the keys in it."""

    def __init__(self) -> None:
        self._keys: dict[Path, Union[paramiko.PKey, str]] = {}
        self._certified: dict[tuple[Path, Path], Optional[paramiko.PKey]] = {}
        self._lock = threading.Lock()

    def certified(self, path: Path, certificates: Sequence[Path]) -> Iterator[paramiko.PKey]:
        """The key in a file, once with each of the certificates that is for it."""
        for certificate in certificates:
            with self._lock:
                if (path, certificate) not in self._certified:
                    self._certified[path, certificate] = _with_certificate(path, certificate)
                key = self._certified[path, certificate]
            if key is not None:
                yield key

    def load(self, path: Path) -> Union[paramiko.PKey, str, None]:
        """The key in a file, the reason why it cannot be used, or None: no file."""
        with self._lock:
            if path not in self._keys:
                if not path.is_file():
                    return None
                self._keys[path] = _parse(path)
            return self._keys[path]


class KeyAuth:
    """Tries keys until one is taken: named files, the agent's, the usual files.

    It stands in for paramiko's AuthStrategy, of which a client uses
    :meth:`authenticate` only.

    Parameters:
        settings: of the node.
        ring: where key files are parsed.
    """

    def __init__(self, settings: SshSettings, ring: KeyRing) -> None:
        self._settings = settings
        self._ring = ring
        self._tried: list[str] = []
        self._unusable: list[str] = []

    def authenticate(self, transport: paramiko.Transport) -> list[str]:
        """Log in.

        Raises:
            Unreachable: no key was taken; the detail lists those tried.
            paramiko.SSHException: the connection broke.
        """
        offered: set[bytes] = set()
        with _agent_keys(self._settings) as agent_keys:
            for label, key in self._candidates(agent_keys):
                shown = _shown_blob(key)
                if shown in offered:
                    continue
                offered.add(shown)
                if self._accepted(transport, label, key):
                    return []
        if not offered and self._taken_without_a_key(transport):
            return []
        raise self._refused("")

    def _taken_without_a_key(self, transport: paramiko.Transport) -> bool:
        """Some servers know by the network who it is, and take the method none."""
        try:
            return not transport.auth_none(self._settings.user)
        except BadAuthenticationType:
            return False

    def _candidates(self, agent_keys: list[paramiko.PKey]) -> Iterator[tuple[str, paramiko.PKey]]:
        agents = [(f"agent key {_short(key)}", key) for key in agent_keys]
        # Named files go first: an agent full of other keys would use up the
        # node's few tries.
        if self._settings.identities_given:
            yield from self._files()
            yield from agents
        else:
            yield from agents
            yield from self._files()

    def _files(self) -> Iterator[tuple[str, paramiko.PKey]]:
        for path in self._settings.identities:
            loaded = self._ring.load(path)
            if isinstance(loaded, paramiko.PKey):
                beside = path.with_name(path.name + "-cert.pub")
                for key in self._ring.certified(path, (*self._settings.certificates, beside)):
                    yield f"{path} with its certificate", key
                yield str(path), loaded
            elif loaded:
                self._unusable.append(f"{path} ({loaded})")
            elif self._settings.identities_given:
                self._unusable.append(f"{path} (no such file)")

    def _accepted(self, transport: paramiko.Transport, label: str, key: paramiko.PKey) -> bool:
        try:
            further = transport.auth_publickey(self._settings.user, key)
        except BadAuthenticationType as error:
            if "none" in error.allowed_types and self._taken_without_a_key(transport):
                return True
            methods = ", ".join(one_line(each, 40) for each in error.allowed_types[:8])
            raise self._refused(f"it takes {methods} only") from None
        except paramiko.AuthenticationException as error:
            if "timeout" in str(error).lower():
                raise
            self._tried.append(label)
        except paramiko.SSHException as error:
            if not transport.is_active():
                raise self._refused("it ended the connection after these") from None
            self._tried.append(f"{label} ({one_line(str(error), 80)})")
        else:
            if further:
                methods = ", ".join(one_line(each, 40) for each in further[:8])
                raise self._refused(f"it took {label}, but wants {methods} too")
            return True
        if not transport.is_active():
            raise self._refused("it ended the connection after these")
        return False

    def _refused(self, why: str) -> Unreachable:
        settings = self._settings
        tried = ", ".join(self._tried) or "no key"
        detail = f"the node does not let {settings.user} in; tried {tried}"
        if self._unusable:
            detail += f"; could not use {', '.join(self._unusable)}"
        if why:
            detail += f"; {why}"
        return Unreachable(
            detail,
            f"put a key of yours into ~{settings.user}/.ssh/authorized_keys there, or name the "
            "right one with --identity (one with a passphrase: ssh-add it first)",
            "auth",
        )


def _parse(path: Path) -> Union[paramiko.PKey, str]:
    try:
        key: paramiko.PKey = paramiko.PKey.from_path(path)
        return key
    except OSError as error:
        return error.strerror or "cannot be read"
    # The parsers below say "encrypted" in their own ways and types.
    except Exception as error:
        text = str(error).lower()
        if "encrypted" in text or "password" in text or "passphrase" in text:
            return "has a passphrase"
        return f"is no private key: {one_line(str(error), 80)}"


class _Agent(paramiko.agent.AgentSSH):
    """The agent at a socket; paramiko's own looks at SSH_AUTH_SOCK alone."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._line.settimeout(_AGENT_SECONDS)
            self._line.connect(path)
            self._connect(self._line)  # type: ignore[attr-defined]
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let it go."""
        self._line.close()


@contextmanager
def _agent_keys(settings: SshSettings) -> Iterator[list[paramiko.PKey]]:
    """The agent's keys. A connection to it serves one thread only."""
    if not settings.agent:
        yield []
        return
    try:
        agent = _Agent(settings.agent)
    except (paramiko.SSHException, OSError):
        yield []
        return
    try:
        keys: list[paramiko.PKey] = list(agent.get_keys())
        if settings.identities_only:
            wanted = {_public_blob(path) for path in settings.identities}
            keys = [key for key in keys if key.asbytes() in wanted]
        yield keys
    finally:
        agent.close()


def _with_certificate(path: Path, certificate: Path) -> Optional[paramiko.PKey]:
    """A key of its own, since a certificate stays with the key that it is given to."""
    if not certificate.is_file():
        return None
    key = _parse(path)
    if not isinstance(key, paramiko.PKey):
        return None
    try:
        key.load_certificate(str(certificate))
    # Of another key, or none: paramiko says so by several types.
    except Exception:
        return None
    return key


def _shown_blob(key: paramiko.PKey) -> bytes:
    """What a server is shown of it: the certificate, where it has one."""
    certificate = getattr(key, "public_blob", None)
    return certificate.key_blob if certificate is not None else key.asbytes()


def _public_blob(path: Path) -> Optional[bytes]:
    public = path if path.suffix == ".pub" else path.with_name(path.name + ".pub")
    try:
        return base64.b64decode(public.read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return None


def _short(key: paramiko.PKey) -> str:
    comment = one_line(getattr(key, "comment", "") or "", 60)
    return comment or key.get_name()
