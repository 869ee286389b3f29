# SPDX-License-Identifier: GPL-2.0-only
"""Which carrier reaches a host: this machine itself, Salt, or SSH."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from toa_fleet.carriers.base import Carrier, Session
from toa_fleet.carriers.local import LocalCarrier
from toa_fleet.errors import UsageError
from toa_fleet.inventory import Host


class Carriers(Carrier):
    """The carriers of one run; SSH is imported and set up only where it is needed.

    Parameters:
        hosts: that will be reached.
        salt: the carrier for all of them that are not this machine; None: SSH.
        sudo: run through sudo.
        ssh_config: the one file to use; None: as ``ssh`` does.
        identities: key files that go before all others.
        accept_new: record the keys of hosts that known_hosts does not have.
        parallel: how many sessions will be open at once.

    Raises:
        UsageError: a key file or the ssh_config cannot be used.
    """

    def __init__(
        self,
        hosts: Sequence[Host],
        *,
        salt: Optional[Carrier] = None,
        sudo: bool = False,
        ssh_config: Optional[Path] = None,
        identities: Sequence[Path] = (),
        accept_new: bool = False,
        parallel: int = 32,
    ) -> None:
        self._local = LocalCarrier(sudo)
        self._remote: Optional[Carrier] = salt
        if salt is None and not all(host.is_local for host in hosts):
            self._remote = _ssh(sudo, ssh_config, identities, accept_new, parallel)

    def session(self, host: Host) -> Session:
        if host.is_local or self._remote is None:
            return self._local.session(host)
        return self._remote.session(host)

    def close(self) -> None:
        if self._remote is not None:
            self._remote.close()


def _ssh(
    sudo: bool,
    ssh_config: Optional[Path],
    identities: Sequence[Path],
    accept_new: bool,
    parallel: int,
) -> Carrier:
    # paramiko and Fabric take a fifth of a second to import.
    from toa_fleet.carriers.ssh.carrier import SshCarrier
    from toa_fleet.carriers.ssh.settings import SshConfig

    for path in identities:
        if not path.is_file():
            raise UsageError(f"--identity: there is no file {path}")
    config = SshConfig(ssh_config, identities)
    return SshCarrier(config, accept_new, sudo, parallel=parallel)
