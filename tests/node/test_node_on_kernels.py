# SPDX-License-Identifier: GPL-2.0-only
"""toa-node on real kernels with a real toa.ko, under each shell."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import pytest

lab = pytest.importorskip("lab")

from kernel_support import (  # noqa: E402
    Node,
    artifact_build_id,
    build,
    facts_of,
    files_below,
    install_kernel,
    other_source,
    small_source,
    toa_source,
    unavailable,
    where_there_is_a_compiler,
)
from node_support import (  # noqa: E402
    PROGRAM,
    ROOT,
    SHELLS,
    Answer,
    artifact_id,
    build_id_of,
    fingerprint_id,
    make_artifact,
    manifest_text,
)
from node_support import node as on_tree  # noqa: E402
from systems import System  # noqa: E402

from lab.cpio import Content  # noqa: E402

pytestmark = pytest.mark.lab


@dataclass(frozen=True)
class World:
    """One machine and the artifacts that were built for it."""

    machine: lab.TinyMachine
    facts: dict[str, str]
    old: Path
    new: Path
    refusing: Path
    silent: Path
    other: Path
    #: Another TOA, under another name: where it is in the machine, and here.
    vtoa: str
    vtoa_file: Path


def boot(
    line: str, memory: int = 384, files: Optional[Mapping[str, Content]] = None
) -> lab.TinyMachine:
    """A machine of that kernel with toa-node in it, and these files."""
    why = unavailable()
    if why:
        pytest.skip(f"NOT TESTED on a kernel: {why}")
    everything = {"/root/toa-node": PROGRAM.read_bytes(), **(files or {})}
    return lab.TinyMachine(line, files=everything, memory=memory)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    top = tmp_path_factory.mktemp("world")
    sources = {
        "old": toa_source(top / "old-source", "0.0.1"),
        "new": toa_source(top / "new-source", "0.0.2"),
        "refusing": small_source(top / "refusing-source", "-ENODEV"),
        "silent": small_source(top / "silent-source", "0"),
        "other": other_source(top / "other-source"),
    }
    with boot("bookworm") as machine:
        facts = facts_of(machine)
        artifacts = {
            name: build(top / name, machine.kernel, facts_without_modules(facts), source)
            for name, source in sources.items()
        }
        node = Node(machine, "dash")
        for name, artifact in artifacts.items():
            node.push(artifact, f"/root/{name}")
        another = lab.build_module(ROOT / "tests/kmod/another", machine.kernel).path / "vtoa.ko"
        place = f"/lib/modules/{machine.kernel.release}/extra/vtoa.ko"
        machine.push(place, another.read_bytes(), 0o644)
        yield World(machine, facts, **artifacts, vtoa=place, vtoa_file=another)


def facts_without_modules(facts: dict[str, str]) -> dict[str, str]:
    """As a builder sees them that has no in-tree module: those two are empty."""
    return {**facts, "vermagic": "", "module_layout": ""}


@pytest.fixture(params=SHELLS)
def shelled(request: pytest.FixtureRequest, world: World) -> Iterator[Node]:
    """The machine, as if new, with toa-node under each shell."""
    yield from fresh(Node(world.machine, request.param))


@pytest.fixture
def node(world: World) -> Iterator[Node]:
    """The same under one shell, for what no shell does in its own way."""
    yield from fresh(Node(world.machine, "dash"))


def fresh(node: Node) -> Iterator[Node]:
    """Nothing of an earlier test, and a kernel that stays well."""
    node.clear()
    yield node
    log = node.machine.check("dmesg")
    for trouble in ("BUG:", "WARNING:", "Call Trace", "Oops"):
        assert trouble not in log, log
    node.clear()


DEPLOY = "deploy --no-persist --from /root"


def running(node: Node) -> str:
    """The build-id of the toa in the kernel, or nothing."""
    return node("status").done()["loaded_build_id"]


def left_behind(node: Node) -> list[str]:
    """What of the moment lies in the store."""
    done = node.machine.run("ls -A /var/lib/toa 2>/dev/null | grep '^\\.'; ls -A /tmp")
    return done.stdout.split()


def test_the_life_of_a_toa(shelled: Node, world: World) -> None:
    node = shelled
    old = artifact_build_id(world.old)

    deployed = node(f"{DEPLOY}/old").done()
    assert deployed["changed"] == "yes"
    assert deployed["artifact"] == artifact_id(world.old)
    for proof in ("build_id", "dmesg", "hooks", "selftest"):
        assert deployed[f"proof.{proof}"] == "yes", str(deployed)
    assert deployed["selftest.toa"] == "pass"

    status = node("status").done()
    assert (status["loaded"], status["hooks"]) == ("yes", "armed")
    assert status["loaded_build_id"] == status["installed_build_id"] == old
    assert status["loaded_artifact"] == status["installed"] == artifact_id(world.old)

    # A later insmod would print this again, with another time.
    before = world.machine.check("dmesg | grep TOA")
    assert node(f"{DEPLOY}/old").done()["changed"] == "no"
    assert world.machine.check("dmesg | grep TOA") == before

    node("verify").done()
    assert node("unload").done()["changed"] == "yes"
    assert node("unload").done()["changed"] == "no"
    assert "not loaded" in node("verify").failed("proof")["detail"]
    assert node("load").done()["changed"] == "yes"
    assert node("load").done()["changed"] == "no"

    world.machine.check("rmmod toa")
    assert node("boot").done()["changed"] == "yes"
    status = node("status").done()
    assert status["boot_record"] == "loaded" and artifact_id(world.old) in status["boot_detail"]

    assert node("remove").done()["previous_build_id"] == old
    assert node("remove").done()["changed"] == "no"
    assert running(node) == ""
    assert world.machine.run("ls -d /var/lib/toa").status != 0
    node("verify").failed("not-installed")
    node("load").failed("not-installed")
    assert left_behind(node) == []


def test_a_newer_one_replaces_the_older(node: Node, world: World) -> None:
    node(f"{DEPLOY}/old").done()
    answer = node(f"{DEPLOY}/new").done()
    assert answer["previous_build_id"] == artifact_build_id(world.old)
    assert running(node) == artifact_build_id(world.new)
    assert node("status").done()["artifacts"].endswith(artifact_id(world.new))


def test_load_of_another_artifact_keeps_what_is_installed(node: Node, world: World) -> None:
    node(f"{DEPLOY}/old").done()
    node("load --from /root/new").done()
    status = node("status").done()
    assert status["loaded_artifact"] == artifact_id(world.new)
    assert status["installed"] == artifact_id(world.old)
    node("verify").failed("proof")
    assert node("load").done()["previous_build_id"] == artifact_build_id(world.new)
    node("verify").done()


def test_what_the_kernel_refuses_is_rolled_back(shelled: Node, world: World) -> None:
    node = shelled
    answer = node("load --from /root/refusing").failed("load")
    assert "rolled back: no toa is loaded" in answer["detail"]
    assert world.machine.run("ls -d /var/lib/toa").status != 0

    node(f"{DEPLOY}/old").done()
    answer = node(f"{DEPLOY}/refusing").failed("load")
    assert "o such device" in answer["detail"] and "kprobes" in answer["hint"]
    assert "is loaded again" in answer["detail"]
    assert running(node) == artifact_build_id(world.old)
    node("verify").done()
    assert node("status").done()["artifacts"].endswith("/" + artifact_id(world.old))
    assert left_behind(node) == []


def test_what_cannot_be_proven_is_rolled_back(shelled: Node, world: World) -> None:
    node = shelled
    node(f"{DEPLOY}/old").done()
    answer = node(f"{DEPLOY}/silent").failed("proof")
    assert answer["proof.dmesg"] == "no"
    assert "is loaded again" in answer["detail"]
    assert running(node) == artifact_build_id(world.old)
    node("verify").done()


def with_selftest(world: World, original: Path, where: Path, script: str) -> Path:
    """An artifact, but with this program as its selftest."""
    artifact = Path(shutil.copytree(original, where))
    (artifact / "toa-selftest").write_text(script)
    module = (artifact / "toa.ko").read_bytes()
    manifest = (artifact / "manifest").read_text().splitlines()
    values = dict(line.split("=", 1) for line in manifest)
    facts = facts_without_modules(world.facts)
    kept = {key: values[key] for key in ("srcversion", "toa_version")}
    text = manifest_text(facts, module, script.encode(), **kept)
    (artifact / "manifest").write_text(text)
    return artifact


def test_a_failing_selftest_is_rolled_back(node: Node, world: World, tmp_path: Path) -> None:
    script = "#!/bin/sh\necho 'toa=fail: saw 10.0.0.1'\nexit 1\n"
    node.push(with_selftest(world, world.new, tmp_path / "artifact", script), "/root/failing")
    answer = node(f"{DEPLOY}/failing").failed("proof")
    assert answer["proof.selftest"] == "no"
    assert answer["selftest.toa"] == "fail: saw 10.0.0.1"
    assert "saw 10.0.0.1" in answer["detail"]
    assert running(node) == ""


def test_a_selftest_that_cannot_run_is_no_proof(node: Node, world: World, tmp_path: Path) -> None:
    script = "#!/bin/sh\necho 'skipped=no TUN here'\nexit 77\n"
    node.push(with_selftest(world, world.new, tmp_path / "artifact", script), "/root/skipping")
    answer = node(f"{DEPLOY}/skipping").failed("proof")
    assert answer["proof.selftest"] == "skipped: no TUN here"
    assert "--allow-unproven" in answer["hint"]
    assert running(node) == ""
    answer = node(f"{DEPLOY}/skipping --allow-unproven").done()
    assert answer["proof.selftest"] == "skipped: no TUN here"
    node("verify").failed("proof")
    node("verify --allow-unproven").done()


def test_a_toa_of_other_sources_is_taken_only_unproven(node: Node, world: World) -> None:
    """Its build-id and the kernel's log are all that can be proven of it."""
    refused = node(f"{DEPLOY}/other").failed("proof")
    assert "built from other sources" in refused["proof.selftest"]
    assert "rolled back" in refused["detail"] and running(node) == ""

    deployed = node(f"{DEPLOY}/other --allow-unproven").done()
    assert deployed["proof.build_id"] == deployed["proof.dmesg"] == "yes"
    assert deployed["proof.hooks"] == "unknown"
    assert running(node) == artifact_build_id(world.other)
    assert node("deploy --no-persist --from /root/new").done()["changed"] == "yes"


def test_a_foreign_toa_is_left_alone_unless_told_otherwise(node: Node, world: World) -> None:
    world.machine.check("insmod /root/silent/toa.ko")
    foreign = artifact_build_id(world.silent)
    for verb in (f"{DEPLOY}/old", "load --from /root/old", "unload"):
        answer = node(verb).failed("gate")
        assert foreign in answer["gate.foreign"]
    node("remove").done()
    assert running(node) == foreign
    answer = node(f"{DEPLOY}/old --replace-foreign").done()
    assert answer["previous_build_id"] == foreign
    assert running(node) == artifact_build_id(world.old)


def test_a_toa_of_another_name_is_replaced_or_put_back_as_it_was(node: Node, world: World) -> None:
    machine = world.machine
    machine.check(f"insmod {world.vtoa}")
    served = "cat /proc/net/toa_stats"
    build_id = build_id_of(world.vtoa_file.read_bytes())
    try:
        for verb in (f"{DEPLOY}/old", "load --from /root/old"):
            answer = node(verb).failed("gate")
            assert f"(vtoa: build-id {build_id}, " in answer["gate.foreign"]
            assert f"version 9.9, probably from {world.vtoa})" in answer["gate.foreign"]
        assert machine.check(served) == "another TOA\n"

        # Ours that is not proven: the other one is back, and answers again.
        answer = node(f"{DEPLOY}/silent --replace-foreign").failed("proof")
        assert "rolled back: the vtoa that was loaded before is loaded again" in answer["detail"]
        assert (machine.check(served), running(node)) == ("another TOA\n", "")
        answer = node(f"{DEPLOY}/refusing --replace-foreign").failed("load")
        assert "the vtoa that was loaded before is loaded again" in answer["detail"]
        assert machine.check(served) == "another TOA\n"

        answer = node(f"{DEPLOY}/old --replace-foreign").done()
        assert answer["proof.selftest"] == "yes"
        assert running(node) == artifact_build_id(world.old)
        assert machine.run("grep ^vtoa /proc/modules").status != 0
        # Beside ours it changes nothing for who takes ours out.
        node("unload").done()
    finally:
        machine.run("rmmod vtoa")


def test_parameters_in_modprobe_d_are_the_modules(shelled: Node, world: World) -> None:
    node = shelled
    options = "/etc/modprobe.d/toa.conf"
    node.machine.check(f"mkdir -p /etc/modprobe.d; echo options toa kinds=200 >{options}")
    try:
        node(f"{DEPLOY}/new").done()  # proven with an option of kind 200
        assert node.machine.check("cat /sys/module/toa/parameters/kinds") == "200\n"
        assert node("status").done()["options"] == "kinds=200"
        node("unload").done()
        node.machine.check(f"echo options toa kinds=2 >{options}")
        refused = node("load").failed("load")
        assert "kinds: '2'" in refused["detail"]
        assert "kinds=2" in refused["hint"]
    finally:
        node.machine.check(f"rm {options}")


def test_a_deploy_sets_the_modules_parameters(node: Node, world: World) -> None:
    conf, running = "/etc/modprobe.d/toa.conf", "/sys/module/toa/parameters"

    def parameters(words: str) -> Answer:
        return node(f"{DEPLOY}/new {words}")

    first = parameters("--parameters 'kinds=200,254 max_connections=4096'").done()
    assert first["changed"] == "yes"
    assert node.machine.check(f"tail -n 1 {conf}") == (
        "options toa kinds=200,254 max_connections=4096\n"
    )
    status = node("status").done()
    assert (status["parameter.kinds"], status["parameter.max_connections"]) == ("200,254", "4096")
    assert status["options"] == "kinds=200,254 max_connections=4096"
    assert parameters("--parameters 'kinds=200,254 max_connections=4096'").done()["changed"] == "no"

    # What the running module takes is set at once; the rest waits for a load ...
    later = parameters(
        "--parameters 'trusted=10.0.0.0/8 max_connections=8192' --reset kinds=254"
    ).done()
    assert later["reload"] == "due: running with max_connections=4096"
    found = node.machine.check(f"cd {running}; cat kinds trusted max_connections")
    assert found.split() == ["254", "10.0.0.0/8", "4096"]
    # ... or for the permission.
    now = parameters("--parameters 'trusted=10.0.0.0/8 max_connections=8192' --reload").done()
    assert "reload" not in now.values
    assert node.machine.check(f"cat {running}/max_connections") == "8192\n"

    # The module refuses one: file and kernel are as before, whether it ran on or was reloaded.
    before = node.machine.check(f"cat {conf}; cd {running}; cat kinds trusted max_connections")
    rolled = parameters("--parameters 'max_connections=0' --reload").failed("load")
    assert "rolled back: the toa that was loaded before is loaded again" in rolled["detail"]
    after = node.machine.check(f"cat {conf}; cd {running}; cat kinds trusted max_connections")
    assert after == before

    node("remove").done()
    assert node.machine.run(f"ls {conf}").status != 0


def test_a_parameter_that_the_running_module_refuses_changes_nothing(
    shelled: Node, world: World
) -> None:
    node = shelled
    node(f"{DEPLOY}/new").done()
    refused = node(f"{DEPLOY}/new --parameters 'kinds=200 trusted=nobody'").failed("load")
    assert "the running toa does not take trusted=nobody" in refused["detail"]
    assert node("status").done()["parameter.kinds"] == "254"
    assert node.machine.run("ls /etc/modprobe.d/toa.conf").status != 0


# The real log, and then a firewall's.
_NOISY_DMESG = """#!/bin/dash
/bin/dmesg "$@"
n=0
while [ $n -lt 400 ]; do echo "[   99.000000] DROP IN=eth0 OUT= SPT=$n"; n=$((n + 1)); done
"""


def test_a_noisy_kernel_log_is_no_failed_proof(node: Node, world: World) -> None:
    node.machine.push("/run/bin/dmesg", _NOISY_DMESG, 0o755)
    deployed = node(f"{DEPLOY}/old", "PATH=/run/bin:$PATH").done()
    assert deployed["proof.dmesg"] == "yes"


def test_a_kernel_log_that_lost_the_mark_proves_nothing(node: Node, world: World) -> None:
    node.machine.push("/run/bin/dmesg", "#!/bin/dash\necho '[ 99.0] a module of others'\n", 0o755)
    deployed = node(f"{DEPLOY}/old", "PATH=/run/bin:$PATH").done()
    assert deployed["proof.dmesg"] == "unknown"
    assert deployed["proof.build_id"] == deployed["proof.selftest"] == "yes"


def test_hooks_that_are_switched_off_close_the_gate(node: Node, world: World) -> None:
    world.machine.check("echo 0 >/sys/kernel/debug/kprobes/enabled")
    try:
        answer = node(f"{DEPLOY}/old").failed("gate")
        assert "kprobes" in answer["detail"]
    finally:
        world.machine.check("echo 1 >/sys/kernel/debug/kprobes/enabled")
    node(f"{DEPLOY}/old").done()


def test_boot_without_an_artifact_records_it_and_is_no_failure(node: Node, world: World) -> None:
    assert node("boot").done()["changed"] == "no"
    assert node("status").done()["boot_record"] == "no-artifact"


def test_boot_under_another_kernel_says_what_differs(node: Node, world: World) -> None:
    node(f"{DEPLOY}/old").done()
    own, other = fingerprint_id(facts_without_modules(world.facts)), "0123456789abcdef"
    world.machine.check(
        f"rmmod toa; cd /var/lib/toa; mv {own} {other}; cd {other}/*/ && "
        f"sed -i -e 's/^kernel_version=.*/kernel_version=#0/' "
        f"-e 's/^fingerprint=.*/fingerprint={other}/' manifest"
    )
    node("boot").done()
    status = node("status").done()
    assert status["boot_record"] == "no-artifact"
    assert "kernel_version" in status["boot_detail"] and "#0" in status["boot_detail"]
    assert status["loaded"] == "no"


def test_boot_refuses_a_damaged_artifact_and_fails(node: Node, world: World) -> None:
    node(f"{DEPLOY}/old").done()
    world.machine.check("rmmod toa; for f in /var/lib/toa/*/*/toa.ko; do echo x >>$f; done")
    node("boot").failed("mismatch")
    status = node("status").done()
    assert status["boot_record"] == "failed" and "sha256" in status["boot_detail"]
    assert status["loaded"] == "no"


# Commands of toa-node that change something, each killing it at its n-th call.
_WRAP = """
mkdir -p /run/bin && cd /run/bin && echo 0 >count
for name in mkdir mv cp ln rm rmdir insmod rmmod; do
    cat >$name <<END
#!/bin/dash
n=\\$((\\$(cat /run/bin/count) + 1)); echo \\$n >/run/bin/count
if [ \\$n = "\\$KILL_AT" ]; then kill -9 \\$(cat /run/bin/pid) \\$PPID; exit 1; fi
PATH=/usr/sbin:/usr/bin:/sbin:/bin; exec $name "\\$@"
END
    chmod +x $name
done
"""


def killed_at(node: Node, point: int, words: str) -> Answer:
    """Runs toa-node and kills it, kill -9, right before its n-th changing command."""
    return node(
        words,
        f"echo 0 >/run/bin/count; echo $$ >/run/bin/pid; "
        f"export KILL_AT={point} PATH=/run/bin:$PATH",
    )


def kill_points(node: Node, words: str) -> range:
    """The numbers of all changing commands of this run."""
    killed_at(node, 0, words)
    return range(1, int(node.machine.check("cat /run/bin/count")) + 1)


@pytest.fixture
def fragile(world: World, tmp_path: Path) -> Iterator[Node]:
    """The machine with commands that kill; under dash, which uses what PATH names.

    The artifacts in it have a selftest that takes no time.
    """
    node = Node(world.machine, "dash")
    node.clear()
    world.machine.check(_WRAP)
    for name in ("old", "new"):
        script = "#!/bin/sh\necho toa=pass\n"
        quick = with_selftest(world, getattr(world, name), tmp_path / name, script)
        node.push(quick, f"/root/quick-{name}")
    yield node
    node.clear()


def test_a_kill_at_any_point_of_a_deploy_leaves_old_or_new(fragile: Node, world: World) -> None:
    node = fragile
    old, new = artifact_id(world.old), artifact_id(world.new)
    builds = {artifact_build_id(world.old): old, artifact_build_id(world.new): new, "": ""}
    node(f"{DEPLOY}/quick-old").done()
    points = kill_points(node, f"{DEPLOY}/quick-new")
    assert len(points) >= 10
    seen = set()
    for point in points:
        node(f"{DEPLOY}/quick-old").done()
        assert killed_at(node, point, f"{DEPLOY}/quick-new").status != 0
        status = node("status").done()
        seen.add((builds[status["loaded_build_id"]], status["installed"]))
        assert status["installed"] in (old, new), f"killed at {point}: {status}"
        # The power comes back:
        node.machine.run("rmmod toa")
        assert node("boot").done()["artifact"] == status["installed"], f"killed at {point}"
    assert {(old, old), ("", old), (new, old), (new, new)} >= seen
    assert len(seen) >= 3
    node(f"{DEPLOY}/quick-new").done()
    assert left_behind(node) == []
    assert node("status").done()["artifacts"].endswith("/" + new)


def test_a_kill_at_any_point_of_a_remove_can_be_finished(fragile: Node, world: World) -> None:
    node = fragile
    node(f"{DEPLOY}/quick-old").done()
    points = kill_points(node, "remove")
    for point in points:
        node(f"{DEPLOY}/quick-old").done()
        killed_at(node, point, "remove")
        node.machine.run("rmmod toa")
        assert node("boot").done().values.get("artifact") in (None, artifact_id(world.old))
        node("remove").done()
        assert node.machine.run("ls -d /var/lib/toa").status != 0, f"killed at {point}"
        assert running(node) == ""


# --- at boot --------------------------------------------------------------------------

# As RHEL 6's rc.sysinit runs them, at a time when / and /var are not writable yet.
_RC_SYSINIT = """
for file in /etc/sysconfig/modules/*.modules; do
    [ -x $file ] && $file
done
"""


@pytest.fixture
def redhat_6(node: Node) -> Iterator[Node]:
    """The machine, as a system that starts by rc.sysinit."""
    node.machine.check("mkdir -p /etc/rc.d /etc/sysconfig/modules; : >/etc/rc.d/rc.sysinit")
    yield node
    node.machine.run("umount /var/lib/toa; rm -rf /etc/rc.d /etc/sysconfig /run/.toa-boot-record")


def test_rc_sysinit_loads_it_from_a_store_that_is_read_only(redhat_6: Node, world: World) -> None:
    node = redhat_6
    answer = node("deploy --from /root/old").done()
    assert (answer["persistent"], node("status")["boot_system"]) == ("yes", "sysv-redhat")
    before = node.machine.check("cd /var/lib/toa; find . -type f -exec sha256sum {} +")
    node.machine.check(
        "rmmod toa; mount -o bind /var/lib/toa /var/lib/toa && "
        "mount -o remount,bind,ro /var/lib/toa"
    )
    node.machine.check(_RC_SYSINIT)
    status = node("status").done()
    assert status["loaded_build_id"] == artifact_build_id(world.old)
    assert status["boot_record"] == "loaded" and "earlier" not in status["boot_detail"]
    assert status["gate.readonly"].startswith("closed: /var/lib/toa is on /var/lib/toa")
    node("deploy --from /root/new").failed("gate")
    assert left_behind(node) == []
    node.machine.check("umount /var/lib/toa")
    assert node.machine.check("cd /var/lib/toa; find . -type f -exec sha256sum {} +") == before
    node("remove").done()
    assert node.machine.run("ls /etc/sysconfig/modules/toa.modules").status != 0
    assert node.machine.run("ls /run/.toa-boot-record").status != 0


def test_rc_sysinit_loads_it_although_var_is_mounted_only_later(
    redhat_6: Node, world: World
) -> None:
    node = redhat_6
    node("deploy --from /root/old").done()
    node.machine.check(f"rmmod toa; mv /var/lib/toa /var/lib/later; {_RC_SYSINIT}")
    assert running(node) == ""
    node.machine.check("mv /var/lib/later /var/lib/toa")
    record = "/var/lib/toa/boot-record"
    node.machine.check(f"until grep -s boot_record= {record}; do sleep 0.2; done", timeout=60)
    assert node("status").done()["boot_record"] == "loaded"
    node("remove").done()


# The compiler is played: a machine without a real one puts in what was built elsewhere.
_PLAYED_MAKE = """#!/bin/sh
cd "$2" || exit
mkdir -p selftest
cp /root/new/toa.ko . && cp /root/new/toa-selftest selftest/
"""


@pytest.fixture
def played_compiler(node: Node) -> Iterator[Node]:
    """The machine with a make and a gcc, and without in-tree modules, as the builder was."""
    modules = f"/lib/modules/{node.machine.kernel.release}"
    node.machine.push("/run/bin/make", _PLAYED_MAKE, 0o755)
    node.machine.push("/run/bin/gcc", "#!/bin/sh\necho gcc 12\n", 0o755)
    node.machine.check(
        f"mkdir -p /root/kmod {modules}/build; echo '# TOA_FINGERPRINT' >/root/kmod/Makefile"
    )
    node.machine.check(f"mv {modules}/kernel {modules}/hidden")
    yield node
    node.machine.check(f"mv {modules}/hidden {modules}/kernel; rm -r {modules}/build /root/kmod")


def test_boot_builds_where_nothing_is_stored_for_the_kernel_by_a_played_compiler(
    played_compiler: Node, world: World
) -> None:
    node = played_compiler
    node(f"{DEPLOY}/old --rebuild --source /root/kmod").done()
    node.machine.check("rmmod toa; rm /var/lib/toa/*/current")

    # Without headers: why is on record, and the boot goes on.
    assert node("boot", "PATH=/run/bin:$PATH").done()["changed"] == "no"
    status = node("status").done()
    assert status["boot_record"] == "no-artifact"
    assert "linux-headers" in status["boot_detail"], str(status)

    node.machine.check(f": >/lib/modules/{world.machine.kernel.release}/build/Makefile")
    answer = node("boot", "PATH=/run/bin:$PATH").done()
    status = node("status").done()
    assert answer["artifact"] == artifact_id(world.new), str(answer)
    assert status["loaded_artifact"] == status["installed"] == answer["artifact"]
    assert status["boot_record"] == "loaded" and "built at this boot" in status["boot_detail"]
    assert left_behind(node) == []


@pytest.mark.parametrize("line", ["bullseye", "trixie-backports"])
def test_what_the_hook_built_before_the_reboot_is_loaded_when_the_new_kernel_boots(
    line: str, tmp_path: Path
) -> None:
    """The old system is a tree; compiler, headers and images, and then the kernel, are real."""
    why = unavailable()
    if why or line not in lab.kernels():
        pytest.skip(f"NOT TESTED on {line}: {why or 'the indexes of Debian do not offer it'}")
    kernel = lab.kernels()[line]
    version = {"bullseye": "11", "trixie-backports": "13"}[line]
    os_release = f'ID=debian\nVERSION_ID="{version}"\n'
    old = System("debian", version, "sysv-redhat", "debian", {"etc/os-release": os_release})
    tree = old.make(tmp_path / "tree")
    artifact = make_artifact(tmp_path / "artifact", old.facts)
    source = toa_source(tmp_path / "source", "0.0.1")
    words = ["install", "--from", artifact, "--rebuild", "--source", source]
    on_tree("dash", *words, root=tree).done()

    install_kernel(tree, kernel)
    hook = where_there_is_a_compiler(tmp_path, kernel, "kernel-hook", kernel.release).done()
    assert hook["kernels_without_artifact"] == "", str(hook)

    with boot(line, files=files_below(tree, "var/lib/toa", "etc/sysconfig", "etc/rc.d")) as machine:
        rebooted = Node(machine, "busybox")
        status = rebooted("status").done()
        assert status["boot_record"] == "loaded", str(status)
        assert status["loaded_artifact"] == status["installed"] == hook["artifact"]
        assert status["persistent"] == "yes"
        assert rebooted("verify").done()["proof.selftest"] == "yes"
        rebooted("remove").done()
        assert machine.run("ls -d /var/lib/toa /etc/sysconfig/modules/toa.modules").stdout == ""
