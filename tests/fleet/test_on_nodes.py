# SPDX-License-Identifier: GPL-2.0-only
"""toa-fleet against Debian nodes with real kernels, sshd and systemd.

    older  Debian 12, kernel N-1: the reference node
    like   Debian 12, kernel N-1
    newer  Debian 12, kernel N: plain insmod takes the older kernel's module
    other  Debian 13

The tests run in the order of this file and leave the nodes as they found them,
but for the artifact in the operator's store.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import lab
from lab.operator import Operator
from toa_fleet.artifact import Artifact
from toa_fleet.bundle import Part, bundled
from toa_fleet.fingerprint import HARD_FIELDS, Fingerprint
from toa_fleet.node_program import node_program

pytestmark = pytest.mark.lab

DONE, REFUSED, FAILED = 0, 3, 4
NODES = (
    lab.Spec("older", "bookworm", "bookworm-previous"),
    lab.Spec("like", "bookworm", "bookworm-previous"),
    lab.Spec("newer", "bookworm", "bookworm"),
    lab.Spec("other", "trixie", "trixie"),
)
EVERYWHERE = ("older", "like", "newer", "other")


@pytest.fixture(scope="module")
def nodes() -> Iterator[lab.Lab]:
    missing = lab.available()
    if missing:
        pytest.skip(missing)
    with lab.Lab(NODES) as running:
        yield running


@pytest.fixture(scope="module")
def operator(nodes: lab.Lab) -> Operator:
    return Operator(nodes)


@pytest.fixture(scope="module")
def built(operator: Operator) -> Path:
    """The artifact that `older` built for itself; its directory in the store."""
    ran = operator.run("build", "--on", "older")
    assert ran.status == DONE, ran.text
    (manifest,) = operator.store.glob("*/*/manifest")
    return manifest.parent


def loaded(node: lab.Node) -> bool:
    return node.run("grep -q '^toa ' /proc/modules").status == 0


def files_of(node: lab.Node) -> str:
    """All that could be left behind on a node, with modes and owners."""
    return node.check(
        "find /var/lib /etc /tmp /var/tmp /usr/local /root -xdev ! -path '*/.ssh/*' "
        "-printf '%p %m %u %l\\n' | grep -v -e systemd/timers -e random-seed | sort"
    )


def put(node: lab.Node, directory: Path, to: str) -> None:
    """Copies an artifact to a node past toa-fleet."""
    node.check(f"mkdir -p {to}")
    for file in directory.iterdir():
        result = node.run(f"cat >{to}/{file.name}", input=file)
        assert result.status == 0, result.stderr


def ask_node(node: lab.Node, words: str, program: str = "") -> lab.Result:
    """Runs toa-node on a node past toa-fleet and its plan."""
    text = program or node_program().decode()
    return node.run(f"sh -s -- {words}", input=text, timeout=180)


def test_alike_get_it_and_the_rest_are_refused_with_what_differs(
    nodes: lab.Lab, operator: Operator, built: Path
) -> None:
    before = {node.name: files_of(node) for node in nodes if node.name in ("newer", "other")}
    ran = operator.run("push", *EVERYWHERE, "--json")
    assert ran.status == REFUSED, ran.text
    told = ran.nodes
    assert {name: told[name]["outcome"] for name in told} == {
        "older": "done", "like": "done", "newer": "refused", "other": "refused",
    }  # fmt: skip
    differs = {each["field"]: each for each in told["newer"]["mismatch"]}
    assert differs["kernel_release"]["artifact"] == nodes["older"].kernel.release
    assert differs["kernel_release"]["node"] == nodes["newer"].kernel.release
    assert "os_version_id" in {each["field"] for each in told["other"]["mismatch"]}
    for proof in ("build_id", "dmesg", "hooks", "selftest"):
        assert told["like"]["answer"][f"proof.{proof}"] == "yes"
    assert {node.name for node in nodes if loaded(node)} == {"older", "like"}
    for name, files in before.items():
        assert files_of(nodes[name]) == files, f"something was left on {name}"


def test_a_second_push_changes_nothing(nodes: lab.Lab, operator: Operator) -> None:
    inserted = nodes["like"].check("dmesg | grep -c 'TOA: toa loaded'")
    ran = operator.run("push", "older", "like", "--json")
    assert ran.status == DONE, ran.text
    assert {each["outcome"] for each in ran.nodes.values()} == {"unchanged"}
    assert nodes["like"].check("dmesg | grep -c 'TOA: toa loaded'") == inserted


def test_plain_insmod_would_have_loaded_it_on_the_newer_kernel(nodes: lab.Lab, built: Path) -> None:
    """The danger that the refusal is there for."""
    put(nodes["newer"], built, "/root/try")
    try:
        nodes["newer"].check("insmod /root/try/toa.ko && rmmod toa")
    finally:
        nodes["newer"].check("rm -r /root/try")


def test_the_node_refuses_by_itself_when_the_plan_did_not(nodes: lab.Lab, built: Path) -> None:
    """As when its kernel changed between the plan and the push."""
    put(nodes["newer"], built, "/root/try")
    try:
        for verb in ("deploy", "install", "load"):
            answer = ask_node(nodes["newer"], f"{verb} --from /root/try")
            assert answer.status == 3, answer.stdout
            assert "error=mismatch" in answer.stdout
            release = nodes["newer"].kernel.release
            assert f"mismatch.kernel_release.node={release}" in answer.stdout
            assert not loaded(nodes["newer"])
    finally:
        nodes["newer"].check("rm -r /root/try")


def test_a_forged_manifest_is_refused_here_and_on_the_node(
    nodes: lab.Lab, operator: Operator, built: Path, tmp_path: Path
) -> None:
    """Every hard field says `newer`, and the fingerprint fits them; toa.ko does not."""
    facts = operator.run("fingerprint", "newer", "--json").nodes["newer"]["facts"]
    fields = {field: facts[field] for field in HARD_FIELDS}
    forged = tmp_path / "forged"
    shutil.copytree(built, forged)
    lines = dict(line.split("=", 1) for line in (built / "manifest").read_text().splitlines())
    lines.update(fields, fingerprint=Fingerprint.of(fields).id)
    (forged / "manifest").chmod(0o644)
    (forged / "manifest").write_text("".join(f"{k}={v}\n" for k, v in lines.items()))

    ran = operator.run("push", "newer", "--artifact", forged)
    assert ran.status == REFUSED, ran.text

    before = files_of(nodes["newer"])
    parts = [Part(name, (forged / name).read_bytes()) for name in
             ("toa.ko", "manifest", "toa-selftest")]  # fmt: skip
    request = bundled(node_program(), "deploy", parts)
    words = " ".join("'" + word.replace("'", "'\\''") + "'" for word in request.argv)
    answer = nodes["newer"].run(words, input=b"".join(request.payload), timeout=180)
    assert answer.status == 3, answer.stdout + answer.stderr
    assert not loaded(nodes["newer"])
    assert files_of(nodes["newer"]) == before


def test_a_truncated_module_is_refused(operator: Operator, built: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut"
    shutil.copytree(built, cut)
    (cut / "toa.ko").chmod(0o644)
    (cut / "toa.ko").write_bytes((built / "toa.ko").read_bytes()[:-100])
    ran = operator.run("push", "older", "--artifact", cut)
    assert ran.status == REFUSED, ran.text
    assert "Traceback" not in ran.text


def test_toa_is_back_after_a_reboot_and_proven(nodes: lab.Lab, operator: Operator) -> None:
    nodes["like"].reboot()
    nodes["like"].run("systemctl is-system-running --wait", timeout=120)
    assert loaded(nodes["like"])
    ran = operator.run("audit", "like", "--proof", "--json")
    assert ran.status == DONE, ran.text
    assert ran.nodes["like"]["state"] == "carried"
    assert ran.nodes["like"]["facts"]["boot_record"] == "loaded"


def test_after_a_kernel_upgrade_nothing_is_loaded_and_the_audit_says_so(
    nodes: lab.Lab, operator: Operator
) -> None:
    nodes["like"].reboot(kernel="bookworm")
    try:
        nodes["like"].run("systemctl is-system-running --wait", timeout=120)
        assert not loaded(nodes["like"])
        ran = operator.run("audit", "like", "--json")
        assert ran.status == REFUSED
        assert ran.nodes["like"]["state"] != "carried"
        assert ran.nodes["like"]["facts"]["boot_record"] == "no-artifact"
        assert operator.run("push", "like").status == REFUSED
    finally:
        nodes["like"].reboot(kernel="bookworm-previous")
        nodes["like"].run("systemctl is-system-running --wait", timeout=120)
    assert loaded(nodes["like"])


def test_without_root_it_is_refused_and_says_what_to_do(nodes: lab.Lab, operator: Operator) -> None:
    assert operator.run("remove", "--sudo", "admin@like").status == DONE
    ran = operator.run("push", "admin@like")
    assert ran.status == REFUSED, ran.text
    assert "--sudo" in ran.text
    assert not loaded(nodes["like"])
    assert operator.run("push", "--sudo", "admin@like").status == DONE
    assert loaded(nodes["like"])
    ran = operator.run("push", "--sudo", "nosudo@like")
    assert ran.status == FAILED, ran.text
    assert "sudo" in ran.text
    assert "Traceback" not in ran.text


def test_a_full_disk_fails_cleanly_and_the_other_nodes_go_on(
    nodes: lab.Lab, operator: Operator
) -> None:
    node = nodes["like"]
    assert operator.run("remove", "like").status == DONE
    node.check("mkdir -p /var/lib/toa && mount -t tmpfs -o size=64k tmpfs /var/lib/toa")
    try:
        ran = operator.run("push", "like", "older", "--json")
        told = ran.nodes
        assert told["like"]["outcome"] in ("refused", "failed")
        assert "64 KiB free" in told["like"]["detail"]
        assert told["older"]["outcome"] == "unchanged"
        assert not loaded(node)
        assert node.check("ls -A /var/lib/toa") == ""
    finally:
        node.check("umount /var/lib/toa && rmdir /var/lib/toa")
    assert operator.run("push", "like").status == DONE


def test_a_power_cut_during_a_push_leaves_the_node_sound(
    nodes: lab.Lab, operator: Operator
) -> None:
    node = nodes["like"]
    assert operator.run("remove", "like").status == DONE
    push = subprocess.Popen(operator.argv("push", "like"), stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)  # fmt: skip
    deadline = time.monotonic() + 60
    while not loaded(node) and time.monotonic() < deadline:
        time.sleep(0.1)
    node.power_cut()
    push.kill()
    push.wait()
    node.boot()
    node.wait()
    node.run("systemctl is-system-running --wait", timeout=120)
    record = operator.run("status", "like", "--json").nodes["like"]["facts"]
    assert (record["loaded"], record["installed"] != "") in (("yes", True), ("no", False))
    ran = operator.run("push", "like")
    assert ran.status == DONE, ran.text
    assert loaded(node)


@pytest.mark.parametrize(
    ("hide", "package"),
    [
        ("/lib/modules/$(uname -r)/build", "linux-headers-6."),
        ("$(readlink -f $(command -v gcc))", "gcc"),
        ("$(command -v make)", "make"),
    ],
    ids=["headers", "gcc", "make"],
)
def test_a_missing_tool_is_named_with_its_package(
    nodes: lab.Lab, operator: Operator, hide: str, package: str
) -> None:
    node = nodes["other"]
    path = node.check(f"echo {hide}").strip()
    node.check(f"mv {path} {path}.hidden")
    try:
        ran = operator.run("build", "--on", "other", "--json")
    finally:
        node.check(f"mv {path}.hidden {path}")
    assert ran.status in (REFUSED, FAILED), ran.text
    assert package in ran.nodes["other"]["detail"] + ran.nodes["other"]["hint"]


def test_an_unreachable_host_fails_alone(operator: Operator) -> None:
    ran = operator.run("push", "root@127.0.0.1:1", "older", "--json")
    assert ran.status == FAILED
    assert ran.nodes["older"]["outcome"] == "unchanged"
    assert "refuses the connection" in ran.nodes["root@127.0.0.1:1"]["detail"]


def test_remove_takes_away_all_that_push_brought(nodes: lab.Lab, operator: Operator) -> None:
    assert operator.run("remove", "like").status == DONE
    before = files_of(nodes["like"])
    assert operator.run("push", "like").status == DONE
    assert operator.run("remove", "like").status == DONE
    assert files_of(nodes["like"]) == before
    assert not loaded(nodes["like"])
    again = operator.run("remove", "like", "--json")
    assert again.status == DONE
    assert again.nodes["like"]["outcome"] == "unchanged"


def test_the_artifact_reads_as_what_it_is(built: Path, nodes: lab.Lab) -> None:
    manifest = Artifact.read(built).manifest
    assert manifest.fingerprint.kernel_release == nodes["older"].kernel.release
