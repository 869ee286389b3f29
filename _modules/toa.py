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

import os
import sys
import typing

from salt.exceptions import CommandExecutionError

if typing.TYPE_CHECKING:
    # Salt's loader puts them here.
    __salt__: dict[str, typing.Callable[..., typing.Any]] = {}
    __opts__: dict[str, typing.Any] = {}

__virtualname__ = "toa"

Answer = dict[str, typing.Any]


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
    words = _words(
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
    words = _words(
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
    known = facts or _call("fingerprint", program=node_program)
    return typing.cast(Answer, __salt__["toa_artifact.offer"](known, artifacts))


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
    __salt__["toa_places.checked"]("artifact", artifact)
    claims = __salt__["toa_artifact.manifest"](artifact)
    if claims is None:
        raise CommandExecutionError(f"there is no manifest in {artifact}")
    return typing.cast(Answer, claims)


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
    return typing.cast(str, __salt__["toa_artifact.source_hash"](sources))


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
    with __salt__["toa_artifact.staged_sources"](sources) as directory:
        return _call("build", "--source", directory, *arguments, program=node_program)


def send_to_master(artifact: str) -> str:
    """
    Send an artifact from this minion to the master, which keeps it below
    ``minions/ID/files`` in its cache directory. Return the artifact's id.

    The master takes files only with ``file_recv: True`` in its configuration.

    artifact
        Directory with ``toa.ko``, ``manifest`` and ``toa-selftest`` in it.

    CLI Example:

    .. code-block:: bash

        salt 'reference*' toa.send_to_master /root/toa
    """
    _check_directory("artifact", artifact)
    return typing.cast(str, __salt__["toa_artifact.send_to_master"](artifact))


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
        Of the module, see ``toa.parameters``; exactly these are then written to
        ``/etc/modprobe.d/toa.conf``. ``None`` leaves them as they are.

    CLI Example:

    .. code-block:: bash

        salt '*' toa.install salt://toa/artifacts/0123456789abcdef
    """
    flags = _flags({"--no-persist": not _boolean("persist", persist)})
    flags += __salt__["toa_parameters.arguments"](parameters)
    with _staged(artifact) as directory:
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
        Of the module, see ``toa.parameters``; exactly these are then its
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
        flags += __salt__["toa_parameters.arguments"](parameters, reset=True)
        flags += _flags({"--reload": may_reload})
    with _staged(artifact) as directory:
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


def problems(node_program: str | None = None) -> Answer:
    """
    Return what is wrong with toa on this minion, by name with the reason in
    words; empty where nothing is, or where toa is not installed. Cheap enough for
    a beacon to ask each minute.

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
    return typing.cast(Answer, _call("problems", program=node_program).get("problems", {}))


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


def stats(per_cpu: bool = False, node_program: str | None = None) -> Answer:
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
    counters: dict[str, list[int]] = {}
    for key, numbers in _call("stats", program=node_program).get("counters", {}).items():
        # NAME.FIRST: of the CPUs from the FIRST on.
        counters.setdefault(key.partition(".")[0], []).extend(map(int, (numbers or "").split()))
    return {name: each if wants_list else sum(each) for name, each in counters.items()}


def parameters(values: Answer) -> Answer:
    """
    Return parameters of the module in the form in which the module itself
    shows them, by name; fail, naming what is wrong with them. Changes nothing.

    values
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

        salt '*' toa.parameters '{kinds: [254, 200], trusted: [100.125.0.0/16]}'
    """
    return typing.cast(Answer, __salt__["toa_parameters.checked"](values))


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
    only_writable = _boolean("while_running", while_running)
    return typing.cast(Answer, __salt__["toa_parameters.defaults"](only_writable))


# --- arguments --------------------------------------------------------------------


def _call(verb: str, *arguments: str, program: str | None = None) -> Answer:
    return typing.cast(Answer, __salt__["toa_node.ask"](verb, *arguments, program=program))


def _staged(artifact: str) -> typing.ContextManager[str]:
    return typing.cast("typing.ContextManager[str]", __salt__["toa_artifact.staged"](artifact))


def _boolean(name: str, value: typing.Any) -> bool:
    if not isinstance(value, bool):
        raise CommandExecutionError(f"{name} must be True or False, not {_shown(value)}")
    return value


def _check_directory(name: str, directory: typing.Any) -> None:
    if not isinstance(directory, str) or not os.path.isabs(directory):
        raise CommandExecutionError(f"{name} must be an absolute path, not {_shown(directory)}")


def _shown(value: typing.Any) -> str:
    text = "".join(char if char.isprintable() else "?" for char in repr(value))
    return f"{text[:80]} ({type(value).__name__})"


def _words(wanted: Answer) -> list[str]:
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
