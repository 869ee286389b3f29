# SPDX-License-Identifier: GPL-2.0-only
"""toa-node on a whole system: brought as a bundle, loaded at boot by systemd, built there
when dpkg installs a kernel.

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
    with lab.Lab([lab.Spec("reference", kernel="bookworm-previous")]) as nodes:
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


def settle(node: lab.Node) -> None:
    node.run("systemctl is-system-running --wait", timeout=120)


def test_what_an_administrator_deploys_outlives_a_power_cut(nodes: lab.Lab, artifact: Path) -> None:
    program = PROGRAM.read_bytes()
    node = nodes["reference"]

    ready = ask(nodes, bundle.plain(program, "toolchain"), "admin").done()
    assert (ready["changed"], ready["headers"], ready["missing"]) == ("no", "yes", "")
    assert node.run("ls -d /var/lib/toa").status != 0

    names = ("toa.ko", "manifest", "toa-selftest")
    files = [bundle.Part(name, (artifact / name).read_bytes()) for name in names]
    deployed = ask(nodes, bundle.bundled(program, "deploy", files), "admin").done()
    assert deployed["proof.selftest"] == deployed["proof.hooks"] == "yes"
    assert deployed["persistent"] == "yes"

    node.power_cut()  # right behind it
    node.boot()
    node.wait()
    settle(node)
    assert plain(nodes, "status").done()["boot_record"] == "loaded"
    assert ask(nodes, bundle.bundled(program, "deploy", files)).done()["changed"] == "no"
    verified = node.run("systemd-analyze verify toa.service")
    assert "toa.service" not in verified.stderr, verified.stderr


def test_dpkg_removes_and_installs_kernels_and_the_node_knows(
    nodes: lab.Lab, artifact: Path
) -> None:
    node, new = nodes["reference"], lab.kernel("bookworm")
    pushed = Operator(nodes).run("push", "reference", "--artifact", artifact, "--rebuild")
    assert pushed.status == 0, pushed.text
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


def test_remove_leaves_nothing(nodes: lab.Lab) -> None:
    node = nodes["reference"]
    plain(nodes, "remove").done()
    for left in ("/var/lib/toa", "/etc/systemd/system/toa.service",
                 "/etc/systemd/system/multi-user.target.wants/toa.service",
                 "/etc/kernel/header_postinst.d", "/etc/kernel/*.d/toa-node"):  # fmt: skip
        assert node.run(f"ls -d {left}").status != 0
    assert plain(nodes, "status").done()["loaded"] == "no"
