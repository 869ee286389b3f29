# SPDX-License-Identifier: GPL-2.0-only
"""Nodes are Debian machines of their own, on the kernel they were given."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

import lab

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def nodes(needs_machines: None) -> Iterator[lab.Lab]:
    specs = [lab.Spec("one"), lab.Spec("two", kernel="bookworm-previous")]
    with lab.Lab(specs) as running:
        yield running


def test_each_node_runs_its_kernel_and_has_its_headers(nodes: lab.Lab) -> None:
    assert nodes["one"].check("uname -r").strip() == lab.kernel("bookworm").release
    assert nodes["two"].check("uname -r").strip() == lab.kernel("bookworm-previous").release
    for node in nodes:
        node.check("test -f /lib/modules/$(uname -r)/build/Makefile && gcc --version && make -v")
        node.check("modprobe tun && modprobe tls && dpkg -s linux-image-$(uname -r)")


def test_each_node_is_itself(nodes: lab.Lab) -> None:
    own = "hostname; cat /etc/machine-id /proc/sys/kernel/random/boot_id /etc/ssh/*.pub"
    one, two = (nodes[name].check(own).splitlines() for name in ("one", "two"))
    assert one[0] == "one"
    assert two[0] == "two"
    assert not set(one) & set(two)


def test_systemd_is_up_and_nothing_failed(nodes: lab.Lab) -> None:
    for node in nodes:
        assert node.run("systemctl is-system-running --wait", timeout=120).stdout == "running\n"


def test_root_admin_and_nosudo_log_in(nodes: lab.Lab) -> None:
    node = nodes["one"]
    assert node.check("id -un") == "root\n"
    assert node.check("sudo -n id -un", user="admin") == "root\n"
    refused = node.run("sudo -n id -un", user="nosudo")
    assert refused.status == 1
    assert "password is required" in refused.stderr


def test_ssh_knows_the_nodes_by_name_and_key(nodes: lab.Lab) -> None:
    argv = ["ssh", "-F", str(nodes.ssh_config), "admin@two", "hostname"]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == "two\n"
    assert nodes["two"].host_key in nodes.known_hosts.read_text()


def test_status_output_errors_and_input_pass(nodes: lab.Lab) -> None:
    result = nodes["one"].run("cat; echo err >&2; exit 5", input=b"in")
    assert result == lab.Result(5, "in", "err\n")


def test_a_reboot_from_inside_comes_back_with_its_disk(nodes: lab.Lab) -> None:
    node = nodes["one"]
    boot_id = node.check("echo kept >/root/file; cat /proc/sys/kernel/random/boot_id")
    node.run("systemctl reboot")
    node.wait_for_reboot(boot_id)
    assert node.check("cat /root/file") == "kept\n"


def test_a_reboot_may_bring_another_kernel(nodes: lab.Lab) -> None:
    node = nodes["two"]
    before = node.check("cat /etc/machine-id; echo kept >/root/file")
    node.reboot(kernel="bookworm")
    assert node.check("uname -r").strip() == lab.kernel("bookworm").release
    assert node.check("cat /etc/machine-id") == before
    assert node.check("cat /root/file") == "kept\n"


def test_a_power_cut_loses_only_what_was_not_written(nodes: lab.Lab) -> None:
    node = nodes["one"]
    node.check("echo synced >/root/synced; sync /root/synced /root; echo no >/root/lost")
    node.power_cut()
    node.boot()
    node.wait()
    assert node.check("cat /root/synced") == "synced\n"


def test_a_kernel_that_is_not_installed_is_refused(needs_machines: None) -> None:
    with pytest.raises(lab.LabError, match="is not installed in the bookworm image"):
        lab.start([lab.Spec("x", image="bookworm", kernel="trixie")])
