# SPDX-License-Identifier: GPL-2.0-only
"""
The TOA kernel module on a minion: what it is for, whether it is loaded, and
how it gets there.

Everything here is one run of the node program ``toa-node``, whose answers come
back as typed values; nothing else touches the node. Works on minions, without
a master (``salt-call --local``) and over salt-ssh, with Python's standard
library alone.

:configuration: All of it is optional, in the minion's configuration or in the
    pillar.

    .. code-block:: yaml

        toa:
          # path or salt:// URL of the node program: the folder of its parts,
          # or the whole in one file
          node_program: salt://toa_fleet/node
          # directory or salt:// URL of the sources of toa.ko
          sources: salt://kmod
          # directory or salt:// URL below which stand FINGERPRINT/toa.ko,
          # FINGERPRINT/manifest and FINGERPRINT/toa-selftest
          artifacts: salt://toa/artifacts

    Without ``node_program`` it is looked for in the Python package toa-fleet
    where that is installed, then as ``salt://toa_fleet/node`` (a checkout of
    this project among the ``file_roots`` or ``gitfs_remotes``), then as
    ``/var/lib/toa/toa-node``, where an earlier installation left it.
    ``sources`` are looked for in the same places. salt-ssh carries files to its
    targets for states only; single functions work there once toa is installed.

A function that fails raises ``CommandExecutionError`` with one line: what
failed, in the node's own words, and what to do about it.
"""

from __future__ import annotations

import collections
import contextlib
import glob
import hashlib
import importlib.util
import ipaddress
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import typing

import salt.utils.url
from salt.exceptions import CommandExecutionError

if typing.TYPE_CHECKING:
    # Salt's loader puts them here.
    __salt__: dict[str, typing.Callable[..., typing.Any]] = {}
    __opts__: dict[str, typing.Any] = {}

log = logging.getLogger(__name__)

__virtualname__ = "toa"

Answer = dict[str, typing.Any]

#: The fields that make two systems the same; those of the second line may be
#: empty on a node or in a manifest and then match anything.
_HARD_FIELDS = (
    *("arch", "page_size", "kernel_release", "kernel_version", "os_id", "os_version_id"),
    *("kernel_build_id", "vermagic", "module_layout"),
)
_MAY_BE_EMPTY = frozenset({"kernel_build_id", "vermagic", "module_layout"})
_ARTIFACT_FILES = ("toa.ko", "manifest", "toa-selftest")

_PROGRAM_URL = "salt://toa_fleet/node"
#: In that folder: the hash of all its parts, joined.
_PROGRAM_HASH = "toa-node.sha256"
_SOURCES_URL = "salt://kmod"
_ARTIFACTS_URL = "salt://toa/artifacts"
_STORED_PROGRAM = "/var/lib/toa/toa-node"
_STATS = "/proc/net/toa_stats"
#: As for toa-node: another tree than the running system's.
_ROOT = os.environ.get("TOA_ROOT", "").rstrip("/")

#: Bounds of docs/node-protocol.md.
_MAX_OUTPUT = 24 * 1024 * 1024
_MAX_VALUE = 4096
_MAX_MANIFEST = 65536
_KEY = re.compile(r"[a-z][a-z0-9_.-]*\Z")
_CLASSES = {
    2: "usage",
    3: "mismatch",
    4: "gate",
    5: "build",
    6: "load",
    7: "proof",
    8: "not-installed",
    9: "node",
}

#: What an answer has at least, where it says that all is well.
_PROMISED = {
    "fingerprint": {"fingerprint", "kernel_release", "gcc", "headers"},
    "status": {
        *("fingerprint", "kernel_release", "gcc", "headers", "gate.root", "persistent"),
        *("loaded", "loaded_build_id", "loaded_artifact", "hooks", "artifacts"),
        *("installed", "installed_build_id", "installed_fingerprint"),
    },
    "build": {
        *("fingerprint", "artifact", "build_id"),
        *("manifest.fingerprint", "manifest.source", "manifest.sha256"),
    },
    "deploy": {"build_id", "proof.build_id"},
    "toolchain": {"kernel", "missing", "headers", "gcc", "changed"},
    "legacy-kernel": {"kernel_release", "reboot", "changed"},
}

#: Seconds that a verb may take; the node program bounds its own steps below.
_LIMITS = {
    "fingerprint": 60,
    "status": 60,
    "build": 2400,
    "toolchain": 7200,
    "legacy-kernel": 14 * 3600,
}
_LIMIT = 600
#: What a stopped node program gets to take back what it did.
_GRACE = 60
#: The same words and tools for a minion's daemon, a login shell and salt-ssh.
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C",
    "HOME": "/",
}

#: What toa-fleet may ask for.
_CARRIED = ("status", "fingerprint", "gates", "deploy", "verify", "unload", "remove")

#: What a build leaves behind among the sources; none of it is source.
_PRODUCTS = re.compile(
    r"(^|/)([.].*|__pycache__/.*|modules\.order|Module\.symvers|toa-selftest|probed\.(h|log)"
    r"|.*(\.ko|\.o|\.a|\.mod|\.mod\.c|\.cmd|\.d|\.symvers|\.pyc?|~))\Z"
)


def __virtual__() -> str | tuple[bool, str]:  # noqa: N807
    if not sys.platform.startswith("linux"):
        return False, "the TOA kernel module exists on Linux only"
    if "proxy" in __opts__:
        return False, "a proxy minion's device is not the system whose kernel toa is about"
    return __virtualname__


# --- what users call --------------------------------------------------------


def fingerprint(node_program: str | None = None) -> Answer:
    """
    Return the facts that decide which toa.ko is for this minion.

    ``fingerprint`` is the short id of the hard fields (``arch``,
    ``page_size``, ``kernel_release``, ``kernel_version``,
    ``kernel_build_id``, ``os_id``, ``os_version_id``, ``vermagic``,
    ``module_layout``): minions with the same id can share one artifact. What
    the node does not tell is ``None``. Changes nothing, needs no root.

    node_program
        Path or ``salt://`` URL of the node program, here and in every other
        function; by default as described at the top.

    CLI Example:

    .. code-block:: bash

        salt '*' toa.fingerprint
    """
    return _call("fingerprint", program=node_program)


def status(recorded: bool = False, node_program: str | None = None) -> Answer:
    """
    Return the facts of ``toa.fingerprint``, the ``gates``, and the state of
    toa: ``loaded`` with ``loaded_build_id`` and ``hooks``, ``installed`` (the
    artifact for the running kernel), ``artifacts`` (all that are stored),
    ``persistent`` (loaded at the next boot), what the last boot left in
    ``boot_record``, ``options`` (the module's parameters that modprobe.d asks
    for), ``parameters`` (those of the running module), and
    ``kernels_without_artifact`` (installed kernels under which the next boot
    would be without toa). Changes nothing, needs no root.

    recorded
        Take ``kernels_without_artifact`` from the minion's records instead of
        looking into the kernels' images, which takes most of the time.

    CLI Example:

    .. code-block:: bash

        salt '*' toa.status
    """
    flags = _flags({"--recorded": _boolean("recorded", recorded)})
    return _call("status", *flags, program=node_program)


def gates(node_program: str | None = None) -> Answer:
    """
    Return what could keep this minion from loading the module: by name of the
    gate a dict of ``open`` (``True``, ``False``, or ``None`` when it cannot be
    told) and ``reason``, which also says what to do.

    CLI Example:

    .. code-block:: bash

        salt '*' toa.gates
    """
    return typing.cast(Answer, status(recorded=True, node_program=node_program)["gates"])


def toolchain(
    kernel: str | None = None,
    headers_package: str | list[str] | None = None,
    sha256: str | list[str] | None = None,
    dry_run: bool = False,
    node_program: str | None = None,
) -> Answer:
    """
    Install what building toa.ko takes: gcc, make and the headers of exactly
    the running kernel, with the package manager of the system. Return
    ``packages`` (what this system needs), ``missing`` (those of them that were
    not there), ``headers``, ``gcc``, ``make`` and ``changed``. Headers of
    another version are never installed; where the repositories do not hold
    them any more, the failure names the package and file to look for.

    kernel
        Release of an installed kernel to prepare for, by default the running
        one.

    headers_package
        URL or path of the package with the headers, or a list of them, where no
        repository has it.

    sha256
        Hash that this file must have, or a list in the same order.

    dry_run
        Return the same and change nothing.

    CLI Example:

    .. code-block:: bash

        salt 'reference*' toa.toolchain
        salt 'reference*' toa.toolchain dry_run=True
    """
    words = _options(
        {"--kernel": kernel, "--headers-package": headers_package, "--sha256": sha256}
    ) + _flags({"--dry-run": _boolean("dry_run", dry_run)})
    return _call("toolchain", *words, program=node_program)


def legacy_kernel(
    source: str | None = None,
    sha256: str | None = None,
    extraversion: str | None = None,
    jobs: int | None = None,
    work: str | None = None,
    reboot: bool = False,
    force: bool = False,
    undo: bool = False,
    dry_run: bool = False,
    node_program: str | None = None,
) -> Answer:
    """
    Make a 2.6.32 kernel with TOA patched in, for systems that can have no
    toa.ko: fetch, unpack, configure, build, install, step by step; a second
    call goes on where the first one stopped. Return ``steps`` (by name what
    became of it), ``kernel_release``, ``reboot`` (``due``, ``now`` or ``no``),
    ``alternative`` (what to try first) and ``changed``. Takes an hour or more.

    source
        URL or path of the archive with the kernel's sources.

    sha256
        Hash that this file must have.

    extraversion
        What the kernel's release ends with, by default ``-toa``.

    jobs
        Compilers at a time, by default one per CPU.

    work
        Directory for the sources and the build.

    reboot
        Reboot into the new kernel at the end.

    force
        Also on a system that this procedure is not meant for.

    undo
        Take back what makes the system boot that kernel.

    dry_run
        Return which steps would be done, and do none.

    CLI Example:

    .. code-block:: bash

        salt 'old*' toa.legacy_kernel /root/linux-2.6.32.rpm sha256=0123... dry_run=True
    """
    words = _options(
        {
            "--source": source,
            "--sha256": sha256,
            "--extraversion": extraversion,
            "--jobs": jobs,
            "--work": work,
        }
    ) + _flags(
        {
            "--reboot": _boolean("reboot", reboot),
            "--force": _boolean("force", force),
            "--undo": _boolean("undo", undo),
            "--dry-run": _boolean("dry_run", dry_run),
        }
    )
    return _call("legacy-kernel", *words, program=node_program)


def artifacts(node_program: str | None = None) -> list[Answer]:
    """
    Return the artifacts that are stored on this minion, each a dict of
    ``fingerprint``, ``artifact`` and ``current`` (whether it is the one for
    the running kernel).

    CLI Example:

    .. code-block:: bash

        salt '*' toa.artifacts
    """
    known = status(recorded=True, node_program=node_program)
    return [
        {
            **stored,
            "current": stored["artifact"] == known["installed"]
            and stored["fingerprint"] == known["installed_fingerprint"],
        }
        for stored in known["artifacts"]
    ]


def available(
    artifacts: str | None = None,
    facts: Answer | None = None,
    node_program: str | None = None,
) -> Answer:
    """
    Return which of the artifacts on the fileserver is for this minion:
    ``found``, then ``source`` (its directory) and ``manifest``; or why there
    is none, in ``reason``, naming the fields in which the nearest one differs.

    artifacts
        ``salt://`` URL or directory that holds a directory per fingerprint,
        by default the configuration's ``toa:artifacts``, else
        ``salt://toa/artifacts``.

    facts
        A node's answer to ``toa.fingerprint``, by default this minion's.

    CLI Example:

    .. code-block:: bash

        salt '*' toa.available
        salt '*' toa.available artifacts=/srv/toa
    """
    base = _place("artifacts", artifacts) or _ARTIFACTS_URL
    facts = facts or _call("fingerprint", program=node_program)
    exact = _below(base, str(facts["fingerprint"]))
    claims = _manifest_at(exact)
    installed = facts.get("installed_fingerprint")
    if claims is None and installed and installed != facts["fingerprint"]:
        # One that matched although its id differs, before asking for all there are.
        exact = _below(base, str(installed))
        claims = _manifest_at(exact)
    if claims is None:
        return _nearest(base, facts)
    differing = _differences(claims, facts)
    if differing:
        return _none_found(f"{exact} is for another system: {differing}")
    return {"found": True, "source": exact, "manifest": claims, "reason": None}


def manifest(artifact: str) -> Answer:
    """
    Return the manifest of an artifact: what it was built for, from what, by
    what, and its hashes.

    artifact
        Directory or ``salt://`` URL with ``toa.ko``, ``manifest`` and
        ``toa-selftest`` in it.

    CLI Example:

    .. code-block:: bash

        salt '*' toa.manifest salt://toa/artifacts/0123456789abcdef
    """
    _check_place("artifact", artifact)
    claims = _manifest_at(artifact)
    if claims is None:
        raise CommandExecutionError(f"there is no manifest in {artifact}")
    return claims


def source_hash(sources: str | None = None) -> str:
    """
    Return the hash of the sources of toa.ko, as manifests give it in
    ``source``.

    sources
        Directory or ``salt://`` URL, by default as described at the top.

    CLI Example:

    .. code-block:: bash

        salt '*' toa.source_hash
    """
    with _staged_sources(sources) as directory:
        lines = []
        for name in _files_below(directory):
            with open(os.path.join(directory, name), "rb") as file:
                lines.append(f"{hashlib.sha256(file.read()).hexdigest()}  {name}\n")
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def build(
    output: str,
    sources: str | None = None,
    kerneldir: str | None = None,
    node_program: str | None = None,
) -> Answer:
    """
    Build toa.ko, toa-selftest and manifest for the running kernel. Return
    ``fingerprint``, ``artifact``, ``build_id``, ``manifest`` and ``output``.

    Needs gcc, make and the headers of the running kernel; what is missing is
    named together with the package that has it.

    output
        Directory that gets the three files.

    sources
        Directory or ``salt://`` URL of toa's sources, by default as described
        at the top.

    kerneldir
        Directory of the kernel's headers, by default
        ``/lib/modules/RELEASE/build``.

    CLI Example:

    .. code-block:: bash

        salt 'reference*' toa.build /root/toa
    """
    _check_directory("output", output)
    arguments = ["--output", output]
    if kerneldir is not None:
        _check_directory("kerneldir", kerneldir)
        arguments += ["--kerneldir", kerneldir]
    with _staged_sources(sources) as directory:
        return _call("build", "--source", directory, *arguments, program=node_program)


def push(artifact: str) -> str:
    """
    Send an artifact from this minion to the master, which keeps it below
    ``minions/ID/files`` in its cache directory. Return the artifact's id.

    The master takes files only with ``file_recv: True`` in its configuration.

    artifact
        Directory with ``toa.ko``, ``manifest`` and ``toa-selftest`` in it.

    CLI Example:

    .. code-block:: bash

        salt 'reference*' toa.push /root/toa
    """
    _check_directory("artifact", artifact)
    identity = str(manifest(artifact)["artifact"])
    for name in _ARTIFACT_FILES:
        path = os.path.join(artifact, name)
        if not os.path.isfile(path):
            raise CommandExecutionError(f"this is no whole artifact: there is no {path}")
        if not __salt__["cp.push"](path):
            raise CommandExecutionError(
                f"the master did not take {path}. What to do: set `file_recv: True` in the "
                "master's configuration and restart it; see its log"
            )
    return identity


def install(
    artifact: str,
    persist: bool = True,
    parameters: Answer | None = None,
    node_program: str | None = None,
) -> Answer:
    """
    Store an artifact and have it loaded at every boot of this kernel; the
    running kernel stays as it is. Return ``changed``, ``artifact``,
    ``build_id`` and ``persistent``.

    artifact
        Directory or ``salt://`` URL with ``toa.ko``, ``manifest`` and
        ``toa-selftest`` in it.

    persist
        ``False`` leaves loading at boot to you.

    parameters
        Of the module, see ``toa.options``; exactly these are then written to
        ``/etc/modprobe.d/toa.conf``. ``None`` leaves them as they are.

    CLI Example:

    .. code-block:: bash

        salt '*' toa.install salt://toa/artifacts/0123456789abcdef
    """
    flags = _flags({"--no-persist": not _boolean("persist", persist)})
    flags += _parameters(parameters)
    with _staged_artifact(artifact) as directory:
        return _call("install", "--from", directory, *flags, program=node_program)


def load(replace_foreign: bool = False, node_program: str | None = None) -> Answer:
    """
    Load the installed artifact. Return ``changed``, ``artifact``,
    ``build_id`` and, where one was replaced, ``previous_build_id``.

    replace_foreign
        Also take out a toa that was not installed by this project.

    CLI Example:

    .. code-block:: bash

        salt '*' toa.load
    """
    flags = _flags({"--replace-foreign": _boolean("replace_foreign", replace_foreign)})
    return _call("load", *flags, program=node_program)


def verify(allow_unproven: bool = False, node_program: str | None = None) -> Answer:
    """
    Prove that the running module is the installed one and that it works:
    build-id, kernel log, hooks, and a live connection with a TOA option in a
    network namespace of its own. Return ``proof`` (by proof ``True``,
    ``False``, or ``None`` where it could not be had), ``skipped`` (why it
    could not) and the results of ``selftest``.

    allow_unproven
        Accept a node on which the live connection cannot be made.

    CLI Example:

    .. code-block:: bash

        salt '*' toa.verify
    """
    flags = _flags({"--allow-unproven": _boolean("allow_unproven", allow_unproven)})
    return _call("verify", *flags, program=node_program)


def deploy(
    artifact: str,
    persist: bool = True,
    replace_foreign: bool = False,
    allow_unproven: bool = False,
    parameters: Answer | None = None,
    reload: bool = False,
    node_program: str | None = None,
) -> Answer:
    """
    Load an artifact, prove it and install it, as one step: when anything
    fails, the minion is as it was. Return what ``toa.install`` and
    ``toa.verify`` return.

    artifact
        Directory or ``salt://`` URL with ``toa.ko``, ``manifest`` and
        ``toa-selftest`` in it.

    persist
        ``False`` leaves loading at boot to you.

    replace_foreign
        Also take out a toa that was not installed by this project.

    allow_unproven
        Accept a node on which the live connection cannot be made.

    parameters
        Of the module, see ``toa.options``; exactly these are then its
        parameters, now and at every boot. ``None`` leaves them as they are.

    reload
        Take the module out and in again where a parameter is only read at
        load. Connections that are open then show the balancer's address.

    CLI Example:

    .. code-block:: bash

        salt '*' toa.deploy salt://toa/artifacts/0123456789abcdef
    """
    flags = _flags(
        {
            "--no-persist": not _boolean("persist", persist),
            "--replace-foreign": _boolean("replace_foreign", replace_foreign),
            "--allow-unproven": _boolean("allow_unproven", allow_unproven),
        }
    )
    may_reload = _boolean("reload", reload)
    if parameters is not None:
        flags += _parameters(parameters, defaults(while_running=True))
        flags += _flags({"--reload": may_reload})
    with _staged_artifact(artifact) as directory:
        return _call("deploy", "--from", directory, *flags, program=node_program)


def unload(node_program: str | None = None) -> Answer:
    """
    Take toa out of the running kernel. Return ``changed`` and
    ``previous_build_id``. The next boot loads it again: see ``toa.remove``.

    CLI Example:

    .. code-block:: bash

        salt '*' toa.unload
    """
    return _call("unload", program=node_program)


def remove(node_program: str | None = None) -> Answer:
    """
    Unload toa and take away everything that an installation put on the
    minion. Return ``changed`` and ``previous_build_id``.

    CLI Example:

    .. code-block:: bash

        salt '*' toa.remove
    """
    return _call("remove", program=node_program)


def problems() -> Answer:
    """
    Return what is wrong with toa on this minion, by name with the reason in
    words; empty where nothing is, or where toa is not installed. Reads a
    handful of small files and runs nothing, so a beacon can ask each minute.

    ``gone``
        The kernel runs without toa.
    ``disarmed``
        toa is loaded, but its hooks do not answer.
    ``kernel``
        An installed kernel has no artifact, so the next boot may be without
        toa.

    CLI Example:

    .. code-block:: bash

        salt '*' toa.problems
    """
    covered = _covered_kernels()
    if not covered:
        return {}
    found: Answer = {}
    running = _first_line("/proc/sys/kernel/osrelease")
    if not os.path.exists(f"{_ROOT}/sys/module/toa/initstate"):
        found["gone"] = (
            f"toa is installed for the running kernel {running}, but it is not loaded"
            if running in covered
            else f"toa is not loaded: no artifact for the running kernel {running} is installed, "
            f"only for {', '.join(sorted(covered))}"
        )
    elif _first_line("/sys/module/toa/parameters/hooks") == "disarmed":
        found["disarmed"] = (
            "toa is loaded but its hooks are disarmed, so applications see the balancer's address; "
            "see kernel.ftrace_enabled and /sys/kernel/debug/kprobes/enabled"
        )
    # As the hooks of the package manager recorded it.
    _, equals, without = _first_line("/var/lib/toa/kernels").partition("without_artifact=")
    if equals and without:
        found["kernel"] = f"no artifact is installed for the kernel {_printable(without)}"
    return found


def boot(node_program: str | None = None) -> Answer:
    """
    Do what happens at boot: load and prove the artifact for the running
    kernel; without one, load nothing and leave the reason in ``toa.status``'s
    ``boot_record``. Return ``changed`` and ``artifact``.

    CLI Example:

    .. code-block:: bash

        salt '*' toa.boot
    """
    return _call("boot", program=node_program)


def stats(per_cpu: bool = False) -> Answer:
    """
    Return the counters of the running module, by name.

    per_cpu
        Return a list with a number per CPU instead of the sum.

    CLI Example:

    .. code-block:: bash

        salt '*' toa.stats
        salt '*' toa.stats per_cpu=True
    """
    wants_list = _boolean("per_cpu", per_cpu)
    try:
        with open(_STATS, encoding="ascii", errors="replace") as file:
            lines = file.read(1024 * 1024).splitlines()
    except OSError as error:
        raise CommandExecutionError(
            f"there are no counters ({_STATS}: {error.strerror}); is toa loaded? see toa.status"
        ) from error
    counters: Answer = {}
    for line in lines[1:]:
        name, _, numbers = line.partition(":")
        try:
            values = [int(number) for number in numbers.split()]
        except ValueError:
            raise CommandExecutionError(
                f"{_STATS} has a line that is no counter: {_printable(line)[:200]}"
            ) from None
        counters[name.strip()] = values if wants_list else sum(values)
    return counters


def options(parameters: Answer) -> Answer:
    """
    Return parameters of the module in the form in which the module itself
    shows them, by name; fail, naming what is wrong with them. Changes nothing.

    parameters
        ``kinds``
            TCP option kinds that carry an address: a number or a list.
        ``trusted``
            Networks of the balancers whose options are believed: one or a
            list.
        ``max_connections``
            How many connections' clients are remembered at a time.
        ``netns``
            Network namespaces to look at: ``all``, or a list of ``init`` and
            of numbers as in ``readlink /proc/PID/ns/net``.
        ``from_syn``
            Whether options on SYNs are believed, too.

    CLI Example:

    .. code-block:: bash

        salt '*' toa.options '{kinds: [254, 200], trusted: [100.125.0.0/16]}'
    """
    if not isinstance(parameters, dict):
        raise CommandExecutionError(
            f"parameters must be a mapping of names and values, not {_shown(parameters)}"
        )
    found: Answer = {}
    for name, value in parameters.items():
        if name not in _PARAMETERS:
            known = ", ".join(sorted(_PARAMETERS))
            raise CommandExecutionError(f"toa has no parameter {_shown(name)}; it has {known}")
        try:
            found[name] = _PARAMETERS[name][0](value)
        except ValueError as flaw:
            raise CommandExecutionError(f"the parameter {name} {flaw}") from None
    return dict(sorted(found.items()))


def defaults(while_running: bool = False) -> Answer:
    """
    Return what the module's parameters are where nobody asks for others.

    while_running
        Only those that the module takes while it runs; the others hold from its
        next load on.

    CLI Example:

    .. code-block:: bash

        salt '*' toa.defaults
    """
    found = {name: default for name, (_, default) in _PARAMETERS.items()}
    if _boolean("while_running", while_running):
        return {name: found[name] for name in sorted(_WRITABLE)}
    return found


def node(
    verb: str,
    arguments: list[str] | None = None,
    artifact: str | None = None,
    limit: int = _LIMIT,
    node_program: str | None = None,
) -> Answer:
    """
    Run a verb of toa-node and return what it said as it is: ``status``,
    ``output`` and ``noise``. What ``toa-fleet --carrier salt`` calls; the other
    functions read the answer for you.

    verb
        One of status, fingerprint, gates, deploy, verify, unload, remove.

    arguments
        Further arguments of the verb.

    artifact
        For ``deploy``: directory or ``salt://`` URL with the artifact.

    limit
        Seconds after which it is stopped.

    CLI Example:

    .. code-block:: bash

        salt '*' toa.node status
    """
    if verb not in _CARRIED:
        raise CommandExecutionError(
            f"verb must be one of {', '.join(_CARRIED)}, not {_shown(verb)}"
        )
    words = [str(word) for word in arguments or ()]
    program = _find_program(node_program)
    with contextlib.ExitStack() as stack:
        if artifact is not None:
            words = ["--from", stack.enter_context(_staged_artifact(artifact)), *words]
        exit_status, output, noise = _run(["/bin/sh", program, verb, *words], limit)
    return {
        "status": exit_status,
        "output": output.decode("utf-8", "backslashreplace"),
        "noise": noise[-4096:],
    }


# --- what a few files tell ---------------------------------------------------


def _covered_kernels() -> set[str]:
    """Releases of the kernels for which an artifact is current."""
    found = set()
    for path in glob.glob(f"{_ROOT}/var/lib/toa/*/current"):
        directory = os.path.dirname(path)[len(_ROOT) :]
        artifact = _first_line(f"{directory}/current")
        if not re.fullmatch("[0-9a-f]{16}", artifact):
            continue
        text = _beginning(f"{directory}/{artifact}/manifest")
        found |= set(re.findall(r"^kernel_release=(.+)$", text, re.M)[:1])
    return found


def _first_line(path: str) -> str:
    return _beginning(path).partition("\n")[0].strip()


def _beginning(path: str) -> str:
    try:
        with open(_ROOT + path, encoding="utf-8", errors="replace") as file:
            return file.read(_MAX_MANIFEST)
    except OSError:
        return ""


# --- the module's parameters -------------------------------------------------


def _kinds(value: typing.Any) -> str:
    """Ascending, each once, as the module shows them."""
    numbers = set()
    for word in _words(value):
        if not (word.isascii() and word.isdigit() and 0 < int(word) < 255):
            raise ValueError(f"is a list of TCP option kinds (1 to 254), not {word[:40]!r}")
        numbers.add(int(word))
    if not numbers:
        raise ValueError("names no kind")
    return ",".join(map(str, sorted(numbers)))


def _networks(value: typing.Any) -> str:
    networks = []
    for word in _words(value):
        try:
            networks.append(ipaddress.ip_interface(word).with_prefixlen)
        except ValueError:
            raise ValueError(
                f"is a list of networks like 10.0.0.0/8 or 2001:db8::/32, not {word[:80]!r}"
            ) from None
    return ",".join(dict.fromkeys(networks))


def _count(value: typing.Any) -> str:
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,9}", str(value)):
        raise ValueError(f"is a number, not {_shown(value)}")
    return str(int(value))


def _namespaces(value: typing.Any) -> str:
    words = _words(value)
    if words in ([], ["all"]):
        return "all"
    for word in words:
        if word != "init" and not re.fullmatch(r"[1-9][0-9]{0,9}", word):
            raise ValueError(
                "is all, or a list of init and numbers as in readlink /proc/PID/ns/net, "
                f"not {word[:40]!r}"
            )
    return ",".join(words)


def _switch(value: typing.Any) -> str:
    if not isinstance(value, bool):
        raise ValueError(f"is true or false, not {_shown(value)}")
    return "Y" if value else "N"


def _words(value: typing.Any) -> list[str]:
    """A list, or one word with commas in it, or a number."""
    words = value.split(",") if isinstance(value, str) else value
    if isinstance(words, int) and not isinstance(words, bool):
        words = [words]
    if not isinstance(words, list) or not all(
        isinstance(word, (str, int)) and not isinstance(word, bool) for word in words
    ):
        raise ValueError(f"is a list, not {_shown(value)}")
    return [str(word).strip() for word in words if str(word).strip()]


#: By name: how a value is read, and what it is without being asked for.
_PARAMETERS: dict[str, tuple[typing.Callable[[typing.Any], str], str]] = {
    "kinds": (_kinds, "254"),
    "trusted": (_networks, ""),
    "max_connections": (_count, "1048576"),
    "netns": (_namespaces, "all"),
    "from_syn": (_switch, "N"),
}
#: Those that the module takes while it runs.
_WRITABLE = frozenset({"kinds", "trusted", "netns"})


def _parameters(wanted: Answer | None, reset: Answer | None = None) -> list[str]:
    """As arguments of toa-node; those to reset but for the wanted ones."""
    if wanted is None:
        return []
    wanted = options(wanted)
    words = ["--parameters", _assignments(wanted) or "none"]
    reset = {name: value for name, value in (reset or {}).items() if name not in wanted}
    return [*words, *(["--reset", _assignments(reset)] if reset else [])]


def _assignments(values: Answer) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items())


# --- the one runner ---------------------------------------------------------


def _call(verb: str, *arguments: str, program: str | None = None) -> Answer:
    """
    Run the node program and return its answer as typed values; everything
    that is not a whole and successful answer is raised.
    """
    limit = _LIMITS.get(verb, _LIMIT)
    argv = ["/bin/sh", _find_program(program), verb, *arguments]
    log.debug("running %s", argv)
    exit_status, output, noise = _run(argv, limit)
    log.debug("%s: status %s; it said: %s", verb, exit_status, noise)
    if exit_status is None:
        raise CommandExecutionError(
            f"toa-node {verb} was not done after {limit} seconds and was stopped; "
            f"it last said: {_last_line(noise)}. See what hangs on the node, then run it again"
        )
    try:
        pairs = _parse(verb, output, exit_status)
    except ValueError as flaw:
        said = _last_line(noise)
        raise CommandExecutionError(
            f"toa-node {verb} gave a broken answer: {flaw}"
            + (f"; it said: {said}" if said else "")
            + f". Run `sh {argv[1]} {verb}` on the node to see more"
        ) from None
    if exit_status:
        raise CommandExecutionError(_failure(verb, exit_status, pairs))
    return _typed(verb, pairs)


def _failure(verb: str, exit_status: int, pairs: dict[str, str]) -> str:
    detail = pairs.get("detail") or "it gives no reason"
    hint = pairs.get("hint")
    return f"toa-node {verb}: {_CLASSES[exit_status]}: {detail}" + (
        f". What to do: {hint}" if hint else ""
    )


class _Reader(threading.Thread):
    """Drains a stream and keeps a bounded part of it: its head or its tail."""

    def __init__(self, stream: typing.IO[bytes], head: int = 0, tail: int = 0) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self._head = head
        self._chunks: collections.deque[bytes] = collections.deque(maxlen=tail or None)
        self._size = 0
        self.start()

    def run(self) -> None:
        while chunk := self._stream.read1(4096):  # type: ignore[attr-defined]
            self._size += len(chunk)
            if not self._head or self._size <= self._head:
                self._chunks.append(chunk)

    def result(self) -> bytes:
        """What was kept; waits a little for a child that still holds the pipe."""
        self.join(5)
        if self._head and self._size > self._head:
            raise CommandExecutionError(
                f"toa-node's answer is longer than {self._head} bytes, which none is"
            )
        return b"".join(list(self._chunks))


def _run(argv: list[str], limit: float) -> tuple[int | None, bytes, str]:
    """Exit status (None: stopped at the time limit), output, and its noise."""
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise CommandExecutionError(f"cannot run {argv[0]}: {error.strerror}") from error
    assert process.stdout and process.stderr
    output = _Reader(process.stdout, head=_MAX_OUTPUT)
    noise = _Reader(process.stderr, tail=16)
    exit_status: int | None
    try:
        exit_status = process.wait(limit)
    except subprocess.TimeoutExpired:
        exit_status = None
    finally:
        _stop(process)
    return exit_status, output.result(), _printable(noise.result().decode("utf-8", "replace"))


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End it with all its children: gently first, so that it can roll back."""
    for number, patience in ((signal.SIGTERM, _GRACE), (signal.SIGKILL, 10)):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)


# --- reading answers --------------------------------------------------------


def _parse(verb: str, output: bytes, exit_status: int) -> dict[str, str]:
    """The pairs of a whole answer; ValueError says what is wrong with another."""
    lines = output.decode("utf-8", "backslashreplace").split("\n")
    begin = f"begin={verb}"
    if begin not in lines:
        raise ValueError("it does not begin" if any(lines) else "it is empty")
    lines = lines[lines.index(begin) + 1 :]
    # A whole answer ends with a newline, so that a cut last line is noticed.
    if len(lines) < 2 or lines[-1] or not lines[-2].startswith("end="):
        raise ValueError("it was cut, for it has no end")
    pairs: dict[str, str] = {}
    for line in lines[:-1]:
        key, value = _pair(line)
        if key in pairs:
            raise ValueError(f"it gives {key} twice")
        pairs[key] = value
    end = pairs.pop("end")
    if end != str(exit_status):
        raise ValueError(f"it ends with {end[:20]}, but the exit status is {exit_status}")
    if exit_status and exit_status not in _CLASSES:
        raise ValueError(f"there is no exit status {exit_status}")
    return pairs


def _pair(line: str) -> tuple[str, str]:
    key, equals, value = line.partition("=")
    if not equals or not _KEY.match(key):
        raise ValueError(f"a line is not key=value: {_printable(line)[:80]}")
    if len(value) > _MAX_VALUE and not key.startswith("base64."):
        raise ValueError(f"{key[:60]} is longer than {_MAX_VALUE} characters")
    return key, _printable(value)


def _typed(verb: str, pairs: dict[str, str]) -> Answer:
    """Values as what they are, and prefixes as dicts."""
    answer: Answer = {}
    groups = {
        "gate": "gates",
        "proof": "proof",
        "selftest": "selftest",
        "manifest": "manifest",
        "step": "steps",
    }
    # Empty is a value here: a list of networks that names none.
    if verb == "status":
        answer["parameters"] = {
            key.partition(".")[2]: text
            for key, text in pairs.items()
            if key.startswith("parameter.")
        }
    convert = {"gate": _gate, "proof": _proof, "selftest": _selftest}
    try:
        for key, text in pairs.items():
            prefix, dot, name = key.partition(".")
            if prefix == "parameter" and dot:
                continue
            if dot and prefix in groups:
                value = convert[prefix](text) if prefix in convert else _value(name, text)
                answer.setdefault(groups[prefix], {})[name] = value
            else:
                answer[key] = _value(key, text)
        _require_promised(verb, pairs)
    except ValueError as flaw:
        raise CommandExecutionError(
            f"toa-node {verb} gave a broken answer: {flaw}; is it of another version?"
        ) from None
    if "proof" in answer:
        answer["skipped"] = {
            name[len("proof.") :]: text.partition(":")[2].strip()
            for name, text in pairs.items()
            if name.startswith("proof.") and text.startswith("skipped")
        }
    return answer


def _require_promised(verb: str, pairs: dict[str, str]) -> None:
    lacks = sorted(_PROMISED.get(verb, set()) - set(pairs))
    if lacks:
        raise ValueError(f"it lacks {', '.join(lacks)}")
    if verb == "deploy" and pairs["proof.build_id"] != "yes":
        raise ValueError("it ends well, without the proof that this very module runs")


def _value(key: str, text: str) -> typing.Any:
    if key == "artifacts":
        return [_stored_artifact(word) for word in text.split()]
    if key in {"kernels_without_artifact", "packages", "missing"}:
        return text.split()
    if key == "options":
        return dict(word.partition("=")[::2] for word in text.split())
    if key == "imports":
        return dict(word.partition(":")[::2] for word in text.split(",") if word)
    if text == "":
        return None
    if key in {"page_size", "uptime", "taint", "uid", "size"}:
        if not (text.isascii() and text.isdigit()):
            raise ValueError(f"{key} is not a number: {text[:80]}")
        return int(text)
    if key in {"headers", "loaded", "persistent", "rebuild", "changed", "options_ours"}:
        if text not in {"yes", "no"}:
            raise ValueError(f"{key} is neither yes nor no: {text[:80]}")
        return text == "yes"
    return text


def _stored_artifact(word: str) -> Answer:
    system, slash, artifact = word.partition("/")
    if not (system and slash and artifact):
        raise ValueError(f"artifacts has {word[:80]}, which is not fingerprint/artifact")
    return {"fingerprint": system, "artifact": artifact}


def _gate(text: str) -> Answer:
    word, _, reason = text.partition(":")
    states = {"open": True, "closed": False, "unknown": None}
    if word not in states:
        raise ValueError(f"a gate is neither open, closed nor unknown: {text[:80]}")
    return {"open": states[word], "reason": reason.strip() or None}


def _proof(text: str) -> bool | None:
    results = {"yes": True, "no": False, "unknown": None, "skipped": None}
    word = text.partition(":")[0]
    if word not in results:
        raise ValueError(f"a proof is neither yes, no, unknown nor skipped: {text[:80]}")
    return results[word]


def _selftest(text: str) -> Answer:
    result, _, reason = text.partition(":")
    return {"result": result, "reason": reason.strip() or None}


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() or char == "\n" else "?" for char in text)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:300] if lines else ""


# --- manifests and the fileserver -------------------------------------------


def _manifest_at(directory: str) -> Answer | None:
    """The manifest there, None when there is none; raises when it is broken."""
    path = _below(directory, "manifest")
    if _is_url(path):
        path = _cached(path)
        if not path:
            return None
    try:
        with open(path, "rb") as file:
            data = file.read(_MAX_MANIFEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CommandExecutionError(
            f"cannot read the manifest in {directory}: {error.strerror}"
        ) from error
    try:
        return _parse_manifest(data)
    except ValueError as flaw:
        raise CommandExecutionError(f"the manifest in {directory} is broken: {flaw}") from None


def _parse_manifest(data: bytes) -> Answer:
    if len(data) > _MAX_MANIFEST:
        raise ValueError(f"it is larger than {_MAX_MANIFEST} bytes")
    claims: Answer = {}
    for line in data.decode("utf-8", "backslashreplace").splitlines():
        key, equals, text = line.partition("=")
        if not equals or not _KEY.match(key):
            raise ValueError(f"a line is not key=value: {_printable(line)[:80]}")
        if key in claims:
            raise ValueError(f"it gives {key} twice")
        claims[key] = _value(key, _printable(text))
    if claims.get("manifest") != "1":
        raise ValueError("it is not of version 1")
    for key in ("fingerprint", "sha256", "build_id"):
        if not re.fullmatch(r"[0-9a-f]{16,128}", claims.get(key) or ""):
            raise ValueError(f"its {key} is none")
    claims["artifact"] = claims["sha256"][:16]
    return claims


def _differences(claims: Answer, facts: Answer) -> str:
    """The fields in which an artifact is not for a node, in words; empty: none."""
    words = []
    for field in _HARD_FIELDS:
        artifact, node = claims.get(field), facts.get(field)
        if field in _MAY_BE_EMPTY and (artifact is None or node is None):
            continue
        if artifact is None or artifact != node:
            words.append(f"{field}: artifact {artifact}, node {node}")
    return "; ".join(words)


def _nearest(base: str, facts: Answer) -> Answer:
    """
    Among all artifacts: one that matches although its id differs (a field is
    empty on one side), else why the nearest does not.
    """
    nearest = broken = ""
    names = _directories_below(base)
    for name in names:
        directory = _below(base, name)
        try:
            claims = _manifest_at(directory)
        except CommandExecutionError as error:
            broken = broken or str(error)
            continue
        if claims is None:
            continue
        differing = _differences(claims, facts)
        if not differing:
            return {"found": True, "source": directory, "manifest": claims, "reason": None}
        if not nearest or differing.count(";") < nearest.count(";"):
            nearest = f"the nearest, {name}, differs in {differing}"
    why = nearest or broken or "there is none at all"
    return _none_found(f"{base} has no artifact for the fingerprint {facts['fingerprint']}: {why}")


def _none_found(reason: str) -> Answer:
    return {"found": False, "source": None, "manifest": None, "reason": reason}


def _directories_below(base: str) -> list[str]:
    if not _is_url(base):
        try:
            return sorted(os.listdir(base))
        except OSError:
            return []
    return sorted({name.partition("/")[0] for name in _served_below(base)})


def _served_below(base: str) -> list[str]:
    """The files that the fileserver has below a URL, relative to it."""
    path, saltenv = salt.utils.url.parse(base)
    prefix = path.strip("/") + "/"
    names = __salt__["cp.list_master"](saltenv=saltenv, prefix=prefix)
    return sorted(name[len(prefix) :] for name in names or () if name.startswith(prefix))


@contextlib.contextmanager
def _staged_artifact(artifact: str) -> typing.Iterator[str]:
    """A local directory that has the artifact's files."""
    _check_place("artifact", artifact)
    if not _is_url(artifact):
        yield artifact
        return
    with _scratch() as directory:
        for name in _ARTIFACT_FILES:
            _get_file(_below(artifact, name), os.path.join(directory, name))
        yield directory


@contextlib.contextmanager
def _staged_sources(sources: str | None) -> typing.Iterator[str]:
    """A local copy of the sources, without what builds left among them."""
    place = _place("sources", sources) or _packaged("../kmod", "kmod") or _SOURCES_URL
    is_served = _is_url(place)
    names = _served_below(place) if is_served else _files_below(place)
    names = [name for name in names if not _PRODUCTS.search(name)]
    if "Makefile" not in names:
        raise CommandExecutionError(
            f"there are no sources of toa.ko in {place} (no Makefile); serve kmod/ of this "
            "project there, or say with `toa:sources` where it is"
        )
    with _scratch() as directory:
        for name in names:
            target = os.path.join(directory, name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if is_served:
                _get_file(_below(place, name), target)
            else:
                shutil.copyfile(os.path.join(place, name), target)
        yield directory


@contextlib.contextmanager
def _scratch() -> typing.Iterator[str]:
    directory = ""
    try:
        directory = tempfile.mkdtemp(prefix="toa-")
        yield directory
    except OSError as error:
        raise CommandExecutionError(
            f"cannot stage files in {directory or 'a temporary directory'}: {error}"
        ) from error
    finally:
        if directory:
            shutil.rmtree(directory, ignore_errors=True)


def _files_below(directory: str) -> list[str]:
    return sorted(
        os.path.relpath(os.path.join(parent, name), directory)
        for parent, _, names in os.walk(directory)
        for name in names
    )


def _get_file(url: str, target: str) -> None:
    if not __salt__["cp.get_file"](url, target) or not os.path.isfile(target):
        raise CommandExecutionError(f"the fileserver has no {url}")


# --- finding things ---------------------------------------------------------


def _find_program(wanted: str | None) -> str:
    wanted = _place("node_program", wanted)
    if wanted:
        path = _program_at(wanted)
        if not path:
            raise CommandExecutionError(
                f"the node program {wanted} is not there; `toa:node_program` or the argument "
                "node_program says that it should be"
            )
        return path
    for place in (_packaged("node"), _PROGRAM_URL, _STORED_PROGRAM):
        path = _program_at(place) if place else ""
        if path:
            return path
    raise CommandExecutionError(
        "the node program toa-node is nowhere to be found; add a checkout of this project to "
        f"the file_roots (so that {_PROGRAM_URL} is there), or install the Python package "
        "toa-fleet on the minion, or say with `toa:node_program` where it is (salt-ssh carries "
        "it along with `state.apply toa`, not with single functions)"
    )


def _program_at(place: str) -> str:
    """
    The program as one file: the parts of a folder are joined in the minion's
    cache, whenever their hash is not that of what was joined before. So a run
    asks the master for one file, and never has parts of two versions.
    """
    path = _below(place, _PROGRAM_HASH)
    path = _cached(path) if _is_url(path) else path
    if not os.path.isfile(path):
        path = _cached(place) if _is_url(place) else place
        return path if os.path.isfile(path) else ""
    with open(path, encoding="ascii", errors="replace") as file:
        wanted = file.read(64)
    joined = os.path.join(__opts__["cachedir"], "toa-node")
    if _hash_of(joined) != wanted:
        _join(place, joined, wanted)
    return joined


def _join(place: str, target: str, wanted: str) -> None:
    """As join() of toa_fleet/node_program.py."""
    folder = place
    if _is_url(place):
        parts = __salt__["cp.cache_dir"](place)
        folder = next((path[:-9] for path in parts if path.endswith("/contents")), "")
    pieces: list[bytes] = []
    try:
        with open(os.path.join(folder, "contents"), encoding="ascii") as file:
            names = [line for line in file.read().split("\n") if line and line[0] != "#"]
        for name in names:
            with open(os.path.join(folder, name), "rb") as part:
                mark = f"\n# ==== {name} ====\n".encode() if pieces else b""
                pieces.append(mark + part.read())
        program = b"".join(pieces)
        found = hashlib.sha256(program).hexdigest()
        if found != wanted:
            raise CommandExecutionError(
                f"the parts of toa-node in {place} are not those that {_PROGRAM_HASH} there names: "
                f"{found[:16]}, not {wanted[:16]}. What to do: try again, if they are being "
                "updated just now; if they were changed on purpose, run `make node` there"
            )
        temporary = f"{target}.{os.getpid()}"
        with open(temporary, "wb") as file_:
            file_.write(program)
        os.replace(temporary, target)
    except OSError as error:
        raise CommandExecutionError(f"cannot join toa-node from {place}: {error}") from error


def _hash_of(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return ""


def _cached(url: str) -> str:
    """A file of the fileserver as a local path; empty when it has none."""
    # What was there once most likely is; asking for what is not logs an error.
    if not __salt__["cp.is_cached"](url) and not __salt__["cp.hash_file"](url):
        return ""
    return typing.cast(str, __salt__["cp.cache_file"](url) or "")


def _packaged(*names: str) -> str:
    """The first of these paths that the installed Python package has."""
    spec = importlib.util.find_spec("toa_fleet")
    for root in (spec and spec.submodule_search_locations) or ():
        for name in names:
            path = os.path.normpath(os.path.join(root, name))
            if os.path.exists(path):
                return path
    return ""


def _place(name: str, given: typing.Any) -> str:
    """A path or URL: as given, else as configured, else empty."""
    if given is None:
        given = __salt__["config.get"](f"toa:{name}", None)
    if given is None or given == "":
        return ""
    _check_place(name, given)
    return typing.cast(str, given)


def _check_place(name: str, place: typing.Any) -> None:
    if not isinstance(place, str) or not (_is_url(place) or os.path.isabs(place)):
        raise CommandExecutionError(
            f"{name} must be an absolute path or a salt:// URL, not {_shown(place)}"
        )


def _check_directory(name: str, directory: typing.Any) -> None:
    if not isinstance(directory, str) or not os.path.isabs(directory):
        raise CommandExecutionError(f"{name} must be an absolute path, not {_shown(directory)}")


def _boolean(name: str, value: typing.Any) -> bool:
    if not isinstance(value, bool):
        raise CommandExecutionError(f"{name} must be True or False, not {_shown(value)}")
    return value


def _shown(value: typing.Any) -> str:
    return f"{_printable(repr(value))[:80]} ({type(value).__name__})"


def _options(wanted: Answer) -> list[str]:
    """Options with a value, or with several; those without one are left out."""
    words = []
    pairs = (
        (option, one)
        for option, value in wanted.items()
        if value is not None
        for one in (value if isinstance(value, list) else [value])
    )
    for option, value in pairs:
        if isinstance(value, bool) or not isinstance(value, (str, int)) or "\n" in str(value):
            raise CommandExecutionError(f"{option[2:]} must be one word, not {_shown(value)}")
        words += [option, str(value)]
    return words


def _flags(wanted: dict[str, bool]) -> list[str]:
    return [flag for flag, is_wanted in wanted.items() if is_wanted]


def _is_url(place: str) -> bool:
    return place.startswith("salt://")


def _below(place: str, name: str) -> str:
    """``place/name``, also where place is a URL that ends in ?saltenv=."""
    head, question, environment = place.partition("?") if _is_url(place) else (place, "", "")
    return f"{head.rstrip('/')}/{name}{question}{environment}"
