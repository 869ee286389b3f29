# SPDX-License-Identifier: GPL-2.0-only
"""Kernels that are installed and do not run yet: what the package managers' hooks do about them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from node_support import (
    FACTS,
    PROGRAM,
    RELEASE,
    SHELLS,
    Answer,
    artifact_id,
    environment,
    make_artifact,
    make_headers,
    make_source,
    make_stand_in_module,
    node,
    note,
    snapshot,
    write,
)
from systems import SYSTEMS

STORE = "var/lib/toa"
NEW = "6.1.0-57-cloud-amd64"
NEW_VERSION = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.199-1 (2026-12-01)"
NEW_FACTS = {**FACTS, "kernel_release": NEW, "kernel_version": NEW_VERSION,
             "kernel_build_id": "99" * 20,
             "vermagic": f"{NEW} SMP mod_unload"}  # fmt: skip
HOOK = "etc/kernel/postinst.d/toa-node"


def bz_image(release: str, version: str) -> bytes:
    """What of an x86 kernel image is looked at: its header and the text it points to."""
    text = f"{release} (debian-kernel@lists.debian.org) {version}".encode() + b"\0"
    image = bytearray(0x3000) + text + bytes(100)
    image[0x202:0x206] = b"HdrS"
    image[0x20E:0x210] = (0x3000 - 0x200).to_bytes(2, "little")
    return bytes(image)


def add_kernel(tree: Path, release: str = NEW, version: str = NEW_VERSION) -> Path:
    """An installed kernel: image and one module."""
    modules = tree / "lib/modules" / release
    write(tree / f"boot/vmlinuz-{release}", bz_image(release, version))
    (modules / "kernel/net").mkdir(parents=True, exist_ok=True)
    facts = {**NEW_FACTS, "vermagic": f"{release} SMP mod_unload"}
    make_stand_in_module(modules / "kernel/net/dummy.ko", facts)
    write(modules / "modules.dep", "kernel/net/dummy.ko:\n")
    return modules


def reboot(tree: Path, release: str = NEW, version: str = NEW_VERSION) -> None:
    """The tree's kernel is another one now."""
    write(tree / "proc/sys/kernel/osrelease", release + "\n")
    write(tree / "proc/sys/kernel/version", version + "\n")
    build_id = (NEW_FACTS if release == NEW else FACTS)["kernel_build_id"]
    write(tree / "sys/kernel/notes", note(b"GNU\0", 3, bytes.fromhex(build_id)))


@pytest.fixture
def carrying(tree: Path, made_artifact: Path) -> Path:
    """A tree that has toa for the kernel that runs."""
    node("dash", "install", "--from", made_artifact, root=tree).done()
    return tree


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source whose product fits whatever kernel it is built for."""
    made = make_source(tmp_path / "source", release=NEW)
    tags = made / "toa.tags"
    tags.write_text(tags.read_text().replace("SMP mod_unload ", "SMP mod_unload"))
    return made


def hook(shell: str, tree: Path, release: str = NEW) -> Answer:
    """The answer of the hook's verb."""
    return node(shell, "kernel-hook", release, root=tree)


def missing(shell: str, tree: Path) -> str:
    """What status says of kernels without an artifact."""
    return node(shell, "status", root=tree).done()["kernels_without_artifact"]


# --- noting them --------------------------------------------------------------------


def test_a_new_kernel_without_an_artifact_is_noted(shell: str, carrying: Path) -> None:
    assert missing(shell, carrying) == ""
    add_kernel(carrying)
    assert hook(shell, carrying).done()["kernels_without_artifact"] == NEW
    record = (carrying / STORE / "kernels").read_text()
    assert record == f"kernels_without_artifact={NEW}\n"
    assert missing(shell, carrying) == NEW
    shutil.rmtree(carrying / "lib/modules" / NEW)
    assert hook(shell, carrying).done()["kernels_without_artifact"] == ""


def test_it_is_the_hooks_kernel_that_counts_not_the_one_that_runs(
    shell: str, carrying: Path
) -> None:
    add_kernel(carrying)
    add_kernel(carrying, RELEASE, FACTS["kernel_version"])
    assert hook(shell, carrying).done()["kernels_without_artifact"] == NEW


def test_another_build_of_the_running_release_is_another_kernel(shell: str, carrying: Path) -> None:
    """As Debian's point updates are: only the image on disk tells."""
    add_kernel(carrying, RELEASE, FACTS["kernel_version"])
    assert missing(shell, carrying) == ""
    add_kernel(carrying, RELEASE, "#1 SMP PREEMPT_DYNAMIC Debian 6.1.193-1 (2026-12-01)")
    assert missing(shell, carrying) == RELEASE


def test_a_kernel_that_had_its_artifact_before_is_not_missed(
    shell: str, carrying: Path, tmp_path: Path
) -> None:
    add_kernel(carrying)
    reboot(carrying)
    other = make_artifact(tmp_path / "other", NEW_FACTS)
    node(shell, "install", "--from", other, root=carrying).done()
    reboot(carrying, RELEASE, FACTS["kernel_version"])
    assert missing(shell, carrying) == ""
    # With its image unreadable it is told by the rest.
    (carrying / f"boot/vmlinuz-{NEW}").unlink()
    assert missing(shell, carrying) == ""


def test_what_a_removed_kernel_left_behind_is_no_kernel(shell: str, carrying: Path) -> None:
    write(carrying / f"lib/modules/{NEW}/updates/dkms/x.ko", b"")
    assert missing(shell, carrying) == ""


def test_a_node_without_toa_misses_nothing(shell: str, tree: Path) -> None:
    add_kernel(tree)
    before = snapshot(tree)
    assert hook(shell, tree).done()["kernels_without_artifact"] == ""
    assert missing(shell, tree) == ""
    assert snapshot(tree) == before


@pytest.mark.parametrize("release", ["", "../../etc", "a b", "-x", "$(id)", "6" * 100])
def test_what_is_no_release_is_refused(shell: str, release: str, carrying: Path) -> None:
    before = snapshot(carrying)
    words = ["kernel-hook", release] if release else ["kernel-hook"]
    node(shell, *words, root=carrying).failed("usage")
    assert snapshot(carrying) == before


@pytest.mark.parametrize("packed", [False, True])
def test_other_machines_images_tell_their_version_by_their_banner(
    shell: str, packed: bool, carrying: Path
) -> None:
    import gzip

    banner = f"Linux version {RELEASE} (who@where) (gcc (Debian 12) 12.2, GNU ld 2) "
    for version, wanted in ((FACTS["kernel_version"], ""), ("#9 SMP other", RELEASE)):
        image = b"\xff" * 70000 + f"{banner}{version}\n".encode() + b"\0" * 10
        add_kernel(carrying, RELEASE)
        write(
            carrying / f"boot/vmlinuz-{RELEASE}",
            gzip.compress(image) if packed else image,
        )
        assert missing(shell, carrying) == wanted


# --- building for them ----------------------------------------------------------------


def rebuilding(shell: str, tree: Path, artifact: Path, source: Path) -> None:
    words = ["--from", artifact, "--rebuild", "--source", source]
    node(shell, "install", *words, root=tree).done()


def test_a_node_that_rebuilds_has_an_artifact_before_the_new_kernel_boots(
    shell: str, tree: Path, made_artifact: Path, source: Path
) -> None:
    rebuilding(shell, tree, made_artifact, source)
    make_headers(add_kernel(tree) / "build", NEW)
    assert missing(shell, tree) == NEW
    answer = hook(shell, tree).done()
    assert (answer["kernels_without_artifact"], answer["changed"]) == ("", "yes")
    assert hook(shell, tree).done()["changed"] == "no"
    status = node(shell, "status", root=tree).done()
    assert status["installed"] == artifact_id(made_artifact), "the old kernel keeps its own"

    reboot(tree)
    status = node(shell, "status", root=tree).done()
    assert status["installed"] == answer["artifact"]
    assert (status["persistent"], status["kernels_without_artifact"]) == ("yes", "")
    reboot(tree, version="#1 SMP PREEMPT_DYNAMIC Debian 6.1.199-2 (2026-12-02)")
    assert node(shell, "status", root=tree).done()["installed"] == ""


@pytest.mark.parametrize("lack", ["headers", "image", "module"])
def test_what_cannot_be_built_is_said_and_noted_and_fails_nothing(
    shell: str, lack: str, tree: Path, made_artifact: Path, source: Path
) -> None:
    rebuilding(shell, tree, made_artifact, source)
    modules = add_kernel(tree)
    if lack != "headers":
        make_headers(modules / "build", NEW)
    if lack == "image":
        (tree / f"boot/vmlinuz-{NEW}").unlink()
    if lack == "module":
        (modules / "kernel/net/dummy.ko").unlink()
    answer = hook(shell, tree).done()
    assert answer["kernels_without_artifact"] == NEW
    assert {"headers": f"linux-headers-{NEW}", "image": "kernel_version", "module": "arch"}[
        lack
    ] in answer["rebuild_failed"]
    assert [path.name for path in (tree / STORE).iterdir() if path.name.startswith(".")] == []


def test_an_image_tells_the_machine_where_nothing_unpacks_the_modules(
    shell: str, tree: Path, made_artifact: Path, source: Path
) -> None:
    rebuilding(shell, tree, made_artifact, source)
    modules = add_kernel(tree)
    make_headers(modules / "build", NEW)
    (modules / "kernel/net/dummy.ko").rename(modules / "kernel/net/dummy.ko.xz")  # and is none
    image = bytearray(bz_image(NEW, NEW_VERSION))
    image[0x206:0x208], image[0x236] = b"\x0f\x02", 0b11  # protocol 2.15, a 64-bit entry
    write(tree / f"boot/vmlinuz-{NEW}", bytes(image))
    artifact = hook(shell, tree).done()["artifact"]
    reboot(tree)
    assert node(shell, "status", root=tree).done()["installed"] == artifact


def test_a_module_that_comes_out_for_another_kernel_is_not_kept(
    shell: str, tree: Path, made_artifact: Path, tmp_path: Path
) -> None:
    wrong = make_source(tmp_path / "wrong", release=NEW)  # of another vermagic
    tags = wrong / "toa.tags"
    tags.write_text(tags.read_text().replace("SMP mod_unload", "SMP preempt mod_unload"))
    rebuilding(shell, tree, made_artifact, wrong)
    make_headers(add_kernel(tree) / "build", NEW)
    answer = hook(shell, tree).done()
    assert "vermagic" in answer["rebuild_failed"]
    assert answer["kernels_without_artifact"] == NEW


def test_the_source_is_kept_once_and_goes_with_an_install_that_does_not_ask_for_it(
    shell: str, tree: Path, made_artifact: Path, source: Path
) -> None:
    before = snapshot(tree)
    words = ["install", "--from", made_artifact]
    node(shell, *words, root=tree).done()
    plain = snapshot(tree)
    asked = [*words, "--rebuild", "--source", source]
    assert node(shell, *asked, root=tree).done()["changed"] == "yes"
    assert node(shell, "status", root=tree).done()["rebuild"] == "yes"
    assert node(shell, *asked, root=tree).done()["changed"] == "no"
    write(source / "more.c", "int more;\n")
    assert node(shell, *asked, root=tree).done()["changed"] == "yes"
    assert len(list((tree / STORE / "source").iterdir())) == 1
    assert node(shell, *words, root=tree).done()["changed"] == "yes"
    assert snapshot(tree) == plain
    node(shell, *asked, root=tree).done()
    node(shell, "remove", root=tree).done()
    assert snapshot(tree) == before
    node(shell, *words, "--rebuild", root=tree).failed("usage")


def test_build_makes_an_artifact_for_an_installed_kernel_that_does_not_run(
    shell: str, tree: Path, source: Path, tmp_path: Path
) -> None:
    make_headers(add_kernel(tree) / "build", NEW)
    before = snapshot(tree)
    words = ["build", "--kernel", NEW, "--source", source, "--output", tmp_path / "output"]
    answer = node(shell, *words, root=tree).done()
    assert (answer["manifest.kernel_release"], answer["manifest.kernel_version"]) == (
        NEW, NEW_VERSION)  # fmt: skip
    assert answer["manifest.kernel_build_id"] == ""
    assert snapshot(tree) == before
    node(shell, "install", "--from", tmp_path / "output", root=tree).failed("mismatch")
    reboot(tree)
    node(shell, "install", "--from", tmp_path / "output", root=tree).done()


# --- the hooks themselves, run by what runs them ---------------------------------------


def in_system(tree: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Runs a command where the tree's store is at /var/lib/toa; toa-node takes the tree."""
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: needs root to mount the store")
    script = (
        f"mount -t tmpfs tmpfs /var/lib && mkdir /var/lib/toa && "
        f"mount --bind {tree / STORE} /var/lib/toa || exit 99; {command}"
    )
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False,
        timeout=60, env=environment({"TOA_ROOT": str(tree)}),
    )  # fmt: skip
    if done.returncode in (1, 99) and "mount" in done.stderr:
        pytest.skip("NOT TESTED: this machine does not allow mounts")
    return done


def run_parts(tree: Path) -> str:
    """How Debian's kernel packages run it."""
    return (
        f"run-parts --report --exit-on-error --arg={NEW} --arg=/boot/vmlinuz-{NEW} "
        f"{tree / 'etc/kernel/postinst.d'}"
    )


def test_debians_run_parts_runs_the_hook_with_the_new_kernel(carrying: Path) -> None:
    add_kernel(carrying)
    done = in_system(carrying, run_parts(carrying))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert NEW in (carrying / STORE / "kernels").read_text()


TROUBLE = {
    "gone": "rm {store}/toa-node",
    "broken": "echo 'if then' >{store}/toa-node",
    "killed": "echo 'kill -9 $$' >{store}/toa-node",
    "failing": "echo 'exit 9' >{store}/toa-node",
    "hook-killed": "echo 'kill -TERM $PPID' >{store}/toa-node",
    "read-only": "mount -o remount,bind,ro /var/lib/toa",
    "full": "mount -t tmpfs -o size=140k tmpfs {tree}/full && cp -a /var/lib/toa/. {tree}/full && "
    "mount --bind {tree}/full /var/lib/toa && cat /dev/zero >/var/lib/toa/fill 2>/dev/null",
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_whatever_happens_the_kernels_package_is_not_failed(trouble: str, carrying: Path) -> None:
    add_kernel(carrying)
    (carrying / "full").mkdir()
    before = TROUBLE[trouble].format(store="/var/lib/toa", tree=carrying)
    done = in_system(carrying, f"{before}; {run_parts(carrying)} && echo fine")
    assert (done.returncode, done.stdout) == (0, "fine\n"), done.stderr


def test_kernel_install_runs_the_hook_with_the_new_kernel(
    tmp_path: Path,
) -> None:
    """systemd's own, with our plugin alone, adding to a boot partition of the test's."""
    if shutil.which("kernel-install") is None:
        pytest.skip("NOT TESTED: kernel-install is not installed")
    system = SYSTEMS["Rocky 9.4"]
    tree = system.make(tmp_path / "tree")
    artifact = make_artifact(tmp_path / "artifact", system.facts)
    node("dash", "install", "--from", artifact, root=tree).done()
    add_kernel(tree)
    plugin = tree / "etc/kernel/install.d/10-toa-node.install"
    (tmp_path / "boot").mkdir()
    command = (
        f"KERNEL_INSTALL_PLUGINS={plugin} KERNEL_INSTALL_CONF_ROOT={tmp_path} "
        f"BOOT_ROOT={tmp_path}/boot MACHINE_ID=0123456789abcdef0123456789abcdef "
        f"kernel-install add {NEW} {tree}/boot/vmlinuz-{NEW}"
    )
    done = in_system(tree, command)
    assert done.returncode == 0, done.stderr
    assert NEW in (tree / STORE / "kernels").read_text()


def test_a_hook_waits_for_another_toa_node_that_is_at_work(carrying: Path) -> None:
    add_kernel(carrying)
    own = subprocess.Popen(["sleep", "1.5"])
    start = Path(f"/proc/{own.pid}/stat").read_text().rpartition(")")[2].split()[19]
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    (carrying / STORE / ".lock").symlink_to(f"{own.pid}:{start}:{boot}")
    words = [*SHELLS["dash"], str(PROGRAM), "--root", str(carrying), "kernel-hook", NEW]
    waiting = subprocess.Popen(words, stdout=subprocess.PIPE, env=environment())
    own.wait()
    out = waiting.communicate(timeout=60)[0].decode()
    assert f"kernels_without_artifact={NEW}\n" in out and out.endswith("end=0\n")


def test_recorded_kernels_are_enough_for_those_who_say_so(
    shell: str, artifact: Path, tree: Path
) -> None:
    node(shell, "install", "--from", artifact, root=tree).done()
    write(tree / "var/lib/toa/kernels", "kernels_without_artifact=6.1.0-99\n")
    answer = node(shell, "status", "--recorded", root=tree).done()
    assert answer["kernels_without_artifact"] == "6.1.0-99"
    assert node(shell, "status", root=tree).done()["kernels_without_artifact"] == ""
