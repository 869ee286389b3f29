# SPDX-License-Identifier: GPL-2.0-only
"""The options that every command has, and the hosts that it is about."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Optional, TypeVar

import click

from toa_fleet import node_program
from toa_fleet.artifact import Artifact
from toa_fleet.carriers.salt import TARGET_TYPES, Master, SaltCarrier
from toa_fleet.cli.words import tell_failure
from toa_fleet.errors import ToaError, UsageError
from toa_fleet.inventory import Host, read
from toa_fleet.journal import Journal
from toa_fleet.node_client import NodeClient
from toa_fleet.report import json as json_report
from toa_fleet.report.summary import Summary
from toa_fleet.store import Store

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass
class SaltOptions:
    """``--carrier salt`` and what goes with it."""

    wanted: bool
    target: Optional[str]
    target_type: str
    config: Path
    python: Optional[Path]
    file_root: Optional[Path]
    #: Set where the hosts are found: they and their first answers are one call.
    carrier: Optional[SaltCarrier] = None


@dataclass
class Options:
    """The options that every command has."""

    inventory: tuple[Path, ...]
    sudo: bool
    accept_new: bool
    ssh_config: Optional[Path]
    identity: tuple[Path, ...]
    parallel: int
    timeout: Optional[float]
    as_json: bool
    store: Store
    salt: SaltOptions
    warnings: list[str] = field(default_factory=list)

    @property
    def journal(self) -> Journal:
        """The history stands beside the artifacts."""
        return Journal(self.store.root / "journal.db")

    def client(self) -> NodeClient:
        """What asks the nodes."""
        return NodeClient(node_program.node_program(), self.timeout)

    def artifacts(self) -> list[Artifact]:
        """The sound artifacts of the store; the others become warnings."""
        good, bad = self.store.load()
        self.warnings += [f"left out: {error.detail}" for error in bad]
        return good


def common_options(command: _F) -> _F:
    """Give a command the options of :class:`Options`, as its first argument."""

    @functools.wraps(command)
    def wrapper(**values: Any) -> Any:
        options = Options(
            inventory=values.pop("inventory"),
            sudo=values.pop("sudo"),
            accept_new=values.pop("accept_new_host_keys"),
            ssh_config=values.pop("ssh_config"),
            identity=tuple(path.expanduser() for path in values.pop("identity")),
            parallel=values.pop("parallel"),
            timeout=values.pop("timeout"),
            as_json=values.pop("as_json"),
            store=_store(values.pop("store")),
            salt=SaltOptions(
                wanted=values.pop("carrier") == "salt",
                target=values.pop("target"),
                target_type=values.pop("target_type"),
                config=values.pop("salt_config"),
                python=values.pop("salt_python"),
                file_root=values.pop("salt_file_root"),
            ),
        )
        return _guarded(command, options, values)

    for option in reversed(_OPTIONS):
        wrapper = option(wrapper)
    return wrapper  # type: ignore[return-value]


def _store(path: Optional[Path]) -> Store:
    return Store(path) if path else Store.default()


def _guarded(command: Callable[..., int], options: Options, values: dict[str, Any]) -> int:
    """Run a command; what stops it as a whole is told in the chosen form."""
    try:
        return command(options, **values)
    except ToaError as error:
        if options.as_json:
            summary = Summary(command.__name__, warnings=options.warnings, error=error)
            click.echo(json_report.render(summary), nl=False)
        tell_failure(error)
        return error.exit_status


_PATH = click.Path(path_type=Path)
_OPTIONS = (
    click.option(
        "-i",
        "--inventory",
        "inventory",
        type=_PATH,
        multiple=True,
        metavar="FILE",
        help="Host file, or Salt roster (YAML); - is standard input. May be repeated.",
    ),
    click.option("--sudo", is_flag=True, help="Run on the nodes through `sudo -n`."),
    click.option(
        "--accept-new-host-keys",
        is_flag=True,
        help="Record keys of unknown hosts in known_hosts. A changed key is always refused.",
    ),
    click.option(
        "--ssh-config",
        type=_PATH,
        metavar="FILE",
        help="Use this file only.  [default: ~/.ssh/config, then /etc/ssh/ssh_config]",
    ),
    click.option(
        "--identity",
        type=_PATH,
        multiple=True,
        metavar="FILE",
        help="Private key to try first. May be repeated.",
    ),
    click.option(
        "--parallel",
        type=click.IntRange(1, 512),
        default=32,
        show_default=True,
        metavar="N",
        help="Most nodes at work at once.",
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(1, 86400),
        metavar="SECONDS",
        help="Limit of each command on a node.  [default: by command: status 60, "
        "deploy 300, build 1900]",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
    click.option(
        "--store",
        type=_PATH,
        metavar="DIR",
        envvar="TOA_FLEET_STORE",
        help="Where artifacts and the journal are kept.  [default: the user's data directory]",
    ),
    click.option(
        "--carrier",
        type=click.Choice(["ssh", "salt"]),
        default="ssh",
        show_default=True,
        help="How nodes are reached. With salt, on a Salt master, a HOST is a minion's id.",
    ),
    click.option("--target", metavar="TGT", help="With salt, instead of HOSTs: which minions."),
    click.option(
        "--target-type",
        type=click.Choice(TARGET_TYPES),
        default="glob",
        show_default=True,
        metavar="TYPE",
        help=f"What --target is: {', '.join(TARGET_TYPES)}.",
    ),
    click.option(
        "--salt-config",
        type=_PATH,
        metavar="DIR",
        default=Path("/etc/salt"),
        show_default=True,
        help="With salt: where the master's configuration is.",
    ),
    click.option(
        "--salt-python",
        type=_PATH,
        metavar="FILE",
        envvar="TOA_FLEET_SALT_PYTHON",
        help="With salt: the Python that has Salt.  [default: this one, else that of Salt's "
        "packages, else that of the command `salt`]",
    ),
    click.option(
        "--salt-file-root",
        type=_PATH,
        metavar="DIR",
        help="With salt: one of the master's file_roots, for artifacts on their way.  "
        "[default: the first that can be written to]",
    ),
)
hosts_argument = click.argument("hosts", nargs=-1, metavar="HOST...")


def hosts_of(options: Options, words: Sequence[str], verb: str = "status") -> list[Host]:
    """The nodes; VERB is what each will be asked first, where that changes nothing."""
    salt = options.salt
    if not salt.wanted:
        if salt.target is not None:
            raise UsageError("--target goes with --carrier salt")
        return read(words, options.inventory)
    if options.inventory:
        raise UsageError("--carrier salt takes minions, no inventory", "use --target")
    if bool(words) == (salt.target is not None):
        raise UsageError("say which minions", "either name them, or give one --target")
    salt.carrier = SaltCarrier(Master(salt.config, salt.python), salt.file_root)
    limit = options.client().limit("status")
    if words:
        return salt.carrier.hosts(list(words), "list", verb, limit)
    return salt.carrier.hosts(salt.target, salt.target_type, verb, limit)


def require_ssh(options: Options, command: str, instead: str) -> None:
    """Refuse --carrier salt, saying what does it there."""
    if options.salt.wanted:
        raise UsageError(f"{command} goes over SSH only", instead)
