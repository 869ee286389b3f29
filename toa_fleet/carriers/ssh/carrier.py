# SPDX-License-Identifier: GPL-2.0-only
"""SSH: a Fabric Connection over paramiko for each node, every phase bounded.

Example:
    >>> carrier = SshCarrier(SshConfig())
    >>> with carrier.session(parse_host("root@node7")) as session:
    ...     answer = session.ask(plain(node_program(), "status"), limit=60)
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Optional

from toa_fleet.bundle import Request
from toa_fleet.carriers.base import Carrier, Completed, Limits, Session
from toa_fleet.carriers.ssh.auth import KeyAuth, KeyRing
from toa_fleet.carriers.ssh.jump import Jump
from toa_fleet.carriers.ssh.known_hosts import KnownHosts
from toa_fleet.carriers.ssh.link import Link
from toa_fleet.carriers.ssh.settings import SshConfig, SshSettings
from toa_fleet.carriers.ssh.transport import look_less_often
from toa_fleet.carriers.ssh.trust import Trust
from toa_fleet.carriers.ssh.watchdog import Watchdog
from toa_fleet.inventory import Host, parse_host

#: From so many connections on, paramiko's ten looks a second per thread cost.
_MANY = 64


class SshCarrier(Carrier):
    """Reaches nodes over SSH.

    Parameters:
        config: the operator's ssh_config.
        accept_new: record the keys of hosts that known_hosts does not have.
            A changed key is refused all the same.
        sudo: put ``sudo -n`` in front, unless a host says otherwise.
        limits: time limits of the phases.
        parallel: how many sessions will be open at once.
    """

    def __init__(
        self,
        config: SshConfig,
        accept_new: bool = False,
        sudo: bool = False,
        limits: Optional[Limits] = None,
        parallel: int = 32,
    ) -> None:
        self._config = config
        self._accept_new = accept_new
        self._sudo = sudo
        self._limits = limits or Limits()
        self._ring = KeyRing()
        self._watchdog = Watchdog()
        self._known: dict[tuple[Path, ...], KnownHosts] = {}
        self._jumps: dict[SshSettings, Jump] = {}
        if parallel > _MANY:
            look_less_often()

    def session(self, host: Host) -> SshSession:
        settings = self._settings(host)
        sudo = self._sudo if host.sudo is None else host.sudo
        return SshSession(host, sudo, self._link(settings))

    def close(self) -> None:
        for jump in self._jumps.values():
            jump.close()
        self._watchdog.close()

    def _settings(self, host: Host) -> SshSettings:
        """As the ssh_config has it, but for what the host itself says."""
        settings = self._config.settings(host)
        if host.connect_timeout:
            settings = replace(settings, connect_timeout=host.connect_timeout)
        if host.jump is None:
            return settings
        return replace(settings, jump=self._through(host, host.jump), proxy_command="")

    def _through(self, host: Host, hops: str) -> Optional[SshSettings]:
        """The last of a host's own hops, itself reached through those before."""
        before: Optional[SshSettings] = None
        if hops.lower() == "none":
            return None
        for hop in hops.split(","):
            here = self._config.settings(parse_host(hop, f"ProxyJump of {host.name}"))
            before = replace(here, jump=before, proxy_command="") if before else here
        return before

    def _link(self, settings: SshSettings) -> Link:
        limits = self._limits
        given = settings.connect_timeout
        if given:
            # As in ssh, it holds for the handshake too.
            limits = replace(limits, connect=given, banner=given, key_exchange=given)
        onward = self._jump(settings.jump).channel_to if settings.jump else None
        accept_new = self._accept_new or settings.accept_new
        trust = Trust(settings, self._known_hosts(settings), accept_new)
        return Link(settings, trust, KeyAuth(settings, self._ring), limits, self._watchdog, onward)

    def _jump(self, settings: SshSettings) -> Jump:
        # One connection to a jump host carries all nodes behind it.
        if settings not in self._jumps:
            self._jumps[settings] = Jump(self._link(settings))
        return self._jumps[settings]

    def _known_hosts(self, settings: SshSettings) -> KnownHosts:
        paths = settings.user_known_hosts + settings.global_known_hosts
        if paths not in self._known:
            self._known[paths] = KnownHosts(paths)
        return self._known[paths]


class SshSession(Session):
    """One node over SSH. See :class:`toa_fleet.carriers.base.Session`."""

    def __init__(self, host: Host, sudo: bool, link: Link) -> None:
        super().__init__(host, sudo)
        self._link = link

    def open(self) -> None:
        self._link.open()

    def close(self) -> None:
        self._link.close()

    def overdue(self, grace: float) -> bool:
        return self._link.overdue(grace)

    def run(self, request: Request, limit: float) -> Completed:
        return self._link.run(shlex.join(self.command(request)), request, limit)
