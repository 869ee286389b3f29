# SPDX-License-Identifier: GPL-2.0-only
"""A minion with a real kernel, and a real master: `state.apply toa` from nothing to
a proven connection, over a reboot, and through a kernel upgrade.

                       host                |  node (Debian 12, systemd)
    salt-master: formula, sources, --------|-- salt-call state.apply toa
    toa-node, artifacts by fingerprint     |
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import salt_versions
from masters import Estate
from virtual_minions import Guest, salt_disk

lab = pytest.importorskip("lab")
from real_kernels import serve_artifact  # noqa: E402

pytestmark = pytest.mark.lab

OLD, NEW = "bookworm-previous", "bookworm"
RUNNING = "/sys/module/toa/parameters"


@pytest.fixture(scope="module")
def master() -> Iterator[Estate]:
    why = lab.available()
    if why:
        pytest.skip(f"NOT TESTED on a kernel: {why}")
    version = salt_versions.versions()[0]
    try:
        salt_disk(version)
        with Estate(version, []) as master:
            # One line in top.sls; the minion has nothing of ours.
            (master.home / "served" / "top.sls").write_text("base: {'*': [toa]}\n")
            yield master
    except salt_versions.NoSalt as why_not:
        pytest.skip(f"NO SALT for the node: {why_not}")


@pytest.fixture(scope="module")
def guest(master: Estate) -> Iterator[Guest]:
    disks = tuple(map(salt_disk, salt_versions.versions()))
    spec = lab.Spec("minion", "bookworm", OLD, disks=disks)
    with lab.Lab([spec]) as nodes:
        guest = Guest(nodes["minion"], master.ports_of_minions)
        guest.prepare()
        yield guest


def test_a_minions_life_with_toa(master: Estate, guest: Guest, tmp_path: Path) -> None:
    node = guest.node
    pillar = {"source": "fileserver", "parameters": {"kinds": [254, 200]}}
    parameters = "200,254\narmed\n"
    old = serve_artifact(master, node, tmp_path / "old")

    # From nothing to a proven connection.
    first = guest.apply(toa=pillar)["toa-is-present"]
    assert first["result"] is True, first
    assert first["changes"]["loaded"] == {"old": False, "new": True}
    assert first["changes"]["build_id"] == {"old": None, "new": old}
    assert node.check(f"cat {RUNNING}/kinds {RUNNING}/hooks") == parameters
    assert "toa=pass" in node.check("/var/lib/toa/*/*/toa-selftest")

    # A reboot with the old kernel and then the new one: there it is not loaded,
    # and the state says what is missing.
    node.reboot()
    assert node.check("systemctl is-system-running --wait; true")
    assert node.check(f"cat {RUNNING}/kinds {RUNNING}/hooks") == parameters
    node.reboot(kernel=NEW)
    guest.prepare()
    missing = guest.apply(toa=pillar)["toa-is-present"]
    assert (missing["result"], missing["changes"]) == (False, {})
    releases = [lab.kernel(name).release for name in (OLD, NEW)]
    assert f"kernel_release: artifact {releases[0]}, node {releases[1]}" in missing["comment"]
    assert node.run("ls /sys/module/toa").status != 0

    # The fileserver gets one for it: toa is back, with the parameters.
    new = serve_artifact(master, node, tmp_path / "new")
    back = guest.apply(toa=pillar)["toa-is-present"]
    assert back["result"] is True, back
    assert back["changes"]["build_id"]["new"] == new
    assert node.check(f"cat {RUNNING}/kinds {RUNNING}/hooks") == parameters

    for disk, version in enumerate(salt_versions.versions()):
        every_function_works_on_a_real_kernel(guest, disk, version, new)
    (removed,) = guest.functions(len(salt_versions.versions()) - 1, ("toa.remove",))
    assert removed == {"changed": True, "previous_build_id": new, **removed}
    assert node.run("ls /sys/module/toa /var/lib/toa").status != 0


def every_function_works_on_a_real_kernel(
    guest: Guest, disk: int, version: str, build_id: str
) -> None:
    """Those that what toa.ko does in a kernel is behind."""
    found = guest.functions(
        disk,
        ("grains.get", "saltversion"),
        ("toa.status",),
        ("toa.artifacts",),
        ("toa.gates",),
        ("toa.stats",),
        ("toa.verify",),
        ("toa.unload",),
        ("toa.problems",),
        ("toa.load",),
        ("toa.unload",),
        ("toa.boot",),
        ("toa.problems",),
    )
    salt, status, artifacts, gates, stats, verified, unloaded, gone, loaded, _, booted, well = found
    assert salt.startswith(version)
    assert (status["loaded_build_id"], status["hooks"]) == (build_id, "armed")
    assert [one["current"] for one in artifacts].count(True) == 1
    assert {name for name, gate in gates.items() if gate["open"] is False} == set(), gates
    assert all(isinstance(number, int) for number in stats.values())
    assert stats
    assert verified["proof"]["build_id"] is verified["proof"]["selftest"] is True, verified
    assert (unloaded["changed"], unloaded["previous_build_id"]) == (True, build_id)
    assert "it is not loaded" in gone["gone"]
    assert (loaded["changed"], loaded["build_id"]) == (True, build_id)
    assert booted["changed"] is True
    # The lab's node has more kernels than it boots.
    assert set(well) <= {"kernel"}
