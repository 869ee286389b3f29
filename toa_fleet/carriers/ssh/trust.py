# SPDX-License-Identifier: GPL-2.0-only
"""Decide about the key that a host shows."""

from __future__ import annotations

import paramiko

from toa_fleet.carriers.ssh.known_hosts import (
    KnownHosts,
    Line,
    Verdict,
    name_of,
    sha256_fingerprint,
)
from toa_fleet.carriers.ssh.settings import SshSettings
from toa_fleet.errors import LocalError, Unreachable


class Trust(paramiko.MissingHostKeyPolicy):
    """Decides about the key that a host shows.

    paramiko's own tables stay empty, so each key comes here: the rules of
    known_hosts (hashes, patterns, revoked keys, ports) then stand in one place.
    """

    def __init__(self, settings: SshSettings, known: KnownHosts, accept_new: bool) -> None:
        self._settings = settings
        self._known = known
        self._accept_new = accept_new

    def kinds(self) -> list[str]:
        return self._known.kinds(self._settings.key_name, self._settings.key_port)

    def missing_host_key(
        self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey
    ) -> None:
        settings = self._settings
        kind, blob = key.get_name(), key.asbytes()
        verdict, lines = self._known.check(settings.key_name, settings.key_port, kind, blob)
        if verdict is Verdict.KNOWN:
            return
        shown = f"{kind} {sha256_fingerprint(blob)}"
        if verdict is Verdict.REVOKED:
            raise Unreachable(
                f"the host key is revoked ({lines[0].place}): {shown}",
                "do not connect; ask who revoked it",
                "host-key",
            )
        if verdict is Verdict.CHANGED:
            raise self._changed(shown, lines)
        if not self._accept_new:
            raise self._unknown(shown, lines)
        self._record(kind, blob)

    def _record(self, kind: str, blob: bytes) -> None:
        settings = self._settings
        if not settings.user_known_hosts:
            return
        try:
            self._known.record(
                settings.user_known_hosts[0],
                settings.key_name,
                settings.key_port,
                kind,
                blob,
                settings.hash_known_hosts,
            )
        except LocalError as error:
            raise Unreachable(error.detail, error.hint, "host-key") from error

    def _changed(self, shown: str, lines: list[Line]) -> Unreachable:
        settings = self._settings
        recorded = ", ".join(f"{one.kind} {sha256_fingerprint(one.key)}" for one in lines[:4])
        path = lines[0].place.rpartition(":")[0] or "~/.ssh/known_hosts"
        name = name_of(settings.key_name, settings.key_port)
        return Unreachable(
            f"the host key CHANGED: it shows {shown}, but {lines[0].place} has {recorded}",
            "someone may be in between. When the node was truly set up anew: "
            f"ssh-keygen -R '{name}' -f {path}",
            "host-key",
        )

    def _unknown(self, shown: str, authorities: list[Line]) -> Unreachable:
        settings = self._settings
        detail = f"the host key is not known: {shown}"
        if authorities:
            detail += f" (certificates, as {authorities[0].place} allows, are not supported)"
        return Unreachable(
            f"{detail} for {name_of(settings.key_name, settings.key_port)}",
            "compare it with the node's own (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub), "
            "then give --accept-new-host-keys",
            "host-key",
        )
