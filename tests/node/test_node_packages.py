# SPDX-License-Identifier: GPL-2.0-only
"""What the packages of a system are called, by its own files alone.

The release files are those of the real systems. The machine that runs these tests has a
package manager of its own, which no answer may come from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from node_support import FACTS, make_source, make_tree, node, write

DPKG = "var/lib/dpkg/status"
DPKG_STATUS = "Package: dpkg\nStatus: install ok installed\n"


@dataclass(frozen=True)
class Case:
    """A system, the kernel that it runs, and what its remedy has to say."""

    os_release: str
    release: str
    remedy: str
    files: dict[str, str] = field(default_factory=dict)


def owned(package: str, *paths: str) -> dict[str, str]:
    """dpkg's list of a package."""
    text = "".join(f"{path}\n" for path in ("/.", "/boot", *paths))
    return {DPKG: DPKG_STATUS, f"var/lib/dpkg/info/{package}.list": text}


def os_release(os_id: str, version: str, like: str = "", name: str = "") -> str:
    lines = [f'NAME="{name or os_id}"', f'ID="{os_id}"', f'VERSION_ID="{version}"']
    return "\n".join([*lines, f'ID_LIKE="{like}"' if like else "", ""])


PVE, OLD_PVE, RPI = "6.8.12-4-pve", "5.15.158-2-pve", "6.1.21-v8+"
DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n'
CASES = {
    "HCE 2.0": Case(
        os_release("hce", "2.0", name="Huawei Cloud EulerOS"),
        "5.10.0-60.18.0.50.r865_35.hce2.x86_64",
        "install kernel-devel-5.10.0-60.18.0.50.r865_35.hce2.x86_64;"),
    "UOS server": Case(
        os_release("uos", "20", name="UnionTech OS Server 20"),
        "4.19.90-2305.1.0.0199.56.uel20.x86_64",
        "install kernel-devel-4.19.90-2305", {"var/lib/rpm/Packages": "db"}),
    "UOS desktop": Case(
        os_release("uos", "20", name="uos"), "4.19.0-amd64-desktop",
        "apt-get install linux-headers-4.19.0-amd64-desktop;", {DPKG: DPKG_STATUS}),
    "Kylin server": Case(
        os_release("kylin", "V10", name="Kylin Linux Advanced Server"),
        "4.19.90-52.22.v2207.ky10.x86_64", "kernel-devel-4.19.90-52.22.v2207.ky10.x86_64",
        {"usr/lib/sysimage/rpm/rpmdb.sqlite": "db"}),
    "Kylin desktop": Case(
        os_release("kylin", "V10", "debian", "Kylin"), "5.4.18-85-generic",
        "linux-headers-5.4.18-85-generic", {DPKG: DPKG_STATUS}),
    "TencentOS 2": Case(
        os_release("tencentos", "2.4", "rhel fedora centos tlinux", "TencentOS Server"),
        "5.4.119-19-0009.1", "kernel-devel-5.4.119-19-0009.1"),
    "TencentOS 4": Case(
        os_release("tencentos", "4.0", name="TencentOS Server"), "6.6.6-2401.0.1.tl4.x86_64",
        "kernel-devel-6.6.6-2401.0.1.tl4.x86_64"),
    "OpenCloudOS 9": Case(
        os_release("opencloudos", "9.0", "opencloudos", "OpenCloudOS"), "6.6.34-9.oc9.x86_64",
        "kernel-devel-6.6.34-9.oc9.x86_64"),
    "SLES for SAP 12": Case(
        os_release("sles_sap", "12.4", name="SLES_SAP"), "4.12.14-95.48-default",
        "zypper install 'kernel-default-devel=4.12.14-95.48"),
    "Alibaba Cloud Linux 3": Case(
        os_release("alinux", "3", "rhel fedora centos anolis", "Alibaba Cloud Linux"),
        "5.10.134-16.al8.x86_64", "kernel-devel-5.10.134-16.al8.x86_64"),
    "Alibaba Cloud Linux without kin": Case(
        os_release("alinux", "4"), "6.6.102-5.alnx4.x86_64", "kernel-devel-6.6.102-5.alnx4.x86_64"),
    "Amazon Linux 1": Case(
        os_release("amzn", "2018.03", "rhel fedora", "Amazon Linux AMI"),
        "4.14.33-51.34.amzn1.x86_64", "kernel-devel-4.14.33-51.34.amzn1.x86_64"),
    "Amazon Linux 2": Case(
        os_release("amzn", "2", "centos rhel fedora", "Amazon Linux"),
        "4.14.336-253.554.amzn2.x86_64", "kernel-devel-4.14.336-253.554.amzn2.x86_64"),
    "Photon 4": Case(
        os_release("photon", "4.0", name="VMware Photon OS"), "5.10.118-3.ph4-esx",
        "tdnf install linux-esx-devel-5.10.118-3.ph4;"),
    "Photon 3": Case(
        os_release("photon", "3.0", name="VMware Photon OS"), "4.19.225-1.ph3",
        "tdnf install linux-devel-4.19.225-1.ph3;"),
    "Proxmox 8": Case(
        DEBIAN, PVE, f"apt-get install proxmox-headers-{PVE};",
        owned(f"proxmox-kernel-{PVE}-signed", f"/boot/vmlinuz-{PVE}",
              f"/lib/modules/{PVE}/kernel")),
    "Proxmox 7": Case(
        DEBIAN, OLD_PVE, f"apt-get install pve-headers-{OLD_PVE};",
        owned(f"pve-kernel-{OLD_PVE}", f"/boot/vmlinuz-{OLD_PVE}")),
    "Proxmox 8 without dpkg's lists": Case(DEBIAN, PVE, f"proxmox-headers-{PVE};"),
    "Proxmox 7 without dpkg's lists": Case(DEBIAN, OLD_PVE, f" pve-headers-{OLD_PVE};"),
    "Raspberry Pi OS 11": Case(
        DEBIAN, RPI, "apt-get install raspberrypi-kernel-headers;",
        owned("raspberrypi-kernel", "/boot/kernel8.img", f"/lib/modules/{RPI}",
              f"/lib/modules/{RPI}/kernel") | {
            "var/lib/dpkg/info/raspberrypi-kernel-headers.list":
            f"/lib/modules/{RPI}\n/lib/modules/{RPI}/build\n"}),
    "Raspberry Pi OS, 32 bit": Case(
        'PRETTY_NAME="Raspbian GNU/Linux 11 (bullseye)"\nVERSION_ID="11"\nID=raspbian\n'
        "ID_LIKE=debian\n", "6.1.21-v7l+", "raspberrypi-kernel-headers;", {DPKG: DPKG_STATUS}),
    "Raspberry Pi OS 12": Case(
        DEBIAN, "6.6.31+rpt-rpi-v8", "linux-headers-6.6.31+rpt-rpi-v8;",
        owned("linux-image-6.6.31+rpt-rpi-v8", "/boot/vmlinuz-6.6.31+rpt-rpi-v8")),
    "Ubuntu": Case(
        os_release("ubuntu", "24.04", "debian"), "6.8.0-45-generic",
        "linux-headers-6.8.0-45-generic;",
        owned("linux-image-unsigned-6.8.0-45-generic", "/boot/vmlinuz-6.8.0-45-generic")),
    "Armbian": Case(
        DEBIAN, "6.6.44-current-rockchip64", "linux-headers-current-rockchip64;",
        owned("linux-image-current-rockchip64", "/boot/vmlinuz-6.6.44-current-rockchip64")),
    "unknown, of deb": Case(
        os_release("mine", "1"), "6.1.0-9-amd64", "linux-headers-6.1.0-9-amd64;",
        {DPKG: DPKG_STATUS, "var/lib/rpm/Packages": "for alien"}),
    "unknown, of rpm": Case(
        os_release("mine", "1"), "5.10.0-1.x86_64", "kernel-devel-5.10.0-1.x86_64;",
        {"usr/lib/sysimage/rpm/Packages.db": "db"}),
    "unknown, of SUSE's kin": Case(
        os_release("mine", "1"), "5.14.21-150500.53-default", "zypper install",
        {"var/lib/rpm/Packages": "db", "etc/zypp/zypp.conf": ""}),
    "unknown, of tdnf": Case(
        os_release("mine", "3"), "5.15.1-1.cm2", "tdnf install kernel-devel-5.15.1-1.cm2;",
        {"usr/bin/tdnf": "#!/bin/sh\n"}),
    "unknown": Case(
        os_release("mine", "1"), "6.1.0-9-amd64",
        "install the development files (headers) of exactly"),
    # Built by hand: no package.
    "by hand, rpm": Case(
        os_release("rocky", "9.4", "rhel centos fedora"), "5.14.0+", "after make modules in there"),
    "by hand, SUSE": Case(os_release("sles", "15.5"), "6.9.1+", "after make modules in there"),
    "by hand, Debian": Case(
        DEBIAN, "6.9.1-mine", "after make modules in there",
        {DPKG: DPKG_STATUS, "boot/vmlinuz-6.9.1-mine": "",
         "var/lib/dpkg/info/dpkg.list": "/boot/vmlinuz-6.9.1-mine2\n"}),
    "by hand, Debian, changed": Case(DEBIAN, "6.9.1+", "after make modules in there"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_remedy_for_missing_headers_is_of_the_system_that_is_worked_on(
    shell: str, name: str, tmp_path: Path
) -> None:
    case = CASES[name]
    facts = {**FACTS, "kernel_release": case.release}
    tree = make_tree(tmp_path / "tree", facts, case.os_release)
    for path, text in case.files.items():
        write(tree / path, text).chmod(0o755)
    source = make_source(tmp_path / "source")
    answer = node(shell, "build", "--source", source, "--output", tmp_path / "out", root=tree)
    hint = answer.failed("build")["hint"]
    assert case.remedy in hint, hint
    assert "--devel" not in hint


@pytest.mark.parametrize("name", ["by hand, rpm", "by hand, SUSE"])
def test_a_toolchain_for_a_kernel_built_by_hand_installs_nothing(
    shell: str, name: str, tmp_path: Path
) -> None:
    case = CASES[name]
    tree = make_tree(tmp_path / "tree", {**FACTS, "kernel_release": case.release}, case.os_release)
    for tool in ("dnf", "zypper"):
        write(tree / "usr/bin" / tool, "#!/bin/sh\n").chmod(0o755)
    answer = node(shell, "toolchain", root=tree).failed("node")
    assert "no package" in answer["detail"] and case.release in answer["detail"]
    assert case.remedy in answer["hint"]
