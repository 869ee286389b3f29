# SPDX-License-Identifier: GPL-2.0-only
"""The command ``toa-fleet``: words in, words out. Nothing below knows of it."""

from __future__ import annotations

import functools
import shlex
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, NoReturn, Optional, TypeVar

import click
from rich.console import Console
from rich.text import Text

from toa_fleet import __version__, errors, node_program
from toa_fleet.artifact import Artifact
from toa_fleet.audit import assess
from toa_fleet.bundle import Part
from toa_fleet.carriers.base import Carrier, Session
from toa_fleet.carriers.local import LocalCarrier
from toa_fleet.carriers.salt import TARGET_TYPES, Master, SaltCarrier
from toa_fleet.errors import LocalError, ToaError, UsageError
from toa_fleet.inventory import Host, parse_host, read, read_file
from toa_fleet.jobs import (
    Asker,
    BuildJob,
    PushJob,
    facts_job,
    gates_job,
    preparing_job,
    proof_job,
    simple_job,
)
from toa_fleet.journal import Journal, Result
from toa_fleet.plan import Policy
from toa_fleet.report import json as json_report
from toa_fleet.report import table
from toa_fleet.report.progress import LiveProgress, PlainProgress
from toa_fleet.report.summary import Row, Summary
from toa_fleet.rollout import Event, Job, NodeReport, Rollout
from toa_fleet.sources import kmod_sources
from toa_fleet.store import Store
from toa_fleet.text import one_line

_EPILOG = """\b
Exit status:
  0    every node that should have it has it (audit: every node carries it)
  1    trouble on this machine: store, disk, installation
  2    usage: wrong options, hosts, inventory or ssh_config
  3    some nodes were refused (wrong system, closed gate), or an artifact was;
       audit: some node does not carry toa as it should
  4    some nodes failed (unreachable, broken answer, load or proof failed),
       or were held back because others had; goes before 3
  130  interrupted

\b
A HOST is [user@]host[:port], [user@][v6-address]:port, an alias of your
ssh_config, or @local for this machine. With -i FILE, hosts come from a file:
one a line, # for comments, or a Salt roster in YAML.
"""

#: Largest file that goes along; toa-node takes bundles of 64 MiB.
_MAX_SENT = 60 * 1024 * 1024

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

    def asker(self) -> Asker:
        """What asks the nodes."""
        return Asker(node_program.node_program(), self.timeout)

    def artifacts(self) -> list[Artifact]:
        """The sound artifacts of the store; the others become warnings."""
        good, bad = self.store.load()
        self.warnings += [f"left out: {error.detail}" for error in bad]
        return good


def _common_options(command: _F) -> _F:
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
        _tell_error(error)
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
        help="Host file, or Salt roster (YAML). May be repeated.",
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
_hosts = click.argument("hosts", nargs=-1, metavar="HOST...")


@click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="toa-fleet")
def cli() -> None:
    """Build toa.ko once, push it to every node it fits, refuse the rest."""


@cli.command(epilog=_EPILOG)
@_hosts
@_common_options
def fingerprint(options: Options, hosts: Sequence[str]) -> int:
    """Show which system each node is, and which nodes are alike."""
    return _finish(
        options,
        "fingerprint",
        _hosts_of(options, hosts, "fingerprint"),
        _facts(options, "fingerprint"),
    )


@cli.command(epilog=_EPILOG)
@_hosts
@_common_options
def status(options: Options, hosts: Sequence[str]) -> int:
    """Show what each node carries. Changes nothing."""
    return _finish(
        options, "status", _hosts_of(options, hosts), _facts(options, "status"), assessed=True
    )


@cli.command(epilog=_EPILOG)
@_hosts
@_common_options
def gates(options: Options, hosts: Sequence[str]) -> int:
    """Tell which nodes could load a module at all, and what keeps the others.

    One verdict a gate (signatures, lockdown, Secure Boot, blacklists, kprobes,
    disk and more), each closed one with its remedy. Copies and changes nothing.
    """
    return _finish(options, "gates", _hosts_of(options, hosts, "gates"), gates_job(options.asker()))


@cli.command(epilog=_EPILOG)
@_hosts
@click.option("--proof", is_flag=True, help="Have each loaded toa proven anew (needs root).")
@_common_options
def audit(options: Options, hosts: Sequence[str], proof: bool) -> int:
    """Judge what each node carries.

    Tells which nodes run toa and keep it over a reboot, what is wrong with the
    rest, and when each was last changed from here. Changes nothing.
    """
    nodes = _hosts_of(options, hosts)
    job = proof_job(options.asker()) if proof else _facts(options, "status")
    return _finish(options, "audit", nodes, job, assessed=True, history=True)


@cli.command(epilog=_EPILOG)
@click.option(
    "--on",
    "references",
    multiple=True,
    required=True,
    metavar="HOST",
    help="Reference node: a host, or a name of the -i FILE. May be repeated.",
)
@click.option(
    "--source",
    metavar="DIR|FILE|URL",
    help="Sources of toa.ko: a directory or an archive here, or the address of an archive or of "
    "a git repository, which the node fetches.  [default: those that came along]",
)
@click.option("--sha256", metavar="HEX", help="Of the archive at that address.")
@click.option("--revision", metavar="REV", help="Commit, tag or branch of that repository.")
@click.option(
    "--container",
    metavar="IMAGE",
    help="Build on the node in this container: an image's name (podman, docker) or a path there "
    "(systemd-nspawn). For systems without a compiler.",
)
@click.option("--force", is_flag=True, help="Build even what the store holds already.")
@_common_options
def build(
    options: Options,
    references: Sequence[str],
    source: Optional[str],
    sha256: Optional[str],
    revision: Optional[str],
    container: Optional[str],
    force: bool,
) -> int:
    """Build toa.ko on a reference node.

    The sources go there, the module comes back, is checked and stored. A module
    of other sources than this project's has no selftest: push it with --artifact
    and --allow-unproven.
    """
    nodes = _references(options, references)
    arguments = _argument("--container", container)
    if source is not None and _is_address(source):
        arguments += ["--source", source]
        arguments += [*_argument("--sha256", sha256), *_argument("--revision", revision)]
        sources = []
        archive = []
    elif sha256 or revision:
        raise UsageError(
            "--sha256 and --revision are for a --source that the node fetches",
            "give an address, or check that revision out and give its directory",
        )
    else:
        archive = [_part("source", source)] if source and Path(source).is_file() else []
        arguments += [word for part in archive for word in ("--source", f"part:{part.name}")]
        sources = [] if archive else kmod_sources(Path(source) if source else None)
    job = BuildJob(
        options.asker(), options.store, options.artifacts(), sources, force, arguments, archive
    )
    return _finish(options, "build", nodes, job, recorded=True)


@cli.command(epilog=_EPILOG)
@_hosts
@click.option(
    "--artifact",
    metavar="DIR|ID",
    help="Push this one only: a directory, or an id of the store.  [default: for each node the "
    "store's artifact that matches it]",
)
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@click.option(
    "--rebuild",
    is_flag=True,
    help="Leave the sources there, too: the node builds for each kernel that is installed later "
    "(needs gcc, make and headers there). A push without this switches it off.",
)
@click.option("--replace-foreign", is_flag=True, help="Take a loaded toa of others out.")
@click.option(
    "--allow-unproven",
    is_flag=True,
    help="Also where toa-selftest cannot run: a module of other sources, a node without TUN.",
)
@click.option(
    "--canary",
    "canaries",
    type=click.IntRange(0, 512),
    default=1,
    show_default=True,
    metavar="N",
    help="Nodes of each artifact that go first; the others wait until it is proven there, and "
    "are held if it fails. 0: all at once.",
)
@click.option(
    "--max-failures",
    type=click.IntRange(1),
    metavar="N",
    help="Begin no other node once N have failed.  [default: any number may]",
)
@_common_options
def push(
    options: Options,
    hosts: Sequence[str],
    artifact: Optional[str],
    dry_run: bool,
    rebuild: bool,
    replace_foreign: bool,
    allow_unproven: bool,
    canaries: int,
    max_failures: Optional[int],
) -> int:
    """Push toa.ko to the nodes that it fits.

    Each gets the artifact of its kind, loads it, proves it with a live
    connection, and will load it at every boot; a node that fits none, or that
    cannot load modules now, is refused with the reason. One node of each kind
    goes first, as a canary.
    """
    nodes = _hosts_of(options, hosts)
    artifacts = [_artifact(options, artifact)] if artifact else options.artifacts()
    sources = kmod_sources(None) if rebuild else []
    policy = Policy(replace_foreign, allow_unproven, rebuild)
    job = PushJob(options.asker(), artifacts, policy, dry_run, sources, canaries, max_failures)
    return _finish(options, "push", nodes, job, dry_run=dry_run, recorded=not dry_run)


@cli.command(epilog=_EPILOG)
@_hosts
@_common_options
def unload(options: Options, hosts: Sequence[str]) -> int:
    """Take toa out of the kernel until the next boot."""
    nodes = _hosts_of(options, hosts, "")
    return _finish(options, "unload", nodes, simple_job(options.asker(), "unload"), recorded=True)


@cli.command(epilog=_EPILOG)
@_hosts
@_common_options
def remove(options: Options, hosts: Sequence[str]) -> int:
    """Unload toa and take away what push put there."""
    nodes = _hosts_of(options, hosts, "")
    return _finish(options, "remove", nodes, simple_job(options.asker(), "remove"), recorded=True)


@cli.command(epilog=_EPILOG)
@_hosts
@click.option("--kernel", metavar="RELEASE", help="Of this kernel.  [default: the running one]")
@click.option(
    "--headers-package",
    "packages",
    multiple=True,
    metavar="FILE|URL",
    help="An .rpm or .deb for kernels that the repositories no longer hold: a file here, which "
    "is sent along, or an address (file:///... is the node's). May be repeated.",
)
@click.option(
    "--sha256",
    "hashes",
    multiple=True,
    metavar="HEX",
    help="Of each --headers-package, in the same order.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be installed, and install nothing.")
@_common_options
def toolchain(
    options: Options,
    hosts: Sequence[str],
    kernel: Optional[str],
    packages: Sequence[str],
    hashes: Sequence[str],
    dry_run: bool,
) -> int:
    """Install gcc, make and the headers of exactly the running kernel.

    With the node's own package manager. Needed on reference nodes only; never
    installs the headers of another kernel.
    """
    sent = {each: _part("headers", each) for each in packages if not _is_address(each)}
    places = [f"part:{sent[each].name}" if each in sent else each for each in packages]
    arguments = [
        *_argument("--kernel", kernel),
        *(word for each in places for word in ("--headers-package", each)),
        *(word for each in hashes for word in ("--sha256", each)),
        *(["--dry-run"] if dry_run else []),
    ]
    return _prepare(options, "toolchain", hosts, arguments, dry_run, list(sent.values()))


@cli.command("legacy-kernel", epilog=_EPILOG)
@_hosts
@click.option(
    "--source",
    metavar="FILE|URL",
    help="Tarball of a 2.6.32 kernel with net/toa: on the node, or at an address.",
)
@click.option("--sha256", metavar="HEX", help="Of that tarball; needed for http:// and ftp://.")
@click.option("--extraversion", metavar="-WORD", help="End of the new release.  [default: -toa]")
@click.option(
    "--jobs", type=click.IntRange(1, 1024), metavar="N", help="Of make.  [default: the cores]"
)
@click.option("--work", metavar="DIR", help="On the node.  [default: /usr/src/toa-legacy-kernel]")
@click.option("--dry-run", is_flag=True, help="Show which steps are to be done, and do none.")
@click.option("--reboot", is_flag=True, help="Reboot into it when all is in place.")
@click.option("--force", is_flag=True, help="Also where the kernel is no 2.6.32.")
@click.option("--undo", is_flag=True, help="Take away what loads it; boot the old kernel again.")
@_common_options
def legacy_kernel(
    options: Options, hosts: Sequence[str], dry_run: bool, **values: Optional[object]
) -> int:
    """Build and boot a 2.6.32 kernel with TOA patched in.

    The old procedure, step by step; the same command continues it where it
    stopped. Try `toa-fleet build` and `push` first: toa.ko needs neither another
    kernel nor a reboot.
    """
    flags = {"reboot", "force", "undo"}
    arguments = [f"--{name}" for name in sorted(flags) if values[name]]
    for name in sorted(values.keys() - flags):
        arguments += _argument(f"--{name}", values[name])
    arguments += ["--dry-run"] if dry_run else []
    return _prepare(options, "legacy-kernel", hosts, arguments, dry_run)


def _is_address(source: str) -> bool:
    return "://" in source or source.startswith("git@")


def _argument(name: str, value: Optional[object]) -> list[str]:
    return [] if value is None else [name, str(value)]


def _part(folder: str, file: str) -> Part:
    """A file of this machine, to be sent along."""
    path = Path(file).expanduser()
    try:
        if path.stat().st_size > _MAX_SENT:
            raise UsageError(
                f"{path} is too large to be sent along ({path.stat().st_size} bytes)",
                "copy it to the node and give file:///PATH",
            )
        return Part(f"{folder}/{path.name}", path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def _prepare(
    options: Options,
    verb: str,
    hosts: Sequence[str],
    arguments: Sequence[str],
    dry_run: bool,
    parts: Sequence[Part] = (),
) -> int:
    """Run a verb that prepares nodes, with the files that it names."""
    _require_ssh(options, verb, "the state toa.toolchain does it on minions")
    nodes = _hosts_of(options, hosts)
    job = preparing_job(options.asker(), verb, arguments, dry_run, parts)
    return _finish(options, verb, nodes, job, dry_run=dry_run, recorded=not dry_run)


def _hosts_of(options: Options, words: Sequence[str], verb: str = "status") -> list[Host]:
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
    limit = options.asker().limit("status")
    if words:
        return salt.carrier.hosts(list(words), "list", verb, limit)
    return salt.carrier.hosts(salt.target, salt.target_type, verb, limit)


def _require_ssh(options: Options, command: str, instead: str) -> None:
    if options.salt.wanted:
        raise UsageError(f"{command} goes over SSH only", instead)


def _references(options: Options, words: Sequence[str]) -> list[Host]:
    """``--on`` names a host of the inventory, or any other host."""
    _require_ssh(options, "build", "toa.orchestrate, toa.built and toa.build do it on minions")
    named = {host.name: host for path in options.inventory for host in read_file(path)}
    hosts = [named.get(word) or parse_host(word, "--on") for word in words]
    return list({host.name: host for host in hosts}.values())


def _artifact(options: Options, text: str) -> Artifact:
    path = Path(text).expanduser()
    if path.is_dir():
        return Artifact.read(path)
    if path.name == "toa.ko" and path.is_file():
        return Artifact.read(path.parent)
    if "/" in text:
        raise UsageError(f"--artifact: there is no directory {text}", "give a directory or an id")
    return options.store.find(text)


def _facts(options: Options, verb: str) -> Job:
    return facts_job(options.asker(), verb)


def _finish(
    options: Options,
    command: str,
    hosts: Sequence[Host],
    job: Job,
    dry_run: bool = False,
    recorded: bool = False,
    assessed: bool = False,
    history: bool = False,
) -> int:
    """Run a job on the hosts, show the result, return the exit status.

    Parameters:
        dry_run: for the report only; the job knows by itself.
        recorded: write the results into the journal.
        assessed: judge what each node carries.
        history: show the journal's last entry of each node.
    """
    started = time.monotonic()
    manifests = [each.manifest for each in options.artifacts()] if assessed else []
    record = _Recorder(options, command) if recorded else None
    reports, interrupted = _run(options, command, hosts, job, record)
    rows = [
        Row(
            report,
            assess(report.facts, manifests) if assessed and report.facts else None,
            _last_change(options, report) if history else None,
        )
        for report in reports
    ]
    seconds = time.monotonic() - started
    warnings = list(dict.fromkeys(options.warnings))
    summary = Summary(command, rows, dry_run, interrupted, seconds, warnings)
    if record:
        record.end(summary.exit_status)
    _show(options, summary)
    return summary.exit_status


def _run(
    options: Options,
    command: str,
    hosts: Sequence[Host],
    job: Job,
    record: Optional[_Recorder],
) -> tuple[list[NodeReport], bool]:
    carriers = _Carriers(options, hosts)
    try:
        with _progress(options, command, len(hosts)) as progress:

            def on_event(event: Event) -> None:
                progress(event)
                if record and event.report:
                    record(event.report)

            rollout = Rollout(carriers.session, options.parallel, on_event)
            return rollout.run(hosts, job), rollout.interrupted
    finally:
        carriers.close()


class _Carriers:
    """Chooses the carrier for a host; SSH is imported and set up only when needed."""

    def __init__(self, options: Options, hosts: Sequence[Host]) -> None:
        self._options = options
        self._local = LocalCarrier(options.sudo)
        self._remote: Optional[Carrier] = options.salt.carrier
        if self._remote is None and not all(host.is_local for host in hosts):
            self._remote = self._make_ssh()

    def session(self, host: Host) -> Session:
        if host.is_local or self._remote is None:
            return self._local.session(host)
        return self._remote.session(host)

    def close(self) -> None:
        if self._remote is not None:
            self._remote.close()

    def _make_ssh(self) -> Carrier:
        # paramiko and Fabric take a fifth of a second to import.
        from toa_fleet.carriers.ssh.carrier import SshCarrier
        from toa_fleet.carriers.ssh.settings import SshConfig

        options = self._options
        for path in options.identity:
            if not path.is_file():
                raise UsageError(f"--identity: there is no file {path}")
        config = SshConfig(options.ssh_config, options.identity)
        return SshCarrier(config, options.accept_new, options.sudo, parallel=options.parallel)


class _Recorder:
    """Writes results into the journal. A journal that fails is a warning, once."""

    def __init__(self, options: Options, command: str) -> None:
        self._options = options
        self._journal = options.journal
        self._run: Optional[int] = None
        self._waiting: list[Result] = []
        self._written = time.monotonic()
        words = [command, *sys.argv[2:]] if len(sys.argv) > 1 else [command]
        self._try(lambda: self._begin(one_line(shlex.join(words), 1000)))

    def __call__(self, report: NodeReport) -> None:
        facts = report.facts
        self._waiting.append(
            Result(
                report.host,
                report.outcome,
                report.word,
                report.artifact,
                facts.fingerprint.id if facts else "",
                report.detail,
            )
        )
        # A write waits for the disk, and with it wait all nodes: once a second.
        if time.monotonic() - self._written > 1:
            self._write()

    def end(self, exit_status: int) -> None:
        self._write()
        run = self._run
        if run is not None:
            self._try(lambda: self._journal.end(run, exit_status))

    def _write(self) -> None:
        run, waiting = self._run, self._waiting
        self._waiting, self._written = [], time.monotonic()
        if run is not None and waiting:
            self._try(lambda: self._journal.record(run, waiting))

    def _begin(self, words: str) -> None:
        self._run = self._journal.begin(words)

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except LocalError as error:
            self._run = None
            self._options.warnings.append(f"the history has a gap: {error.detail}")


def _last_change(options: Options, report: NodeReport) -> Any:
    try:
        return options.journal.last_change(report.host)
    except LocalError as error:
        options.warnings.append(f"no history: {error.detail}")
        return None


def _progress(options: Options, command: str, total: int) -> Any:
    console = Console(stderr=True)
    if console.is_terminal:
        return LiveProgress(console, command, total)
    return PlainProgress(console)


def _show(options: Options, summary: Summary) -> None:
    if options.as_json:
        click.echo(json_report.render(summary), nl=False)
        return
    terminal = sys.stdout.isatty()
    table.show(Console(width=None if terminal else table.PIPE_WIDTH), summary)


def _tell_error(error: ToaError) -> None:
    console = Console(stderr=True)
    console.print(Text(f"toa-fleet: {error.detail}"), soft_wrap=True)
    if error.hint:
        console.print(Text(f"-> {error.hint}"), soft_wrap=True)


def main(arguments: Optional[Sequence[str]] = None) -> NoReturn:
    """The entry point: runs a command and exits with its status."""
    sys.exit(_main(arguments))


def _main(arguments: Optional[Sequence[str]]) -> int:
    # An end from outside closes connections as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        result = cli.main(args=arguments, prog_name="toa-fleet", standalone_mode=False)
        return result if isinstance(result, int) else errors.EXIT_OK
    except click.ClickException as error:
        error.show()
        return errors.EXIT_USAGE
    except (KeyboardInterrupt, click.Abort):
        print("toa-fleet: interrupted", file=sys.stderr)
        return errors.EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output (head, less) went away: no matter.
        sys.stdout = None
        return errors.EXIT_LOCAL
