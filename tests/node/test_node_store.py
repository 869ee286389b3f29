# SPDX-License-Identifier: GPL-2.0-only
"""install and remove: what they put where, what stops them, what is left of them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from node_support import (
    FACTS,
    PROGRAM,
    SHELLS,
    artifact_id,
    environment,
    fingerprint_id,
    make_artifact,
    make_tree,
    node,
    run,
    snapshot,
    write,
)

STORE = "var/lib/toa"
UNIT = "etc/systemd/system/toa.service"
LINK = "etc/systemd/system/multi-user.target.wants/toa.service"


def stored(tree: Path) -> list[str]:
    """Names in the store that are not of the moment."""
    return sorted(path.name for path in (tree / STORE).iterdir())


def test_install_puts_everything_where_the_protocol_says(
    shell: str, artifact: Path, tree: Path
) -> None:
    answer = node(shell, "install", "--from", artifact, root=tree).done()
    own, fingerprint = artifact_id(artifact), fingerprint_id(FACTS)
    assert (answer["artifact"], answer["persistent"], answer["changed"]) == (own, "yes", "yes")
    place = tree / STORE / fingerprint
    assert (place / "current").read_text() == own + "\n"
    for name in ("toa.ko", "manifest", "toa-selftest"):
        assert (place / own / name).read_bytes() == (artifact / name).read_bytes()
    assert os.access(place / own / "toa-selftest", os.X_OK)
    assert (tree / STORE / "toa-node").read_bytes() == PROGRAM.read_bytes()
    assert "ExecStart=/bin/sh /var/lib/toa/toa-node boot" in (tree / UNIT).read_text()
    assert os.readlink(tree / LINK) == "/etc/systemd/system/toa.service"
    status = node(shell, "status", root=tree).done()
    assert status["installed"] == own
    assert status["artifacts"] == f"{fingerprint}/{own}"
    assert status["persistent"] == "yes"


def test_what_is_stored_is_only_writable_by_its_owner(
    shell: str, artifact: Path, tree: Path
) -> None:
    (artifact / "toa.ko").chmod(0o666)
    run(["sh", "-c", f"umask 0; exec {' '.join(SHELLS[shell])} {PROGRAM} "
         f"--root {tree} install --from {artifact}"]).done()  # fmt: skip
    for path in (tree / STORE).rglob("*"):
        assert path.is_symlink() or not path.stat().st_mode & 0o022, path


def test_a_second_install_changes_nothing(shell: str, artifact: Path, tree: Path) -> None:
    node(shell, "install", "--from", artifact, root=tree).done()
    before = snapshot(tree)
    times = {path: path.stat().st_mtime_ns for path in (tree / STORE).rglob("*") if path.is_file()}
    assert node(shell, "install", "--from", artifact, root=tree).done()["changed"] == "no"
    assert snapshot(tree) == before
    assert times == {path: path.stat().st_mtime_ns for path in times}


def test_install_writes_the_modules_parameters_and_remove_takes_them_away(
    shell: str, artifact: Path, tree: Path
) -> None:
    before = snapshot(tree)
    conf = tree / "etc/modprobe.d/toa.conf"
    words = ["install", "--from", artifact, "--parameters"]
    assert node(shell, *words, "kinds=254,200", root=tree).done()["changed"] == "yes"
    assert conf.read_text().splitlines()[1:] == ["options toa kinds=254,200"]
    assert node(shell, *words, "kinds=254,200", root=tree).done()["changed"] == "no"
    assert node(shell, *words, "max_connections=5", root=tree).done()["changed"] == "yes"
    assert node(shell, "status", root=tree).done()["options"] == "max_connections=5"
    assert node(shell, *words, "none", root=tree).done()["changed"] == "yes"
    assert not conf.exists()
    node(shell, *words, "kinds=254", root=tree).done()
    node(shell, "remove", root=tree).done()
    assert snapshot(tree) == before


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("etc/modprobe.d/local.conf", "options toa kinds=1\n", "has options of toa, too"),
        ("etc/modprobe.d/toa.conf", "install toa /bin/true\n", "has more in it than options"),
    ],
)
def test_parameters_of_others_are_not_overruled(
    shell: str, artifact: Path, tree: Path, file: str, text: str, words: str
) -> None:
    write(tree / file, text)
    before = snapshot(tree)
    refused = node(
        shell, "install", "--from", artifact, "--parameters", "kinds=254", root=tree
    ).failed("node")
    assert file in refused["detail"] and words in refused["detail"]
    assert snapshot(tree) == before


def test_a_parameter_that_the_module_has_not_is_refused(
    shell: str, artifact: Path, tree: Path
) -> None:
    before = snapshot(tree)
    words = ["install", "--from", artifact, "--parameters"]
    assert "no parameter type" in node(shell, *words, "type=1", root=tree).failed("usage")["detail"]
    for wrong in ("kinds", "kinds=$(id)", "kinds=1=2", "Kinds=1", "kinds='1'"):
        node(shell, *words, wrong, root=tree).failed("usage")
    assert snapshot(tree) == before


def test_a_newer_artifact_takes_the_place_of_the_older(
    shell: str, artifact: Path, newer_artifact: Path, tree: Path
) -> None:
    node(shell, "install", "--from", artifact, root=tree).done()
    node(shell, "install", "--from", newer_artifact, root=tree).done()
    status = node(shell, "status", root=tree).done()
    assert status["installed"] == artifact_id(newer_artifact)
    assert status["artifacts"] == f"{fingerprint_id(FACTS)}/{artifact_id(newer_artifact)}"


def test_an_artifact_of_another_kernel_stays_for_the_day_that_kernel_boots(
    shell: str, artifact: Path, tree: Path, tmp_path: Path
) -> None:
    node(shell, "install", "--from", artifact, root=tree).done()
    facts = {**FACTS, "kernel_version": "#2 SMP"}
    other = make_artifact(tmp_path / "other", facts)
    write(tree / "proc/sys/kernel/version", "#2 SMP\n")
    node(shell, "install", "--from", other, root=tree).done()
    assert node(shell, "status", root=tree).done()["installed"] == artifact_id(other)
    write(tree / "proc/sys/kernel/version", FACTS["kernel_version"] + "\n")
    assert node(shell, "status", root=tree).done()["installed"] == artifact_id(artifact)


def test_install_and_remove_leave_exactly_nothing(shell: str, artifact: Path, tree: Path) -> None:
    before = snapshot(tree)
    node(shell, "install", "--from", artifact, root=tree).done()
    assert node(shell, "remove", root=tree).done()["changed"] == "yes"
    assert snapshot(tree) == before
    assert node(shell, "remove", root=tree).done()["changed"] == "no"
    assert snapshot(tree) == before


def test_remove_leaves_what_others_put_beside_it(shell: str, artifact: Path, tree: Path) -> None:
    wants = tree / LINK
    wants.parent.mkdir(parents=True)
    write(wants.parent / "other.service", "x")
    node(shell, "install", "--from", artifact, root=tree).done()
    write(tree / STORE / "operators-notes", "keep")
    before_own = {"other.service", "operators-notes"}
    node(shell, "remove", root=tree).done()
    assert {path.name for path in tree.rglob("*") if path.name in before_own} == before_own
    assert not wants.is_symlink() and wants.parent.is_dir()
    assert stored(tree) == ["operators-notes"]


def test_a_unit_that_somebody_else_wrote_is_not_overwritten(
    shell: str, artifact: Path, tree: Path
) -> None:
    write(tree / UNIT, "[Service]\nExecStart=/bin/true\n")
    before = snapshot(tree)
    node(shell, "install", "--from", artifact, root=tree).failed("node")
    assert snapshot(tree) == before
    node(shell, "install", "--from", artifact, "--no-persist", root=tree).done()
    node(shell, "remove", root=tree).done()
    assert snapshot(tree) == before


def test_without_systemd_it_names_the_line_for_the_start_script(
    shell: str, artifact: Path, tree: Path
) -> None:
    shutil.rmtree(tree / "usr/lib/systemd")
    before = snapshot(tree)
    answer = node(shell, "install", "--from", artifact, root=tree).failed("node")
    assert "/bin/sh /var/lib/toa/toa-node boot" in answer["hint"]
    assert "--no-persist" in answer["hint"]
    assert snapshot(tree) == before
    assert node(shell, "install", "--from", artifact, "--no-persist", root=tree).done()[
        "persistent"
    ] == "no"  # fmt: skip
    assert (tree / STORE / "toa-node").is_file()


def test_a_damaged_stored_artifact_is_replaced(shell: str, artifact: Path, tree: Path) -> None:
    node(shell, "install", "--from", artifact, root=tree).done()
    module = tree / STORE / fingerprint_id(FACTS) / artifact_id(artifact) / "toa.ko"
    module.write_bytes(b"damaged")
    assert node(shell, "install", "--from", artifact, root=tree).done()["changed"] == "yes"
    assert module.read_bytes() == (artifact / "toa.ko").read_bytes()


# --- what stops it --------------------------------------------------------------


def test_a_full_disk_is_said_and_nothing_is_left(
    shell: str, artifact: Path, tmp_path: Path
) -> None:
    """The store lies on a file system with too little room for a whole artifact."""
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: needs root to mount a small file system")
    tree = make_tree(tmp_path / "small")
    store = tree / "var/lib"
    store.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(store)]
    script = (
        f"{' '.join(mount)} || exit 99; "
        f"{' '.join(SHELLS[shell])} {PROGRAM} --root {tree} install --from {artifact}; status=$?; "
        f"ls -A {store} >&2; exit $status"
    )
    answer = run(["unshare", "-m", "sh", "-c", script])
    if answer.status in (1, 99):
        pytest.skip("NOT TESTED: this machine does not allow mounts")
    assert answer.values["error"] in ("node", "gate"), str(answer)
    assert "room" in answer["hint"] + answer["detail"] or "df" in answer["hint"]
    assert answer.stderr.strip().splitlines()[-1:] != ["toa"], answer.stderr


def test_a_file_size_limit_stops_it_cleanly(shell: str, artifact: Path, tree: Path) -> None:
    """Writes fail in the middle of a file, as on a full disk or over quota."""
    before = snapshot(tree)
    script = (
        f"ulimit -f 4; trap '' XFSZ; "
        f"exec {' '.join(SHELLS[shell])} {PROGRAM} --root {tree} install --from {artifact}"
    )
    answer = run(["sh", "-c", script]).failed("node")
    assert "toa" in answer["detail"]
    assert snapshot(tree) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED: needs root to become nobody")
def test_without_permission_it_says_so_and_names_the_way_out(
    shell: str, artifact: Path, tree: Path
) -> None:
    for path in [artifact, tree, *tree.parents]:
        path.chmod(path.stat().st_mode | 0o055)
    before = snapshot(tree)
    copy = artifact.parent / "toa-node"
    shutil.copy(PROGRAM, copy)
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    answer = node(
        shell, "install", "--from", artifact, root=tree, before=as_nobody, program=copy
    ).failed("node")
    assert "ermission denied" in answer["detail"]
    assert snapshot(tree) == before
    node(shell, "deploy", "--from", artifact, before=as_nobody, program=copy).failed("gate")


# --- one at a time ----------------------------------------------------------------


def owner_of(pid: int) -> str:
    """How the process `pid` signs its lock."""
    start = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{pid}:{start}:{boot}"


def lock(tree: Path, owner: str) -> None:
    """Locks the store as that owner."""
    (tree / STORE).mkdir(parents=True)
    (tree / STORE / ".lock").symlink_to(owner)


def test_a_second_toa_node_is_turned_away(shell: str, artifact: Path, tree: Path) -> None:
    lock(tree, owner_of(os.getpid()))
    before = snapshot(tree)
    answer = node(shell, "install", "--from", artifact, root=tree).failed("node")
    assert str(os.getpid()) in answer["detail"]
    assert snapshot(tree) == before


@pytest.mark.parametrize(
    "owner",
    [
        "999999999:1:{boot}",
        "{pid}:1:{boot}",
        "{pid}:{start}:11111111-1111-4111-8111-111111111111",
        "nonsense",
    ],
    ids=["gone", "pid-used-again", "before-the-reboot", "damaged"],
)
def test_the_lock_of_a_run_that_was_killed_is_taken_over(
    shell: str, owner: str, artifact: Path, tree: Path
) -> None:
    pid, start, boot = owner_of(os.getpid()).split(":")
    lock(tree, owner.format(pid=pid, start=start, boot=boot))
    node(shell, "install", "--from", artifact, root=tree).done()
    assert not [name for name in stored(tree) if name.startswith(".")]


def test_of_many_at_once_each_is_done_or_turned_away(
    shell: str, artifact: Path, tree: Path
) -> None:
    """With a stale lock in the way, so that they also race for taking it over."""
    lock(tree, "999999999:1:gone")
    words = [*SHELLS[shell], str(PROGRAM), "--root", str(tree), "install", "--from", str(artifact)]
    racers = [
        subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment()
        )
        for _ in range(6)
    ]
    outputs = [racer.communicate(timeout=120)[0].decode() for racer in racers]
    assert all("end=0" in out or "another toa-node is at work" in out for out in outputs), outputs
    assert any("end=0" in out for out in outputs)
    assert not [name for name in stored(tree) if name.startswith(".")]


def test_a_run_that_died_while_it_took_a_lock_over_bars_no_later_boot(
    shell: str, artifact: Path, tree: Path
) -> None:
    owner = "999999999:1:gone"
    lock(tree, owner)
    (tree / STORE / f".lock.dead.{owner.replace(':', '-')}").mkdir()
    node(shell, "install", "--from", artifact, root=tree).done()
    assert not [name for name in stored(tree) if name.startswith(".")]


def test_stagings_of_dead_runs_are_swept_and_others_kept(
    shell: str, artifact: Path, tree: Path
) -> None:
    write(tree / STORE / ".staging.999999999/bundle", "half")
    write(tree / STORE / f".staging.{os.getpid()}/bundle", "somebody's")
    node(shell, "install", "--from", artifact, root=tree).done()
    assert [n for n in stored(tree) if n.startswith(".")] == [f".staging.{os.getpid()}"]


def test_an_artifact_that_was_never_proven_is_swept(
    shell: str, artifact: Path, newer_artifact: Path, tree: Path
) -> None:
    node(shell, "install", "--from", artifact, root=tree).done()
    orphan = tree / STORE / fingerprint_id(FACTS) / artifact_id(newer_artifact)
    shutil.copytree(newer_artifact, orphan)
    node(shell, "install", "--from", artifact, root=tree).done()
    assert not orphan.exists()


@pytest.mark.parametrize("name", ["TERM", "HUP", "INT"])
def test_a_signal_in_the_middle_takes_everything_back(
    shell: str, name: str, artifact: Path, tree: Path, tmp_path: Path
) -> None:
    """A slow sync, first in PATH, holds it where the artifact is about to be stored."""
    if shell == "busybox":
        pytest.skip("busybox prefers its own sync to the slow one of this test")
    write(tmp_path / "bin/sync", "#!/bin/sh\ntouch $REACHED\nsleep 2\n").chmod(0o755)
    before = snapshot(tree)
    reached = tmp_path / "reached"
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    words = [*SHELLS[shell], str(PROGRAM), "--root", str(tree), "install", "--from", str(artifact)]
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment({"PATH": path, "REACHED": str(reached)}),
    )  # fmt: skip
    while not reached.exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(getattr(signal, f"SIG{name}"))
    out, err = process.communicate(timeout=60)
    assert f"SIG{name}" in out.decode(), out.decode() + err.decode()
    assert process.returncode == 9
    assert snapshot(tree) == before
