# SPDX-License-Identifier: GPL-2.0-only
"""toa-node on a whole system that enforces SELinux (Debian's policy): brought as a bundle,
loaded at boot by systemd, built there when dpkg installs a kernel.

The tests run in the order of this file, on one node.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

lab = pytest.importorskip("lab")

from kernel_support import build, toa_source  # noqa: E402
from node_support import HARD, PROGRAM, Answer  # noqa: E402

from lab.apt import download  # noqa: E402
from lab.operator import Operator  # noqa: E402
from toa_fleet import bundle  # noqa: E402

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def nodes() -> Iterator[lab.Lab]:
    why = lab.available()
    if why:
        pytest.skip(f"NOT TESTED on systemd: {why}")
    with lab.Lab([lab.Spec("reference", kernel="bookworm-previous", selinux=True)]) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def artifact(nodes: lab.Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built for the node as it is, where that is quicker; the node itself builds below."""
    top = tmp_path_factory.mktemp("artifact")
    facts = plain(nodes, "fingerprint").done()
    fields = {name: facts[name] for name in HARD}
    without_modules = {**fields, "vermagic": "", "module_layout": ""}
    source = toa_source(top / "source", "0.1.0")
    return build(top / "built", nodes["reference"].kernel, without_modules, source)


def ask(nodes: lab.Lab, request: bundle.Request, user: str = "root") -> Answer:
    """One exec over SSH, as a carrier does it."""
    prefix = ["sudo", "-n"] if user == "admin" else []
    command = shlex.join([*prefix, *request.argv])
    words = ["ssh", "-F", str(nodes.ssh_config), "-l", user, "reference", command]
    done = subprocess.run(
        words, input=b"".join(request.payload), capture_output=True, timeout=900, check=False
    )
    return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())


def plain(nodes: lab.Lab, verb: str) -> Answer:
    """The answer to a verb that brings nothing along."""
    return ask(nodes, bundle.plain(PROGRAM.read_bytes(), verb))


def denials(node: lab.Node) -> list[str]:
    """What SELinux denied since the last call, and to us."""
    said = node.check("dmesg | grep -a 'avc: ' | tail -n 100; dmesg -C").splitlines()
    # A systemd of its own age may not do all that it wants.
    return [line for line in said if "systemd_tmpfiles_t" not in line]


def settle(node: lab.Node) -> None:
    node.run("systemctl is-system-running --wait", timeout=120)


def test_what_an_administrator_deploys_outlives_a_power_cut(nodes: lab.Lab, artifact: Path) -> None:
    program = PROGRAM.read_bytes()
    node = nodes["reference"]

    ready = ask(nodes, bundle.plain(program, "toolchain"), "admin").done()
    assert (ready["changed"], ready["headers"], ready["missing"]) == ("no", "yes", "")
    assert node.run("ls -d /var/lib/toa").status != 0

    assert node.check("getenforce").strip() == "Enforcing"
    assert plain(nodes, "status").done()["selinux"] == "enforcing"
    denials(node)

    names = ("toa.ko", "manifest", "toa-selftest")
    files = [bundle.Part(name, (artifact / name).read_bytes()) for name in names]
    deployed = ask(nodes, bundle.bundled(program, "deploy", files), "admin").done()
    assert deployed["proof.selftest"] == deployed["proof.hooks"] == "yes"
    assert deployed["persistent"] == "yes"
    assert denials(node) == []

    node.power_cut()  # right behind it
    node.boot()
    node.wait()
    settle(node)
    assert plain(nodes, "status").done()["boot_record"] == "loaded"
    assert ask(nodes, bundle.bundled(program, "deploy", files)).done()["changed"] == "no"
    assert denials(node) == []
    verified = node.run("systemd-analyze verify toa.service")
    assert "toa.service" not in verified.stderr, verified.stderr


def types(node: lab.Node) -> dict[str, str]:
    """SELinux's type of each of our files, by its last name."""
    said = node.check("stat -c '%C %n' /var/lib/toa/toa-node /var/lib/toa/*/*/toa*")
    lines = [line.split() for line in said.splitlines()]
    return {name.rsplit("/", 1)[1]: context.split(":")[2] for context, name in lines}


def test_a_relabel_changes_nothing_and_a_wrong_label_is_mended_at_the_next_load(
    nodes: lab.Lab,
) -> None:
    node = nodes["reference"]
    right = {"toa-node": "bin_t", "toa-selftest": "bin_t", "toa.ko": "modules_object_t"}
    assert types(node) == right
    node.check("restorecon -RF /var/lib/toa")
    assert types(node) == right

    # As a relabel without our rules leaves it: the kernel refuses the file.
    node.check("chcon -R -t var_lib_t /var/lib/toa; rmmod toa")
    assert node.run("insmod /dev/stdin </var/lib/toa/*/*/toa.ko").status != 0
    assert any('comm="insmod"' in line for line in denials(node))
    assert node.run("sh /var/lib/toa/toa-node load", timeout=120).status == 0
    assert types(node)["toa.ko"] == "modules_object_t"
    plain(nodes, "verify").done()
    assert denials(node) == []


def test_a_policy_that_lets_no_module_in_closes_the_gate(nodes: lab.Lab) -> None:
    node = nodes["reference"]
    node.check("rmmod toa")  # the boolean keeps modules from going, too
    node.check("setsebool secure_mode_insmod on", timeout=120)
    closed = plain(nodes, "gates").failed("gate")
    assert "secure_mode_insmod" in closed["gate.selinux"]
    refused = node.run("sh /var/lib/toa/toa-node load", timeout=120)
    assert refused.status == 4 and "setsebool secure_mode_insmod off" in refused.stdout
    node.check("setsebool secure_mode_insmod off", timeout=120)
    assert plain(nodes, "gates").done()["gate.selinux"] == "open"
    node.check("systemctl restart toa.service", timeout=120)
    assert plain(nodes, "status").done()["loaded"] == "yes"
    denials(node)


def test_dpkg_removes_and_installs_kernels_and_the_node_knows(
    nodes: lab.Lab, artifact: Path
) -> None:
    node, new = nodes["reference"], lab.kernel("bookworm")
    parameters = ("--parameters", "trusted=10.0.0.0/8")
    push = ("push", "reference", "--artifact", artifact, "--rebuild", *parameters)
    pushed = Operator(nodes).run(*push)
    assert pushed.status == 0, pushed.text
    assert node.check("cat /sys/module/toa/parameters/trusted").strip() == "10.0.0.0/8"
    status = plain(nodes, "status").done()
    assert status["rebuild"] == "yes"
    others = sorted(set(node.check("ls /lib/modules").split()) - {node.kernel.release})
    assert status["kernels_without_artifact"].split() == others and new.release in others

    # As apt does it.
    others.remove(new.release)
    node.check(f"dpkg -r linux-image-{new.release} linux-headers-{new.release}", timeout=180)
    assert recorded(node) == others

    # The kernel comes first, its headers later: nothing to build with, and no failure.
    dpkg_installs(node, new.image)
    assert recorded(node) == sorted([*others, new.release])
    assert f"linux-headers-{new.release}" in node.check("journalctl -b -t toa --no-pager")
    headers = f"linux-headers-{new.release}"  # what is common to several kernels is still there
    said = dpkg_installs(node, [item for item in new.headers if item[0] == headers])
    assert f"building toa for the kernel {new.release}" in said
    assert recorded(node) == others, node.check("journalctl -b -t toa --no-pager")
    status = plain(nodes, "status").done()
    assert len(status["artifacts"].split()) == 2
    assert status["loaded_build_id"] == status["installed_build_id"]


def recorded(node: lab.Node) -> list[str]:
    """The kernels that our hooks have noted down as being without an artifact."""
    return sorted(node.check("cat /var/lib/toa/kernels").partition("=")[2].split())


def dpkg_installs(node: lab.Node, packages: Sequence[tuple[str, str]]) -> str:
    """Debian's own packages, with their own scripts; an initramfs would take long to make."""
    node.check("mkdir /root/debs")
    for deb in download(packages):
        assert node.run(f"cat >/root/debs/{deb.name}", input=deb, timeout=120).status == 0
    said = node.check("INITRD=No dpkg -i /root/debs/*.deb 2>&1", timeout=900)
    node.check("rm -r /root/debs")
    return said


def test_the_new_kernel_boots_with_what_was_built_for_it(nodes: lab.Lab) -> None:
    node = nodes["reference"]
    node.reboot(kernel="bookworm")
    settle(node)
    status = plain(nodes, "status").done()
    assert (status["boot_record"], status["hooks"]) == ("loaded", "armed"), str(status)
    assert "earlier" not in status["boot_detail"] and "built" not in status["boot_detail"]
    assert status["loaded_build_id"] == status["installed_build_id"]
    assert node.check("systemctl is-active toa.service").strip() == "active"
    journal = node.check("journalctl -b --no-pager")
    assert "ordering cycle" not in journal.lower(), journal
    order = "systemctl show -p ActiveEnterTimestampMonotonic --value "
    early = int(node.check(f"{order} toa.service"))
    late = int(node.check(f"{order} network-pre.target"))
    assert 0 < early <= late
    plain(nodes, "verify").done()
    assert denials(node) == []


def test_remove_leaves_nothing(nodes: lab.Lab) -> None:
    node = nodes["reference"]
    rules = "cat /etc/selinux/default/contexts/files/file_contexts.local"
    assert "/var/lib/toa/" in node.check(rules)
    plain(nodes, "remove").done()
    assert "/var/lib/toa/" not in node.check(rules)
    for left in ("/var/lib/toa", "/etc/systemd/system/toa.service",
                 "/etc/systemd/system/multi-user.target.wants/toa.service",
                 "/etc/kernel/header_postinst.d", "/etc/kernel/*.d/toa-node"):  # fmt: skip
        assert node.run(f"ls -d {left}").status != 0
    assert plain(nodes, "status").done()["loaded"] == "no"
