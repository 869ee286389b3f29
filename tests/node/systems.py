# SPDX-License-Identifier: GPL-2.0-only
"""Trees of the systems that toa-node knows: what stands where in each of them.

The release files are those of the real systems; of the rest, what decides how a
system boots and how it installs kernels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from node_support import FACTS, make_tree, write

UNIT = "etc/systemd/system/toa.service"
LINK = "etc/systemd/system/multi-user.target.wants/toa.service"
DEBIAN_HOOKS = (
    "etc/kernel/postinst.d/toa-node", "etc/kernel/postrm.d/toa-node",
    "etc/kernel/header_postinst.d/toa-node",
)  # fmt: skip
POSTINST_HOOK = ("etc/kernel/postinst.d/toa-node",)
INSTALL_HOOK = ("etc/kernel/install.d/10-toa-node.install",)

#: What toa-node puts outside its store, by boot system; links have "->".
BOOT_PIECES: dict[str, tuple[str, ...]] = {
    "systemd": (UNIT, LINK),
    "openrc": ("etc/init.d/toa", "etc/runlevels/boot/toa"),
    "sysv-redhat": ("etc/sysconfig/modules/toa.modules",),
    "sysv-suse": ("etc/init.d/toa", "etc/modprobe.d/toa-node.conf"),
    "sysv-debian": ("etc/init.d/toa", "etc/rcS.d/S11toa"),
}

# As SLES 11 SP3 has it, shortened.
SYSCONFIG_KERNEL = """\
## Path:	System/Kernel
## Description:
## Type:	string
## Command:	/sbin/mkinitrd
#
INITRD_MODULES="ata_piix processor thermal ahci fan jbd ext3"

## Type:            string
## ServiceRestart:  boot.loadmodules
#
# This variable contains the list of modules to be loaded
# once the main filesystem is active
# You will find a few default modules for hardware which
# can not be detected automatically.
#
MODULES_LOADED_ON_BOOT=""

## Type:	string
## Default:	""
#
SKIP_RUNNING_KERNEL="no"
"""

LAYOUTS: dict[str, dict[str, str]] = {
    "systemd": {
        "usr/lib/systemd/systemd": "",
        "sbin/init": "-> ../usr/lib/systemd/systemd",
        "etc/systemd/system/multi-user.target.wants/sshd.service": "-> /usr/lib/systemd/system/x",
    },
    # Debian 8 and Ubuntu 16.04 keep it in /lib and have rcS.d, too.
    "systemd-lib": {
        "lib/systemd/systemd": "",
        "sbin/init": "-> /lib/systemd/systemd",
        "etc/init.d/rc": "#!/bin/sh\n",
        "etc/rcS.d/S12networking": "-> ../init.d/networking",
    },
    "sysv-redhat": {
        "sbin/init": "",
        "etc/inittab": "id:3:initdefault:\n",
        "etc/rc.d/rc.sysinit": "#!/bin/bash\n",
        "etc/rc.d/rc.local": "#!/bin/sh\ntouch /var/lock/subsys/local\n",
        "etc/rc.local": "-> rc.d/rc.local",
        "etc/sysconfig/modules/kvm.modules": "#!/bin/sh\n",
    },
    "sysv-suse": {
        "sbin/init": "",
        "etc/inittab": "id:3:initdefault:\nsi::bootwait:/etc/init.d/boot\n",
        "etc/init.d/boot": "#!/bin/bash\n",
        "etc/init.d/boot.loadmodules": "#!/bin/sh\n",
        "etc/init.d/boot.d/S03boot.loadmodules": "-> ../boot.loadmodules",
        "etc/init.d/boot.local": "#! /bin/sh\n#\n# Here you should add things, that should happen"
        " directly after booting\n",
        "etc/sysconfig/kernel": SYSCONFIG_KERNEL,
        "etc/modprobe.d/unsupported-modules": "allow_unsupported_modules 0\n",
    },
    "sysv-debian": {
        "sbin/init": "",
        "lib/systemd/systemd": "",  # there, but not what boots
        "etc/inittab": "id:2:initdefault:\nsi::sysinit:/etc/init.d/rcS\n",
        "etc/init.d/rc": "#!/bin/sh\n",
        "etc/init.d/rcS": "#!/bin/sh\nexec /etc/init.d/rc S\n",
        "etc/rcS.d/S08mountall.sh": "-> ../init.d/mountall.sh",
        "etc/rcS.d/S12networking": "-> ../init.d/networking",
        "etc/rc.local": "#!/bin/sh -e\n# rc.local\nexit 0\n",
    },
    "openrc": {
        "sbin/init": "-> /bin/busybox",
        "sbin/openrc-run": "",
        "etc/init.d/networking": "#!/sbin/openrc-run\n",
        "etc/runlevels/boot/networking": "-> /etc/init.d/networking",
    },
    "none": {"sbin/init": "", "etc/rc.boot": "#!/bin/sh\nmount -a\nexit 0"},
}

# What installs kernels, by the package manager's family.
KERNEL_TOOLS: dict[str, dict[str, str]] = {
    "debian": {"etc/kernel/postinst.d/initramfs-tools": "#!/bin/sh\n",
               "etc/kernel/postrm.d/initramfs-tools": "#!/bin/sh\n"},
    "redhat-6": {"sbin/new-kernel-pkg": "", "usr/bin/yum": ""},
    "redhat-7": {"usr/sbin/new-kernel-pkg": "", "usr/bin/kernel-install": "", "usr/bin/yum": ""},
    "redhat-8": {"usr/bin/kernel-install": "", "usr/bin/dnf": ""},
    "suse": {"usr/lib/module-init-tools/weak-modules2": "", "usr/bin/zypper": ""},
    "image": {},
    "": {},
}  # fmt: skip
HOOKS = {
    "debian": DEBIAN_HOOKS,
    "redhat-6": POSTINST_HOOK,
    "redhat-7": POSTINST_HOOK + INSTALL_HOOK,
    "redhat-8": INSTALL_HOOK,
}


@dataclass(frozen=True)
class System:
    """One distribution release, and what toa-node has to make of it."""

    os_id: str
    version: str
    layout: str
    kernels: str
    files: Mapping[str, str]
    release: str = FACTS["kernel_release"]

    @property
    def boot_system(self) -> str:
        return "systemd" if self.layout.startswith("systemd") else self.layout

    @property
    def pieces(self) -> tuple[str, ...]:
        """Files and links that an install makes outside the store."""
        return BOOT_PIECES[self.boot_system] + HOOKS.get(self.kernels, ())

    @property
    def facts(self) -> dict[str, str]:
        return {**FACTS, "kernel_release": self.release, "os_id": self.os_id,
                "os_version_id": self.version}  # fmt: skip

    def make(self, top: Path) -> Path:
        """The tree of this system."""
        tree = make_tree(top, self.facts, os_release="")
        (tree / "usr/lib/systemd/systemd").unlink()
        (tree / "usr/lib/systemd").rmdir()
        contents = {**LAYOUTS[self.layout], **KERNEL_TOOLS[self.kernels], **self.files}
        for path, content in contents.items():
            if content.startswith("-> "):
                (tree / path).parent.mkdir(parents=True, exist_ok=True)
                (tree / path).symlink_to(content[3:])
            else:
                write(tree / path, content)
                if content.startswith("#!"):
                    (tree / path).chmod(0o755)
        (tree / "var/lib").mkdir(parents=True)
        return tree


def _redhat_release(os_id: str, version: str, text: str, release: str) -> System:
    return System(os_id, version, "sysv-redhat", "redhat-6", {"etc/redhat-release": text + "\n"},
                  release)  # fmt: skip


def _suse_release(patch: str, release: str) -> System:
    text = f"SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\nPATCHLEVEL = {patch}\n"
    return System("sles", f"11.{patch}", "sysv-suse", "suse", {"etc/SuSE-release": text}, release)


def _os(
    os_id: str,
    version: str,
    kernels: str,
    pretty: str,
    like: str = "",
    *,
    release: str = FACTS["kernel_release"],
    layout: str = "systemd",
    more: str = "",
    quote: str = '"',
    **files: str,
) -> System:
    """A system with an os-release, in the order in which most write it."""
    text = (
        f'NAME="{pretty.rstrip("0123456789. ")}"\nVERSION="{version}"\nID={quote}{os_id}{quote}\n'
        + (f'ID_LIKE="{like}"\n' if like else "")
        + f'VERSION_ID="{version}"\nPRETTY_NAME="{pretty}"\n{more}'
    )
    others = {path.replace("__", "/"): content for path, content in files.items()}
    return System(os_id, version, layout, kernels, {"etc/os-release": text, **others}, release)


_EL = "rhel centos fedora"
_OLD_DEBIAN = "3.16.0-4-amd64"

SYSTEMS: dict[str, System] = {
    # The operations document's own.
    "CentOS 6.8": _redhat_release(
        "centos", "6.8", "CentOS release 6.8 (Final)", "2.6.32-642.el6.x86_64"),
    "SLES 11 SP3": _suse_release("3", "3.0.76-0.11-default"),
    "CentOS 7.2": _os(
        "centos", "7", "redhat-7", "CentOS Linux 7 (Core)", "rhel fedora",
        release="3.10.0-327.el7.x86_64"),
    "Ubuntu 16.04.3": _os(
        "ubuntu", "16.04", "debian", "Ubuntu 16.04.3 LTS", "debian", layout="systemd-lib",
        release="4.4.0-87-generic", quote=""),
    "Ubuntu 18.04": _os(
        "ubuntu", "18.04", "debian", "Ubuntu 18.04 LTS", "debian", layout="systemd-lib",
        release="4.15.0-20-generic", quote="", more="VERSION_CODENAME=bionic\n"),
    "openSUSE 42.2": _os(
        "opensuse", "42.2", "suse", "openSUSE Leap 42.2", "suse", release="4.4.36-8-default",
        quote=""),
    "CoreOS 1353": System(
        "coreos", "1353.8.0", "systemd", "image",
        {"usr/lib/os-release": 'NAME="Container Linux by CoreOS"\nID=coreos\nVERSION=1353.8.0\n'
         "VERSION_ID=1353.8.0\nBUILD_ID=2017-05-30-2322\n"
         'PRETTY_NAME="Container Linux by CoreOS 1353.8.0 (Ladybug)"\n',
         "etc/os-release": "-> ../usr/lib/os-release"},
        "4.9.24-coreos"),
    "Debian 8.2": _os(
        "debian", "8", "debian", "Debian GNU/Linux 8 (jessie)", layout="systemd-lib",
        release=_OLD_DEBIAN, quote="", etc__debian_version="8.2\n"),
    # Their kin, older and newer.
    "RHEL 6.10": _redhat_release(
        "rhel", "6.10", "Red Hat Enterprise Linux Server release 6.10 (Santiago)",
        "2.6.32-754.el6.x86_64"),
    "Scientific 6.9": _redhat_release(
        "scientific", "6.9", "Scientific Linux release 6.9 (Carbon)", "2.6.32-696.el6.x86_64"),
    "Oracle 6.9": System(
        "ol", "6.9", "sysv-redhat", "redhat-6",
        {"etc/oracle-release": "Oracle Linux Server release 6.9\n",
         "etc/redhat-release": "Red Hat Enterprise Linux Server release 6.9 (Santiago)\n"},
        "4.1.12-61.1.28.el6uek.x86_64"),
    "Amazon Linux 2018.03": _os(
        "amzn", "2018.03", "redhat-6", "Amazon Linux AMI 2018.03", "rhel fedora",
        layout="sysv-redhat", release="4.14.33-51.34.amzn1.x86_64"),
    "RHEL 7.9": _os(
        "rhel", "7.9", "redhat-7", "Red Hat Enterprise Linux Server 7.9 (Maipo)", "fedora",
        release="3.10.0-1160.el7.x86_64", more='VARIANT="Server"\nVARIANT_ID="server"\n'),
    "Oracle 7.9": _os(
        "ol", "7.9", "redhat-7", "Oracle Linux Server 7.9", "fedora",
        release="5.4.17-2011.6.2.el7uek.x86_64"),
    "Amazon Linux 2": _os(
        "amzn", "2", "redhat-7", "Amazon Linux 2", "centos rhel fedora",
        release="4.14.336-253.554.amzn2.x86_64"),
    "Anolis 7.9": _os("anolis", "7.9", "redhat-7", "Anolis OS 7.9", "rhel fedora centos"),
    "EulerOS 2.0": _os("euleros", "2.0", "redhat-7", "EulerOS 2.0 (SP5)"),
    "RHEL 8.10": _os(
        "rhel", "8.10", "redhat-8", "Red Hat Enterprise Linux 8.10 (Ootpa)", "fedora",
        more='PLATFORM_ID="platform:el8"\n'),
    "RHEL 9.4": _os(
        "rhel", "9.4", "redhat-8", "Red Hat Enterprise Linux 9.4 (Plow)", "fedora",
        more='PLATFORM_ID="platform:el9"\n'),
    "CentOS Stream 9": _os("centos", "9", "redhat-8", "CentOS Stream 9", "rhel fedora"),
    "Rocky 8.10": _os("rocky", "8.10", "redhat-8", "Rocky Linux 8.10 (Green Obsidian)", _EL),
    "Rocky 9.4": _os("rocky", "9.4", "redhat-8", "Rocky Linux 9.4 (Blue Onyx)", _EL),
    "Alma 8.10": _os("almalinux", "8.10", "redhat-8", "AlmaLinux 8.10 (Cerulean Leopard)", _EL),
    "Alma 9.4": _os("almalinux", "9.4", "redhat-8", "AlmaLinux 9.4 (Seafoam Ocelot)", _EL),
    "Oracle 9.4": _os(
        "ol", "9.4", "redhat-8", "Oracle Linux Server 9.4", "fedora",
        release="5.15.0-205.149.5.1.el9uek.x86_64"),
    "openEuler 20.03": _os("openEuler", "20.03", "redhat-8", "openEuler 20.03 (LTS-SP3)"),
    "openEuler 22.03": _os("openEuler", "22.03", "redhat-8", "openEuler 22.03 (LTS-SP3)"),
    "Anolis 8.9": _os("anolis", "8.9", "redhat-8", "Anolis OS 8.9", "rhel fedora centos"),
    "Kylin V10": _os(
        "kylin", "V10", "redhat-8", "Kylin Linux Advanced Server V10 (Tercel)",
        release="4.19.90-52.22.v2207.ky10.x86_64"),
    # These name no kin.
    "HCE 2.0": _os(
        "hce", "2.0", "redhat-8", "Huawei Cloud EulerOS 2.0 (x86_64)",
        release="5.10.0-60.18.0.50.r865_35.hce2.x86_64"),
    "UOS 20": _os(
        "uos", "20", "redhat-8", "UnionTech OS Server 20",
        release="4.19.90-2305.1.0.0199.56.uel20.x86_64"),
    "TencentOS 4": _os(
        "tencentos", "4.0", "redhat-8", "TencentOS Server 4.0",
        release="6.6.6-2401.0.1.tl4.x86_64"),
    "SLES for SAP 12 SP4": _os(
        "sles_sap", "12.4", "suse", "SUSE Linux Enterprise Server for SAP Applications 12 SP4",
        release="4.12.14-95.48-default"),
    "Proxmox 8": _os(
        "debian", "12", "debian", "Debian GNU/Linux 12 (bookworm)", quote="",
        release="6.8.12-4-pve"),
    "Amazon Linux 2023": _os("amzn", "2023", "redhat-8", "Amazon Linux 2023", "fedora"),
    "SLES 11 SP4": _suse_release("4", "3.0.101-63-default"),
    "SLES 12 SP5": _os(
        "sles", "12.5", "suse", "SUSE Linux Enterprise Server 12 SP5",
        release="4.12.14-122.7-default"),
    "SLES 15 SP5": _os(
        "sles", "15.5", "suse", "SUSE Linux Enterprise Server 15 SP5", "suse",
        release="5.14.21-150500.53-default"),
    "openSUSE 15.5": _os(
        "opensuse-leap", "15.5", "suse", "openSUSE Leap 15.5", "suse opensuse",
        release="5.14.21-150500.53-default"),
    "Debian 8 without systemd": _os(
        "debian", "8", "debian", "Debian GNU/Linux 8 (jessie)", layout="sysv-debian",
        release=_OLD_DEBIAN, quote=""),
    "Debian 9": _os("debian", "9", "debian", "Debian GNU/Linux 9 (stretch)", quote=""),
    "Debian 10": _os("debian", "10", "debian", "Debian GNU/Linux 10 (buster)", quote=""),
    "Debian 11": _os("debian", "11", "debian", "Debian GNU/Linux 11 (bullseye)", quote=""),
    "Debian 12": _os("debian", "12", "debian", "Debian GNU/Linux 12 (bookworm)", quote=""),
    "Debian 13": _os("debian", "13", "debian", "Debian GNU/Linux 13 (trixie)", quote=""),
    "Ubuntu 20.04": _os("ubuntu", "20.04", "debian", "Ubuntu 20.04.6 LTS", "debian", quote=""),
    "Ubuntu 22.04": _os("ubuntu", "22.04", "debian", "Ubuntu 22.04.4 LTS", "debian", quote=""),
    "Ubuntu 24.04": _os("ubuntu", "24.04", "debian", "Ubuntu 24.04.1 LTS", "debian", quote=""),
    "Ubuntu 26.04": _os("ubuntu", "26.04", "debian", "Ubuntu 26.04 LTS", "debian", quote=""),
    "Flatcar 3815": System(
        "flatcar", "3815.2.0", "systemd", "image",
        {"usr/lib/os-release": 'NAME="Flatcar Container Linux by Kinvolk"\nID=flatcar\n'
         "ID_LIKE=coreos\nVERSION=3815.2.0\nVERSION_ID=3815.2.0\nBUILD_ID=2024-02-13-1951\n",
         "etc/os-release": "-> ../usr/lib/os-release"},
        "6.1.77-flatcar"),
    "Alpine 3.20": _os(
        "alpine", "3.20.0", "", "Alpine Linux v3.20", layout="openrc", release="6.6.31-0-lts",
        quote=""),
}  # fmt: skip
