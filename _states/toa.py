# SPDX-License-Identifier: GPL-2.0-only
"""
Keep the TOA kernel module on minions as it should be.

.. code-block:: yaml

    toa:
      toa.present:
        - source: auto

With ``test=True`` each state announces exactly what a run would change. When a
state fails, its comment says in one line what failed and what to do, and the
minion is as it was.
"""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
import typing

from salt.exceptions import CommandExecutionError, SaltException

if typing.TYPE_CHECKING:
    # Salt's loader and state compiler put them here.
    __salt__: dict[str, typing.Callable[..., typing.Any]] = {}
    __opts__: dict[str, typing.Any] = {}
    __env__ = "base"

log = logging.getLogger(__name__)

__virtualname__ = "toa"

Facts = dict[str, typing.Any]
Result = dict[str, typing.Any]

_SOURCES = ("auto", "fileserver", "build")
_INSTALL_GATES = frozenset({"root", "readonly", "disk", "loaders"})
_REMOVE_GATES = frozenset({"root", "readonly"})


def __virtual__() -> str | tuple[bool, str]:  # noqa: N807
    if not sys.platform.startswith("linux"):
        return False, "the TOA kernel module exists on Linux only"
    if "proxy" in __opts__:
        return False, "a proxy minion's device is not the system whose kernel toa is about"
    return __virtualname__


# --- states -----------------------------------------------------------------


def present(
    name: str,
    source: str = "auto",
    artifacts: str | None = None,
    sources: str | None = None,
    allow_build: bool = False,
    persist: bool = True,
    replace_foreign: bool = False,
    allow_unproven: bool = False,
    parameters: Facts | None = None,
    reload: bool = False,
    node_program: str | None = None,
) -> Result:
    """
    Ensure that the right toa.ko for the running kernel is installed, loaded,
    proven, and loaded again at every boot.

    A new artifact replaces an old one only when it is proven to work: its
    build-id is the running module's, its hooks are armed, and a live
    connection shows the client's address. When anything fails, the old one
    runs on. After a kernel upgrade and reboot the same state brings the
    artifact for the new kernel.

    name
        Anything; there is one toa in a kernel.

    source
        Where the artifact comes from:

        ``fileserver``
            from ``artifacts``, by the fingerprint of the minion.
        ``build``
            built on the minion itself, and built anew when ``sources`` change.
        ``auto``
            from the fileserver; where it has none, the one that is installed
            for the running kernel; where there is none, built if
            ``allow_build`` is ``True``; else the state fails and names the
            fields in which the nearest artifact differs.

    artifacts
        ``salt://`` URL or directory with a directory per fingerprint, by
        default ``salt://toa/artifacts``.

    sources
        ``salt://`` URL or directory of the sources of toa.ko, by default
        those of the installed package, else ``salt://kmod``.

    allow_build
        Whether ``auto`` may build on the minion.

    persist
        ``False`` leaves loading at boot to you.

    replace_foreign
        Also take out a toa that was not installed by this project.

    allow_unproven
        Accept a minion on which the live connection of the proof cannot be
        made.

    parameters
        The module's parameters, by name; exactly these, so one that is taken
        out here gets its default. They stand in ``/etc/modprobe.d/toa.conf``
        and hold at every boot; ``kinds``, ``trusted`` and ``netns`` take effect
        at once, the others when the module is loaded. Without this argument
        they are left as they are.

        ``kinds``
            TCP option kinds that carry an address, by default 254.
        ``trusted``
            Networks of the balancers; the options of others are ignored. By
            default everyone is believed.
        ``max_connections``
            How many connections' clients are remembered at a time.
        ``netns``
            Network namespaces to look at: ``all``, or a list of ``init`` and
            of numbers as in ``readlink /proc/PID/ns/net``.
        ``from_syn``
            Whether options on SYNs are believed, too: for balancers that send
            them nowhere else.

    reload
        Whether the module may be taken out and in again for a parameter that
        is only read at load. Connections that are open then show the
        balancer's address. Otherwise the comment says what waits.

    node_program
        ``salt://`` URL or path of toa-node. salt-ssh carries files to its
        targets when they are named in a state, so name it (and ``sources`` or
        ``artifacts``) there; the formula does.

    .. code-block:: yaml

        toa:
          toa.present:
            - source: fileserver
            - artifacts: salt://toa/artifacts
            - parameters:
                kinds: [254]
                trusted: [100.125.0.0/16]
    """

    def run(state: _State) -> None:
        state.require(source in _SOURCES, f"source must be one of {', '.join(_SOURCES)}", source)
        state.require_booleans(
            allow_build=allow_build,
            persist=persist,
            replace_foreign=replace_foreign,
            allow_unproven=allow_unproven,
            reload=reload,
        )
        state.take_parameters(parameters)
        state.look()
        wanted = state.choose(source, artifacts, sources, allow_build)
        reloads = state.will_reload(wanted, reload)
        state.expect(
            fingerprint=wanted["fingerprint"],
            artifact=wanted["artifact"],
            build_id=wanted["build_id"],
            loaded=True,
            **({"persistent": True} if persist else {}),
            **state.expected_parameters(reloads),
        )
        if not state.changes:
            state.refuse_disarmed()
            state.done(f"toa {wanted['build_id']} is installed, loaded and its hooks are armed")
            return
        unproven_gates = {"noexec"} if allow_unproven else set()
        if state.before["build_id"] == wanted["build_id"] and not reloads:
            # The kernel stays as it is: many a minion forbids loading once it is up.
            state.pass_gates((_INSTALL_GATES | {"noexec"}) - unproven_gates)
        else:
            passes = state.gates_that_pass(wanted, replace_foreign)
            state.pass_all_gates_but(passes | unproven_gates)
        if state.announce(wanted["how"]):
            return
        with state.fetched(wanted, sources) as artifact:
            state.call(
                "deploy",
                artifact,
                persist=persist,
                replace_foreign=replace_foreign,
                allow_unproven=allow_unproven,
                parameters=parameters,
                reload=reload,
            )
        state.look_again()
        state.done("toa is installed, loaded and proven")

    return _state(name, node_program, run)


def loaded(
    name: str,
    allow_unproven: bool = False,
    replace_foreign: bool = False,
    node_program: str | None = None,
) -> Result:
    """
    Ensure that the artifact that is installed for the running kernel is
    loaded and works. Installs nothing: ``toa.present`` does.

    name
        Anything; there is one toa in a kernel.

    allow_unproven
        Accept a minion on which the live connection of the proof cannot be
        made.

    replace_foreign
        Also take out a toa that was not installed by this project.

    node_program
        As in ``toa.present``.

    .. code-block:: yaml

        toa-is-loaded:
          toa.loaded: []
    """

    def run(state: _State) -> None:
        state.require_booleans(allow_unproven=allow_unproven, replace_foreign=replace_foreign)
        before = state.look()
        if not before["installed"]:
            raise CommandExecutionError(
                f"nothing is installed for the running kernel {before['kernel_release']} "
                f"(fingerprint {before['fingerprint']}). What to do: use toa.present"
            )
        state.expect(build_id=before["installed_build_id"], loaded=True)
        if not state.changes:
            state.refuse_disarmed()
            state.done(f"toa {before['loaded_build_id']} is loaded and its hooks are armed")
            return
        unasked = {"disk", "readonly", *before["signature_gates"]}
        unasked |= {"noexec"} if allow_unproven else set()
        state.pass_all_gates_but(unasked | ({"foreign"} if replace_foreign else set()))
        if state.announce("the installed artifact would be loaded"):
            return
        state.call("load", replace_foreign=replace_foreign)
        state.look_again()
        state.call("verify", allow_unproven=allow_unproven)
        state.done("the installed artifact is loaded and proven")

    return _state(name, node_program, run)


def persistent(
    name: str,
    source: str = "auto",
    artifacts: str | None = None,
    sources: str | None = None,
    allow_build: bool = False,
    parameters: Facts | None = None,
    node_program: str | None = None,
) -> Result:
    """
    Ensure that the right toa.ko for the running kernel is installed and loaded
    at every boot, without touching what is loaded now: for minions that may
    get a kernel module only when they are rebooted.

    The arguments are those of ``toa.present``; the module's ``parameters`` hold
    from the next load on.

    .. code-block:: yaml

        toa-at-next-boot:
          toa.persistent:
            - source: fileserver
    """

    def run(state: _State) -> None:
        state.require(source in _SOURCES, f"source must be one of {', '.join(_SOURCES)}", source)
        state.require_booleans(allow_build=allow_build)
        state.take_parameters(parameters)
        state.look()
        wanted = state.choose(source, artifacts, sources, allow_build)
        options = state.expected_parameters(False)
        options.pop("parameters", None)
        state.expect(
            fingerprint=wanted["fingerprint"],
            artifact=wanted["artifact"],
            persistent=True,
            **options,
        )
        if not state.changes:
            state.done(f"artifact {wanted['artifact']} is installed and loaded at boot")
            return
        state.pass_gates(_INSTALL_GATES)
        if state.announce(wanted["how"]):
            return
        with state.fetched(wanted, sources) as artifact:
            state.call("install", artifact, parameters=parameters)
        state.look_again()
        state.done("the artifact is installed and will be loaded at boot")

    return _state(name, node_program, run)


def built(
    name: str,
    sources: str | None = None,
    node_program: str | None = None,
) -> Result:
    """
    Ensure that a directory holds an artifact for the running kernel, built
    from the sources as they are now: on a reference minion, for others to
    share.

    name
        The directory; gets ``toa.ko``, ``manifest`` and ``toa-selftest``.

    sources
        As in ``toa.present``.

    node_program
        As in ``toa.present``.

    .. code-block:: yaml

        /var/cache/toa:
          toa.built: []
    """

    def run(state: _State) -> None:
        state.require(
            isinstance(name, str) and name.startswith("/"), "name must be an absolute path", name
        )
        facts = state.call("fingerprint")
        source = state.salt("source_hash", sources)
        old = _manifest_or_none(name)
        if old and (old["fingerprint"], old.get("source")) == (facts["fingerprint"], source):
            state.done(f"{name} has artifact {old['artifact']}, built from these sources")
            return
        state.before = {
            "fingerprint": old and old["fingerprint"],
            "source": old and old.get("source"),
            "artifact": old and old["artifact"],
        }
        state.expect(
            fingerprint=facts["fingerprint"], source=source, artifact=_yet_to_be_built(source)
        )
        if state.announce(f"toa.ko would be built in {name}"):
            return
        new = state.call("build", name, sources=sources)["manifest"]
        state.expect(
            fingerprint=new["fingerprint"], source=new["source"], artifact=new["sha256"][:16]
        )
        state.done(f"built toa.ko in {name}")

    return _state(name, node_program, run)


def toolchain(
    name: str,
    headers_package: str | list[str] | None = None,
    sha256: str | list[str] | None = None,
    node_program: str | None = None,
) -> Result:
    """
    Ensure that this minion can build toa.ko: that gcc, make and the headers of
    exactly the running kernel are there. What the system's repositories have is
    installed by ``pkg.install`` of Salt, by the exact names that toa-node tells
    for this kernel; where that does not do, toa-node does it, or says which
    package and file to look for. Reference minions need this; the others do
    not.

    name
        Anything.

    headers_package
        URL or path of the package with the headers, or a list of them, where
        no repository has it.

    sha256
        Hash that this file must have, or a list in the same order.

    node_program
        As in ``toa.present``.

    .. code-block:: yaml

        toa-can-be-built:
          toa.toolchain: []
    """
    given = {"headers_package": headers_package, "sha256": sha256}

    def run(state: _State) -> None:
        plan = state.call("toolchain", dry_run=True, **given)
        if not plan["changed"]:
            state.done(f"{plan['gcc']} and the headers of {plan['kernel']} are there")
            return
        state.before = {"missing": plan["missing"], "headers": plan["headers"]}
        state.expect(missing=[], headers=True)
        if state.announce(f"to be installed: {' '.join(plan['missing'])}"):
            return
        note = _install_packages(plan["missing"]) if not headers_package else ""
        try:
            after = state.call("toolchain", **given)
        except CommandExecutionError:
            left = state.call("toolchain", dry_run=True, **given)
            state.expect(missing=left["missing"], headers=left["headers"])
            raise
        state.done(f"{after['gcc']} and the headers of {after['kernel']} are installed{note}")

    return _state(name, node_program, run)


def legacy_kernel(
    name: str,
    sha256: str,
    extraversion: str | None = None,
    jobs: int | None = None,
    work: str | None = None,
    reboot: bool = False,
    force: bool = False,
    node_program: str | None = None,
) -> Result:
    """
    Ensure that a system that can have no toa.ko boots a 2.6.32 kernel with TOA
    patched in. What was done by an earlier run is not done again; building
    takes an hour or more.

    name
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
        Reboot into the new kernel at the end. Without it the comment says when
        a reboot is due.

    force
        Also on a system that this procedure is not meant for.

    node_program
        As in ``toa.present``.

    .. code-block:: yaml

        /srv/kernel-2.6.32-220.23.1.el6.src.rpm:
          toa.legacy_kernel:
            - sha256: 0000000000000000000000000000000000000000000000000000000000000000
    """
    given: Facts = {
        "sha256": sha256,
        "extraversion": extraversion,
        "jobs": jobs,
        "work": work,
        "reboot": reboot,
        "force": force,
    }

    def run(state: _State) -> None:
        plan = state.call("legacy_kernel", name, dry_run=True, **given)
        due = [step for step, word in plan["steps"].items() if word == "to-do"]
        release = plan["kernel_release"]
        if not plan["changed"]:
            state.done(f"the kernel {release} with TOA is there{_due(plan)}")
            return
        state.changes = {step: {"old": "to-do", "new": "done"} for step in due}
        if state.announce(f"the kernel {release} would be made: {', '.join(due)}"):
            return
        done = state.call("legacy_kernel", name, **given)
        state.changes = {
            step: {"old": plan["steps"].get(step), "new": word}
            for step, word in done["steps"].items()
            if word == "done"
        }
        state.done(f"the kernel {release} with TOA is made{_due(done)}")

    return _state(name, node_program, run)


def absent(name: str, node_program: str | None = None) -> Result:
    """
    Ensure that toa is not loaded, and that nothing of its installation is
    left. A toa that was not installed by this project is left alone, and the
    state fails.

    name
        Anything; there is one toa in a kernel.

    node_program
        As in ``toa.present``.

    .. code-block:: yaml

        toa:
          toa.absent: []
    """

    def run(state: _State) -> None:
        before = state.look()
        if before["loaded"] and not before["loaded_artifact"]:
            raise CommandExecutionError(
                "a toa that was not installed by this project is loaded (build-id "
                f"{before['loaded_build_id']}). What to do: take it out the way it came, "
                "or rmmod toa"
            )
        state.expect(
            fingerprint=None,
            artifact=None,
            build_id=None,
            loaded=False,
            persistent=False,
            artifacts=[],
            **({"options": {}} if before.get("options_ours") else {}),
        )
        if not state.changes:
            state.done("toa is neither loaded nor installed")
            return
        state.pass_gates(_REMOVE_GATES)
        if state.announce("toa would be unloaded and removed"):
            return
        state.call("remove")
        state.look_again()
        state.done("toa is unloaded and removed")

    return _state(name, node_program, run)


def misconfigured(name: str) -> Result:
    """
    Fail. The formula says with it, in a comment, what is wrong with a pillar
    that it cannot use; a rendering error would not read as well.

    name
        What is wrong.

    .. code-block:: yaml

        the pillar `toa` must be a mapping:
          toa.misconfigured: []
    """
    return {"name": name, "result": False, "changes": {}, "comment": name}


# --- what they share --------------------------------------------------------


def _install_packages(names: list[str]) -> str:
    """By Salt, as far as it can; what is left is toa-node's. Returns a note."""
    if "pkg.install" not in __salt__ or not names:
        return ""
    try:
        __salt__["pkg.install"](pkgs=names, refresh=True)
    except (SaltException, OSError) as error:
        return f" (by toa-node, for pkg.install failed: {error})"
    return ""


def _refresh_grains() -> None:
    """A minion's daemon keeps its grains; salt-call without a master reads them each time."""
    if __opts__.get("file_client") == "local":
        return
    try:
        __salt__["saltutil.refresh_grains"](refresh_pillar=False)
    except (KeyError, SaltException, OSError) as error:
        log.warning("the grains were not refreshed: %s", error)


def _due(answer: Facts) -> str:
    words = {"due": "; a reboot is due", "now": "; the minion reboots now"}
    return words.get(answer["reboot"], "")


def _state(name: str, node_program: str | None, run: typing.Callable[[_State], None]) -> Result:
    """Run a state's body; whatever fails in it becomes its one-line comment."""
    state = _State(node_program)
    try:
        run(state)
    except (SaltException, OSError) as error:
        # A master that does not answer, a disk that is full: no traceback either.
        state.fail(str(error))
    if state.has_changed:
        _refresh_grains()
    return {
        "name": name,
        "result": state.result,
        "changes": state.changes,
        "comment": state.comment,
    }


class _State:
    """
    One run of one state: what was, what shall be, what came of it.

    ``before`` and ``after`` are views of the minion, ``changes`` is their
    difference: the announced one until the run has looked again.
    """

    def __init__(self, node_program: str | None) -> None:
        self.result: bool | None = True
        self.comment = ""
        self.changes: Result = {}
        self.before: Facts = {}
        self._facts: Facts = {}
        self._watched: tuple[str, ...] = ()
        self._has_acted = False
        self._has_installed = False
        self._wanted_parameters: Facts | None = None
        #: Parameters that the module only reads when it is loaded again.
        self._pending = ""
        self._node_program = _in_this_environment(node_program)

    @property
    def has_changed(self) -> bool:
        """Whether the minion is another now."""
        return self._has_acted and bool(self.changes) and not __opts__["test"]

    # -- asking ----------------------------------------------------------

    def salt(self, function: str, *arguments: typing.Any, **options: typing.Any) -> typing.Any:
        return __salt__[f"toa.{function}"](*map(_in_this_environment, arguments), **options)

    def call(self, function: str, *arguments: typing.Any, **options: typing.Any) -> typing.Any:
        """A function that runs the node program."""
        is_real = not options.get("dry_run")
        self._has_acted = self._has_acted or function in _ACTING
        self._has_installed = self._has_installed or (function == "toolchain" and is_real)
        options = {key: _in_this_environment(value) for key, value in options.items()}
        return self.salt(function, *arguments, node_program=self._node_program, **options)

    def look(self) -> Facts:
        self._facts = typing.cast(Facts, self.call("status", recorded=True))
        self.before = _view(self._facts)
        return self._facts

    # -- deciding --------------------------------------------------------

    def require(self, is_right: bool, what: str, value: typing.Any) -> None:
        if not is_right:
            raise CommandExecutionError(f"{what}, not {value!r:.80} ({type(value).__name__})")

    def require_booleans(self, **values: typing.Any) -> None:
        for key, value in values.items():
            self.require(isinstance(value, bool), f"{key} must be True or False", value)

    def take_parameters(self, parameters: Facts | None) -> None:
        """The module's parameters that the state asks for, as the module shows them."""
        if parameters is not None:
            self._wanted_parameters = typing.cast(Facts, self.salt("parameters", parameters))

    def _writable(self) -> Facts:
        """Parameters that the module takes while it runs."""
        return typing.cast(Facts, self.salt("defaults", while_running=True))

    def _running(self) -> Facts:
        return typing.cast(Facts, self._facts.get("parameters") or {})

    def _wanted_running(self) -> Facts:
        """What the running module should show; only what it has already."""
        if self._wanted_parameters is None:
            return {}
        wanted = {**__salt__["toa.defaults"](), **self._wanted_parameters}
        return {name: wanted[name] for name in self._running() if name in wanted}

    def will_reload(self, wanted: Facts, allowed: bool) -> bool:
        """Whether the module that runs is taken out and in again for a parameter."""
        fixed = {
            name
            for name, value in self._wanted_running().items()
            if value != self._running()[name] and name not in self._writable()
        }
        same = self._facts["loaded_build_id"] == wanted["build_id"]
        self._pending = "" if allowed or not same else ", ".join(sorted(fixed))
        return bool(fixed) and allowed and same

    def expected_parameters(self, reloads: bool) -> Facts:
        """As arguments of ``expect``: what modprobe.d says, and what the module shows."""
        if self._wanted_parameters is None:
            return {}
        replaced = reloads or not self._pending
        running = dict(self._running())
        for name, value in self._wanted_running().items():
            if replaced or name in self._writable():
                running[name] = value
        return {"options": self._wanted_parameters, **({"parameters": running} if running else {})}

    def choose(
        self, source: str, artifacts: str | None, sources: str | None, allow_build: bool
    ) -> Facts:
        """The artifact that this minion should have, and how it is got."""
        reason = ""
        if source in {"auto", "fileserver"}:
            offer = self.salt("available", artifacts, facts=self._facts)
            if offer["found"]:
                claims = dict(offer["manifest"])
                how = f"artifact {claims['artifact']} would come from {offer['source']}"
                return {**claims, "from": offer["source"], "how": how}
            reason = offer["reason"]
        installed = self._installed()
        if source == "auto" and installed["artifact"]:
            return installed
        if source == "build" or (source == "auto" and allow_build):
            wanted = self.salt("source_hash", sources)
            if installed["artifact"] and self._facts.get("installed_source") in {None, wanted}:
                return installed
            return self._to_be_built(wanted)
        raise CommandExecutionError(
            f"{reason}. What to do: build one on a minion of exactly this kind (toa.built) and "
            "put it there"
            + (", or let this minion build its own (allow_build: True)" if source == "auto" else "")
        )

    def _installed(self) -> Facts:
        return {
            "from": None,
            "fingerprint": self._facts["installed_fingerprint"],
            "artifact": self._facts["installed"],
            "build_id": self._facts["installed_build_id"],
            "how": f"the installed artifact {self._facts['installed']} would be used",
        }

    def _to_be_built(self, source: str) -> Facts:
        lacks = [] if self._facts["gcc"] else ["gcc"]
        lacks += [] if self._facts["headers"] else ["the kernel's headers"]
        how = "an artifact would be built on this minion" + (
            f"; it lacks {' and '.join(lacks)}, which must be installed before" if lacks else ""
        )
        new = _yet_to_be_built(source)
        fingerprint = self._facts["fingerprint"]
        wanted = {"from": "build", "fingerprint": fingerprint, "artifact": new, "build_id": new}
        return {**wanted, "how": how}

    def expect(self, **after: typing.Any) -> None:
        """What shall be; ``changes`` is then the difference from what is."""
        self._watched = tuple(after)
        self._compare(after)

    def _compare(self, after: Facts) -> None:
        self.changes = {
            key: {"old": self.before.get(key), "new": after[key]}
            for key in self._watched
            if self.before.get(key) != after[key]
        }
        # Of the module's parameters only those that differ.
        for change in (self.changes.get("parameters"), self.changes.get("options")):
            if change:
                old, new = change["old"], change["new"]
                same = {name for name in old if name in new and old[name] == new[name]}
                for side in ("old", "new"):
                    change[side] = {k: v for k, v in change[side].items() if k not in same}

    def gates_that_pass(self, wanted: Facts, replace_foreign: bool) -> set[str]:
        """Those that do not hold for this very artifact; toa.status knows of none."""
        passes: set[str] = set()
        if wanted.get("signature") not in {None, "none"}:
            passes |= set(self._facts["signature_gates"])
        if replace_foreign or self.before["build_id"] == wanted["build_id"]:
            passes.add("foreign")
        return passes

    def pass_all_gates_but(self, passed: typing.Iterable[str]) -> None:
        """As ``pass_gates``, whichever gates this toa-node has."""
        self.pass_gates(set(self._facts["gates"]) - set(passed))

    def pass_gates(self, gates: typing.Iterable[str]) -> None:
        """Fail before anything is changed, in a test run too, as the run would."""
        states = self._facts["gates"]
        closed = [
            f"{gate}: {states[gate]['reason']}"
            for gate in sorted(gates)
            if gate in states and states[gate]["open"] is False
        ]
        if closed:
            raise CommandExecutionError(f"this minion cannot do it now: {'; '.join(closed)}")

    def refuse_disarmed(self) -> None:
        """A module in the kernel that does nothing; loading it again cannot help."""
        if self._facts["hooks"] == "disarmed":
            raise CommandExecutionError(
                "toa is loaded but its hooks are disarmed, so applications see the balancer's "
                "address. What to do: sysctl -w kernel.ftrace_enabled=1; "
                "echo 1 > /sys/kernel/debug/kprobes/enabled; see toa.verify"
            )

    # -- doing -----------------------------------------------------------

    def announce(self, what: str) -> bool:
        """In a test run say what would be done; True when that is all."""
        if __opts__["test"]:
            self.result = None
            self.comment = what
        return bool(__opts__["test"])

    def fetched(self, wanted: Facts, sources: str | None) -> _Fetched:
        return _Fetched(self, wanted, sources)

    def look_again(self) -> None:
        """``changes`` becomes what has changed, announced or not."""
        watched = self.before.get("parameters", {})
        self._facts = self.call("status", recorded=True)
        after = _view(self._facts)
        after["parameters"] = {k: v for k, v in after["parameters"].items() if k in watched}
        self._compare(after)

    def done(self, what: str) -> None:
        self.comment = what
        if self._pending:
            self.comment += (
                f"; the new {self._pending} waits until toa is loaded again "
                "(at the next boot, or now with reload: True)"
            )

    def fail(self, why: str) -> None:
        self.result = False
        self.comment = " ".join(why.split())
        try:
            if self._has_acted:
                self.look_again()
            elif not self._has_installed:
                self.changes = {}
        except SaltException:
            self.changes = {}


#: What can change a minion, so that a failure asks what it has changed.
_ACTING = frozenset({"deploy", "install", "load", "remove"})


class _Fetched:
    """
    The artifact as a place that toa.deploy takes: as it is, or built into a
    directory that goes away again.
    """

    def __init__(self, state: _State, wanted: Facts, sources: str | None) -> None:
        self._state = state
        self._wanted = wanted
        self._sources = sources
        self._directory = ""

    def __enter__(self) -> str:
        if self._wanted["from"] is None:
            return f"/var/lib/toa/{self._wanted['fingerprint']}/{self._wanted['artifact']}"
        if self._wanted["from"] != "build":
            return str(self._wanted["from"])
        self._directory = tempfile.mkdtemp(prefix="toa-build-")
        try:
            self._state.call("build", self._directory, sources=self._sources)
        except BaseException:
            self.__exit__()
            raise
        return self._directory

    def __exit__(self, *_: object) -> None:
        if self._directory:
            shutil.rmtree(self._directory, ignore_errors=True)


def _view(facts: Facts) -> Facts:
    """The part of toa.status that these states are about."""
    return {
        "fingerprint": facts["installed_fingerprint"],
        "artifact": facts["installed"],
        "build_id": facts["loaded_build_id"],
        "loaded": facts["loaded"],
        "persistent": facts["persistent"],
        "artifacts": [f"{one['fingerprint']}/{one['artifact']}" for one in facts["artifacts"]],
        "options": facts.get("options") or {},
        "parameters": facts.get("parameters") or {},
    }


def _yet_to_be_built(source: str) -> str:
    return f"(to be built from source {source[:16]})"


def _manifest_or_none(directory: str) -> Facts | None:
    """A broken one counts as none: it is built anew."""
    try:
        return typing.cast(Facts, __salt__["toa.manifest"](directory))
    except CommandExecutionError:
        return None


def _in_this_environment(place: typing.Any) -> typing.Any:
    """A salt:// URL in a state means a file of the state's own environment."""
    if not isinstance(place, str) or not place.startswith("salt://") or "?saltenv=" in place:
        return place
    is_default = __env__ == (__opts__.get("saltenv") or "base")
    return place if is_default else f"{place}?saltenv={__env__}"
