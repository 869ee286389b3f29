# SPDX-License-Identifier: GPL-2.0-only
"""The keys that a roster's host may have: obeyed, refused, or let be.

A roster is often shared with salt-ssh, so what matters to Salt alone is let be.
What would change which node is reached, or as whom, is obeyed or refused.
"""

from __future__ import annotations

import difflib
from typing import Callable

from toa_fleet.errors import UsageError
from toa_fleet.inventory.host import is_ip, port_number, require_address, require_user
from toa_fleet.inventory.ssh_options import read_ssh_options
from toa_fleet.inventory.target import Key, Target
from toa_fleet.inventory.values import identity, seconds
from toa_fleet.text import one_line

_SALTS = "how Salt runs its own Python there; a node needs none here"
_SIGNS_OF_LIFE = "signs of life are our own"

#: Let be, with the reason.
_IGNORED = {
    "cmd_umask": _SALTS,
    "disable_wipe": _SALTS,
    "grains": "Salt's view of the node; facts are asked of it",
    "identities_only": "the key that `priv` names is tried first anyway",
    "keepalive": _SIGNS_OF_LIFE,
    "keepalive_count_max": _SIGNS_OF_LIFE,
    "keepalive_interval": _SIGNS_OF_LIFE,
    "mine": _SALTS,
    "mine_functions": _SALTS,
    "minion_opts": "settings of a minion; there is none",
    "mods": _SALTS,
    "passwd": "logins are by key; a node that takes none says so",
    "priv_passwd": "a key with a passphrase comes from the agent; one that does not says so",
    "relenv": _SALTS,
    "remote_port_forwards": "nothing on a node connects back here",
    "set_path": _SALTS,
    "ssh_pre_flight": _SALTS,
    "ssh_pre_flight_args": _SALTS,
    "ssh_python_env": _SALTS,
    "thin_dir": _SALTS,
    "tty": "for sudo with requiretty; a sudo that wants a terminal says so",
}


def read_key(target: Target, key: Key) -> None:
    """Obey a key of a host.

    Raises:
        UsageError: it is unknown, has an improper value, or asks for what is
            not done here.
    """
    if key.name in _IGNORED:
        return
    if key.name not in _OBEYED:
        raise _unknown(key)
    if not key.is_unset:
        _OBEYED[key.name](target, key)


def _unknown(key: Key) -> UsageError:
    known = [*_OBEYED, *_IGNORED]
    near = difflib.get_close_matches(key.name, known, 1)
    return key.error(
        "a roster has no such key",
        f"is {near[0]} meant?" if near else f"the keys are {', '.join(known)}",
    )


def _host(target: Target, key: Key) -> None:
    word = key.word()
    # As in Salt, which takes brackets off.
    inside = word[1:-1]
    address = inside if word == f"[{inside}]" and is_ip(inside) else word
    require_address(address, key.place)
    target.address = address


def _user(target: Target, key: Key) -> None:
    require_user(key.word(), key.place)
    target.user = key.once(target.user, key.word())


def _port(target: Target, key: Key) -> None:
    target.port = key.once(target.port, port_number(key.word(), key.place))


def _priv(target: Target, key: Key) -> None:
    if key.word() != "agent-forwarding":
        target.identity = key.once(target.identity, identity(key.word(), key))


def _timeout(target: Target, key: Key) -> None:
    target.connect_timeout = key.once(target.connect_timeout, seconds(key.word(), key))


def _sudo(target: Target, key: Key) -> None:
    target.sudo = key.truth()


def _sudo_user(target: Target, key: Key) -> None:
    if key.word() != "root":
        raise key.error(f"{one_line(key.word(), 40)!r} is not root", "modules are loaded by root")


def _winrm(target: Target, key: Key) -> None:
    if key.truth():
        raise key.error("nodes are reached over SSH, and run Linux", "take this host out")


def _ssh_pre_hook(target: Target, key: Key) -> None:
    raise key.error(
        "commands before a connection are not run here", "run it yourself, and take the key out"
    )


_OBEYED: dict[str, Callable[[Target, Key], None]] = {
    "host": _host,
    "user": _user,
    "port": _port,
    "priv": _priv,
    "sudo": _sudo,
    "sudo_user": _sudo_user,
    "ssh_options": read_ssh_options,
    "timeout": _timeout,
    "winrm": _winrm,
    "ssh_pre_hook": _ssh_pre_hook,
}
