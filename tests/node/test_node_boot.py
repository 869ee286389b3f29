# SPDX-License-Identifier: GPL-2.0-only
"""Loading at boot: what install puts where on each system, and that remove takes it all back."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest
from node_support import (
    FACTS,
    PROGRAM,
    SHELLS,
    artifact_id,
    environment,
    fingerprint_id,
    make_artifact,
    make_source,
    node,
    snapshot,
    write,
)
from systems import DEBIAN_HOOKS, LAYOUTS, SYSTEMS, System

STORE = "var/lib/toa"
LINE = "/bin/sh /var/lib/toa/toa-node boot"
#: One system for each way to boot and to install kernels.
KINDS = ("CentOS 6.8", "SLES 11 SP3", "Debian 8 without systemd", "Alpine 3.20", "CentOS 7.2")


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """In memory: every step of toa-node is synced, and here there are thousands."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="toa-") as where:
        yield Path(where)


@pytest.fixture(scope="session")
def artifact_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[System, int], Path]:
    """A good artifact for a system; made once, never changed."""
    made: dict[tuple[str, int], Path] = {}

    def find(system: System, number: int = 1) -> Path:
        key = (fingerprint_id(system.facts), number)
        if key not in made:
            made[key] = make_artifact(
                tmp_path_factory.mktemp("made") / "artifact", system.facts, number
            )
        return made[key]

    return find


def metadata(tree: Path) -> dict[str, tuple[str, int, int]]:
    """Every path with what it is, its mode and its owner."""
    return {
        name: (what, (tree / name).lstat().st_mode, (tree / name).lstat().st_uid)
        for name, what in snapshot(tree).items()
    }


def outside(tree: Path) -> dict[str, str]:
    """The tree without the store."""
    return {name: what for name, what in snapshot(tree).items() if not name.startswith(STORE)}


@pytest.mark.parametrize("name", SYSTEMS)
def test_each_system_gets_its_own_way_to_boot_and_gives_every_byte_back(
    name: str, tmp_path: Path, artifact_of: Callable[..., Path]
) -> None:
    """Each under one of the shells; the ways to boot under all of them below."""
    shell = list(SHELLS)[list(SYSTEMS).index(name) % len(SHELLS)]
    system = SYSTEMS[name]
    tree = system.make(tmp_path / "tree")
    before = metadata(tree)
    install_and_look(shell, system, tree, artifact_of(system))
    assert node(shell, "remove", root=tree).done()["changed"] == "yes"
    assert metadata(tree) == before


@pytest.mark.parametrize("name", KINDS)
def test_each_way_to_boot_works_under_every_shell(
    shell: str, name: str, tmp_path: Path, artifact_of: Callable[..., Path]
) -> None:
    system = SYSTEMS[name]
    tree = system.make(tmp_path / "tree")
    before = metadata(tree)
    artifact = artifact_of(system)
    install_and_look(shell, system, tree, artifact)
    installed = metadata(tree)
    assert node(shell, "status", root=tree).done()["persistent"] == "yes"
    assert node(shell, "install", "--from", artifact, root=tree).done()["changed"] == "no"
    assert metadata(tree) == installed

    assert node(shell, "remove", root=tree).done()["changed"] == "yes"
    assert metadata(tree) == before
    assert node(shell, "remove", root=tree).done()["changed"] == "no"
    assert metadata(tree) == before


def install_and_look(shell: str, system: System, tree: Path, artifact: Path) -> None:
    """The facts are right, and so is everything that an install adds."""
    before = snapshot(tree)
    facts = node(shell, "fingerprint", root=tree).done()
    assert {key: facts[key] for key in system.facts} == system.facts
    assert facts["boot_system"] == system.boot_system
    assert node(shell, "install", "--from", artifact, root=tree).done()["persistent"] == "yes"
    added = {name: tree / name for name in outside(tree) if name not in before}
    files = {name for name, path in added.items() if path.is_symlink() or not path.is_dir()}
    assert files == {*system.pieces}


# --- the pieces do what their boot system asks of them --------------------------------


def installed(name: str, tmp_path: Path, artifact_of: Callable[..., Path]) -> Path:
    tree = SYSTEMS[name].make(tmp_path / "tree")
    node("dash", "install", "--from", artifact_of(SYSTEMS[name]), root=tree).done()
    return tree


def test_rc_sysinit_finds_an_executable_script_that_calls_the_guarded_load(
    tmp_path: Path, artifact_of: Callable[..., Path]
) -> None:
    tree = installed("CentOS 6.8", tmp_path, artifact_of)
    script = tree / "etc/sysconfig/modules/toa.modules"
    assert script.stat().st_mode & 0o777 == 0o755
    assert LINE in script.read_text() and "insmod" not in script.read_text()


def test_sles_11_loads_by_name_and_the_name_means_the_guarded_load(
    tmp_path: Path, artifact_of: Callable[..., Path]
) -> None:
    tree = installed("SLES 11 SP3", tmp_path, artifact_of)
    assert 'MODULES_LOADED_ON_BOOT="toa"\n' in (tree / "etc/sysconfig/kernel").read_text()
    config = (tree / "etc/modprobe.d/toa-node.conf").read_text()
    assert "\ninstall toa /bin/sh /etc/init.d/toa start\n" in config
    # What modprobe of this machine makes of that file:
    asked = subprocess.run(
        ["modprobe", "-C", str(tree / "etc/modprobe.d/toa-node.conf"), "-n", "-v", "toa"],
        capture_output=True, text=True, check=False, env=environment(),
    )  # fmt: skip
    assert asked.stdout.strip() == "install /bin/sh /etc/init.d/toa start", asked.stderr
    # And our own line is no blacklist.
    assert node("dash", "gates", root=tree)["gate.blacklist"] == "open"
    assert "modprobe refuses" in node("dash", "gates", root=tree)["gate.unsupported"]


@pytest.mark.parametrize(
    ("line", "edited"),
    [
        ('MODULES_LOADED_ON_BOOT="nf_conntrack"', 'MODULES_LOADED_ON_BOOT="nf_conntrack toa"'),
        ("MODULES_LOADED_ON_BOOT=' tun bonding '", "MODULES_LOADED_ON_BOOT=' tun bonding toa'"),
        ("MODULES_LOADED_ON_BOOT=tun", 'MODULES_LOADED_ON_BOOT="tun toa"'),
        ("MODULES_LOADED_ON_BOOT=", 'MODULES_LOADED_ON_BOOT="toa"'),
        ('MODULES_LOADED_ON_BOOT="" ', 'MODULES_LOADED_ON_BOOT="toa" '),
        ("# nothing said", 'MODULES_LOADED_ON_BOOT="toa"'),
    ],
)
@pytest.mark.parametrize("end", ["\n", ""], ids=["newline", "cut"])
def test_the_list_of_sles_is_edited_and_given_back_byte_by_byte(
    shell: str, line: str, edited: str, end: str, tmp_path: Path, artifact_of: Callable[..., Path]
) -> None:
    system = SYSTEMS["SLES 11 SP3"]
    tree = system.make(tmp_path / "tree")
    write(tree / "etc/sysconfig/kernel", f'INITRD_MODULES="ahci"\n{line}{end}')
    before = metadata(tree)
    node(shell, "install", "--from", artifact_of(system), root=tree).done()
    assert edited in (tree / "etc/sysconfig/kernel").read_text().split("\n")
    sourced = subprocess.run(
        ["sh", "-c", f". {tree}/etc/sysconfig/kernel; printf '%s' \"$MODULES_LOADED_ON_BOOT\""],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert sourced.stdout.split()[-1:] == ["toa"]
    node(shell, "remove", root=tree).done()
    assert metadata(tree) == before


def test_what_others_changed_in_the_list_meanwhile_stays(
    shell: str, tmp_path: Path, artifact_of: Callable[..., Path]
) -> None:
    tree = installed("SLES 11 SP3", tmp_path, artifact_of)
    kernel = tree / "etc/sysconfig/kernel"
    text = kernel.read_text().replace('="toa"', '="tun toa bonding"').replace("ahci", "nvme")
    kernel.write_text(text)
    assert node(shell, "status", root=tree).done()["persistent"] == "yes"
    node(shell, "remove", root=tree).done()
    assert kernel.read_text() == text.replace("tun toa bonding", "tun bonding")


def test_a_list_that_cannot_be_edited_safely_is_left_alone(
    shell: str, tmp_path: Path, artifact_of: Callable[..., Path]
) -> None:
    system = SYSTEMS["SLES 11 SP3"]
    tree = system.make(tmp_path / "tree")
    write(tree / "etc/sysconfig/kernel", 'MODULES_LOADED_ON_BOOT="$OTHERS"\n')
    before = snapshot(tree)
    answer = node(shell, "install", "--from", artifact_of(system), root=tree).failed("node")
    assert "$OTHERS" in answer["detail"]
    assert snapshot(tree) == before


def test_the_init_script_starts_before_the_network(
    tmp_path: Path, artifact_of: Callable[..., Path]
) -> None:
    tree = installed("Debian 8 without systemd", tmp_path, artifact_of)
    text = (tree / "etc/init.d/toa").read_text()
    assert "# X-Start-Before:    networking\n" in text and "# Default-Start:     S\n" in text
    names = sorted(path.name for path in (tree / "etc/rcS.d").iterdir())
    assert names == ["S08mountall.sh", "S11toa", "S12networking"]


def test_a_script_of_the_same_name_that_is_not_ours_stops_the_install(
    shell: str, tmp_path: Path, artifact_of: Callable[..., Path]
) -> None:
    for name, path in (
        ("CentOS 6.8", "etc/sysconfig/modules/toa.modules"),
        ("Rocky 9.4", "etc/kernel/install.d/10-toa-node.install"),
    ):
        system = SYSTEMS[name]
        tree = system.make(tmp_path / name)
        write(tree / path, "#!/bin/sh\n/sbin/insmod /root/toa/toa.ko\n")
        before = snapshot(tree)
        answer = node(shell, "install", "--from", artifact_of(system), root=tree).failed("node")
        assert path in answer["detail"]
        assert snapshot(tree) == before


@pytest.mark.parametrize(
    "path", ["var", "var/lib/toa", "etc", "etc/systemd/system", "etc/kernel", "etc/modprobe.d"]
)
def test_a_link_out_of_the_tree_stops_every_verb(
    shell: str, path: str, tmp_path: Path, artifact_of: Callable[..., Path]
) -> None:
    system = SYSTEMS["Debian 12"]
    tree = system.make(tmp_path / "tree")
    inside, elsewhere = tree / path, tmp_path / "elsewhere"
    inside.mkdir(parents=True, exist_ok=True)
    # As on the system that toa-node runs on: installed by toa-node, so "its own".
    node(shell, "install", "--from", artifact_of(system), root=tree).done()
    inside.rename(elsewhere)
    inside.symlink_to(elsewhere)
    before = snapshot(tmp_path)
    for words in (["install", "--from", artifact_of(system)], ["remove"], ["status"]):
        answer = node(shell, *words, root=tree).failed("node")
        assert f"leads out of the tree, to {elsewhere}" in answer["detail"]
    assert snapshot(tmp_path) == before


def test_a_link_within_the_tree_is_followed(
    shell: str, tmp_path: Path, artifact_of: Callable[..., Path]
) -> None:
    system = SYSTEMS["Debian 12"]
    tree = system.make(tmp_path / "tree")
    (tree / "data").mkdir()
    (tree / "var/lib").mkdir(parents=True, exist_ok=True)
    (tree / STORE).symlink_to("../../data")
    reached_by_a_link = tmp_path / "link"
    reached_by_a_link.symlink_to(tree)
    words = ["install", "--from", artifact_of(system)]
    assert node(shell, *words, root=reached_by_a_link).done()["persistent"] == "yes"
    assert (tree / "data/toa-node").exists()


# --- the operator's own start script -----------------------------------------------------


def unknown_system(where: Path) -> tuple[Path, System]:
    system = System("slackware", "15.0", "none", "", {
        "etc/os-release": 'ID=slackware\nVERSION_ID="15.0"\n'})  # fmt: skip
    return system.make(where), system


def test_a_system_of_unknown_ways_names_the_line_and_changes_nothing(
    shell: str, tmp_path: Path, artifact_of: Callable[..., Path]
) -> None:
    tree, system = unknown_system(tmp_path / "tree")
    before = snapshot(tree)
    answer = node(shell, "install", "--from", artifact_of(system), root=tree).failed("node")
    assert answer["persist_line"] == LINE
    assert "--start-script" in answer["hint"]
    assert snapshot(tree) == before
    answer = node(shell, "install", "--no-persist", "--from", artifact_of(system), root=tree).done()
    assert (answer["persistent"], answer["persist_line"]) == ("no", LINE)


@pytest.mark.parametrize(
    "script",
    ["#!/bin/sh -e\nmount -a\nexit 0", "", "mount -a\n", "#!/bin/bash\n", "#!/bin/sh\n\n\n"],
    ids=["exit-0-no-newline", "empty", "no-shebang", "shebang", "blank-lines"],
)
def test_a_start_script_gets_a_marked_block_and_loses_it_again(
    shell: str, script: str, tmp_path: Path, artifact_of: Callable[..., Path]
) -> None:
    tree, system = unknown_system(tmp_path / "tree")
    path = write(tree / "etc/rc.boot", script)
    path.chmod(0o750)
    before = metadata(tree)
    words = ["install", "--from", artifact_of(system), "--start-script", "/etc/rc.boot"]
    assert node(shell, *words, root=tree).done()["persistent"] == "yes"
    assert LINE in path.read_text() and path.stat().st_mode & 0o777 == 0o750
    # It runs first, and whatever it does the script goes on.
    assert subprocess.run(["sh", "-e", path], env=environment(), check=False).returncode in (0, 1)
    assert path.read_text().index(LINE) < path.read_text().find("exit") % 1000
    again = node(shell, "install", "--from", artifact_of(system), root=tree).done()
    assert (again["changed"], again["persistent"]) == ("no", "yes")
    node(shell, "remove", root=tree).done()
    assert metadata(tree) == before


def test_a_start_script_behind_a_link_is_edited_where_it_is(
    shell: str, tmp_path: Path, artifact_of: Callable[..., Path]
) -> None:
    system = SYSTEMS["CentOS 6.8"]
    tree = system.make(tmp_path / "tree")
    before = metadata(tree)
    words = ["install", "--from", artifact_of(system), "--start-script", "/etc/rc.local"]
    node(shell, *words, root=tree).done()
    assert (tree / "etc/rc.local").is_symlink()
    assert LINE in (tree / "etc/rc.d/rc.local").read_text()
    assert not (tree / "etc/sysconfig/modules/toa.modules").exists()
    # What the operator adds later stays.
    script = tree / "etc/rc.d/rc.local"
    script.write_text(script.read_text() + "logger later\n")
    node(shell, "remove", root=tree).done()
    text = LAYOUTS["sysv-redhat"]["etc/rc.d/rc.local"]
    assert script.read_text() == text + "logger later\n"
    script.write_text(text)
    assert metadata(tree) == before


@pytest.mark.parametrize("script", ["#!/usr/bin/python3\n", None])
def test_what_is_no_shell_script_is_not_touched(
    shell: str, script: str, tmp_path: Path, artifact_of: Callable[..., Path]
) -> None:
    tree, system = unknown_system(tmp_path / "tree")
    if script:
        write(tree / "etc/start", script)
    before = snapshot(tree)
    words = ["install", "--from", artifact_of(system), "--start-script", "/etc/start"]
    assert "/etc/start" in node(shell, *words, root=tree).failed("node")["detail"]
    assert snapshot(tree) == before


# --- killed at every step -------------------------------------------------------------

# Commands of toa-node that change something, each killing it at its n-th call.
_WRAPPER = """#!/bin/dash
n=$(($(cat {top}/count) + 1)); echo $n >{top}/count
if [ $n = "$KILL_AT" ]; then kill -9 $(cat {top}/pid) $PPID; exit 1; fi
PATH=/usr/sbin:/usr/bin:/sbin:/bin; exec {name} "$@"
"""


class Fragile:
    """toa-node under dash, with commands that kill it, kill -9, right before they act."""

    def __init__(self, top: Path, tree: Path) -> None:
        self.top, self.tree = top, tree
        for name in ("mkdir", "mv", "cp", "ln", "rm", "rmdir"):
            wrapper = write(top / "bin" / name, _WRAPPER.format(top=top, name=name))
            wrapper.chmod(0o755)

    def run(self, point: int, *words: str) -> int:
        """The exit status of toa-node WORDS, killed at that point."""
        (self.top / "count").write_text("0")
        script = f'echo $$ >{self.top}/pid; exec dash {PROGRAM} --root {self.tree} "$@"'
        path = f"{self.top}/bin:{os.environ['PATH']}"
        return subprocess.run(
            ["dash", "-c", script, "toa", *words], check=False, capture_output=True,
            env=environment({"PATH": path, "KILL_AT": str(point)}),
        ).returncode  # fmt: skip

    def points(self, *words: str) -> range:
        """The numbers of all changing commands of this run."""
        assert self.run(0, *words) == 0
        return range(1, int((self.top / "count").read_text()) + 1)


@pytest.mark.parametrize("name", [*KINDS, "Debian 12 that rebuilds"])
def test_a_kill_at_any_point_leaves_old_or_new_and_remove_finds_everything(
    name: str, tmp_path: Path, artifact_of: Callable[..., Path]
) -> None:
    system = SYSTEMS[name.removesuffix(" that rebuilds")]
    tree = system.make(tmp_path / "tree")
    (tree / "etc/kernel").mkdir(exist_ok=True)
    before = metadata(tree)
    fragile = Fragile(tmp_path / "fragile", tree)
    artifact = artifact_of(system)
    words: tuple[str, ...] = ("install", "--from", str(artifact))
    if name.endswith("rebuilds"):
        words += ("--rebuild", "--source", str(make_source(tmp_path / "source")))
    points = fragile.points(*words)
    assert len(points) >= 12
    node("dash", "remove", root=tree).done()
    states = set()
    for point in points:
        assert fragile.run(point, *words) != 0
        status = node("dash", "status", root=tree).done()
        states.add((status["installed"], status["persistent"]))
        node("dash", "remove", root=tree).done()
        assert metadata(tree) == before, f"killed at {point}"
    own = artifact_id(artifact)
    assert states == {("", "no"), (own, "yes")}, "old or new, never between"


@pytest.mark.parametrize("name", KINDS)
def test_a_remove_that_was_killed_at_any_point_is_finished_by_the_next(
    name: str, tmp_path: Path, artifact_of: Callable[..., Path]
) -> None:
    system = SYSTEMS[name]
    tree = system.make(tmp_path / "tree")
    before = metadata(tree)
    fragile = Fragile(tmp_path / "fragile", tree)
    node("dash", "install", "--from", artifact_of(system), root=tree).done()
    kept = tmp_path / "kept"
    shutil.copytree(tree, kept, symlinks=True)
    for point in fragile.points("remove"):
        shutil.rmtree(tree)
        shutil.copytree(kept, tree, symlinks=True)
        assert fragile.run(point, "remove") != 0
        node("dash", "remove", root=tree).done()
        assert metadata(tree) == before, f"killed at {point}"


def test_a_failure_in_the_middle_takes_every_piece_back(
    shell: str, tmp_path: Path, artifact_of: Callable[..., Path]
) -> None:
    """The second file of the boot system cannot be written: a directory is in the way."""
    for name, path in (
        ("SLES 11 SP3", "etc/modprobe.d/toa-node.conf.toa-new"),
        ("Debian 12", DEBIAN_HOOKS[1] + ".toa-new"),
    ):
        system = SYSTEMS[name]
        tree = system.make(tmp_path / name)
        (tree / path).mkdir(parents=True)
        before = metadata(tree)
        node(shell, "install", "--from", artifact_of(system), root=tree).failed("node")
        assert metadata(tree) == before


def test_facts_of_the_default_tree_are_those_of_debian_12() -> None:
    assert SYSTEMS["Debian 12"].facts == FACTS


# --- a running system without systemd, with the real insserv -------------------------------

# $1 the root, $2 what is seen as /mnt, $3 the command
_CHROOT = """
for dir in usr proc dev sys; do mount --bind /$dir "$1/$dir" || exit 99; done
mount --bind "$2" "$1/mnt" || exit 99
exec chroot "$1" /bin/sh -c "$3"
"""


@pytest.fixture
def debian_without_systemd(tmp_path: Path) -> Callable[[str], str]:
    """Runs commands in a root with Debian's init scripts, ordered by its insserv."""
    packages = ("insserv", "initscripts", "ifupdown")
    fetched = subprocess.run(
        ["apt-get", "download", *packages], cwd=tmp_path, capture_output=True, check=False
    )
    if os.geteuid() != 0 or fetched.returncode != 0:
        pytest.skip("NOT TESTED: needs root, and Debian's packages of insserv")
    root = tmp_path / "root"
    for name in ("var/lib", "run", "proc", "dev", "sys", "usr", "mnt"):
        (root / name).mkdir(parents=True)
    for deb in tmp_path.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", deb, tmp_path / "unpacked"], check=True)
    shutil.copytree(tmp_path / "unpacked/etc", root / "etc", symlinks=True)
    (root / "sbin").mkdir()
    shutil.copy(tmp_path / "unpacked/sbin/insserv", root / "sbin/insserv")
    for name in ("bin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    for level in "0123456S":
        (root / f"etc/rc{level}.d").mkdir(exist_ok=True)
    write(root / "etc/os-release", 'ID=debian\nVERSION_ID="8"\n')

    def run(command: str) -> str:
        words = ["unshare", "-m", "sh", "-c", _CHROOT, "sh", root, PROGRAM.parent, command]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode == 99:
            pytest.skip("NOT TESTED: this machine does not allow mounts")
        return done.stdout

    run("cd /etc/init.d && /sbin/insserv $(ls | grep -v -e README -e ^rc$ -e ^rcS$)")
    assert (root / "etc/init.d/.depend.boot").exists()
    return run


def test_insserv_starts_it_before_networking_and_forgets_it_again(
    tmp_path: Path, debian_without_systemd: Callable[[str], str]
) -> None:
    root, run = tmp_path / "root", debian_without_systemd
    program = "sh /mnt/toa-node"
    told = dict(line.partition("=")[::2] for line in run(f"{program} fingerprint").splitlines())
    assert told["boot_system"] == "sysv-debian"
    make_artifact(root / "artifact", {key: told[key] for key in FACTS})
    before = metadata(root / "etc")

    assert "persistent=yes\n" in run(f"{program} install --from /artifact")
    depends = (root / "etc/init.d/.depend.boot").read_text().splitlines()
    (networking,) = (line for line in depends if line.startswith("networking:"))
    assert "toa" in networking.split()
    (link,) = (root / "etc/rcS.d").glob("S??toa")
    (networks,) = (root / "etc/rcS.d").glob("S??networking")
    assert link.name[:3] < networks.name[:3]
    assert "changed=no\n" in run(f"{program} install --from /artifact")

    assert "changed=yes\n" in run(f"{program} remove")
    assert metadata(root / "etc") == before
    assert list((root / "var/lib").iterdir()) == []
