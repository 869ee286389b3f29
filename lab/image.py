"""Disks of Debian nodes: systemd, sshd, a compiler, all kernels of the release."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from . import apt, cache, debootstrap
from .errors import LabError
from .kernels import Kernel, kernels
from .proc import BOX, run
from .versions import version_key

DISK_MIB = 3072
PACKAGES = (
    "systemd", "systemd-sysv", "udev", "openssh-server", "sudo", "kmod", "iproute2", "procps",
    "gcc", "make", "libc6-dev", "python3-minimal", "passwd", "login", "initramfs-tools",
)  # fmt: skip

# Not needed to be a node, and slow to start on an emulated processor.
_MASKED = (
    "systemd-logind.service", "systemd-networkd.service", "systemd-networkd.socket",
    "systemd-udevd.service", "systemd-udevd-control.socket", "systemd-udevd-kernel.socket",
    "systemd-udev-trigger.service", "systemd-udev-settle.service",
    "systemd-binfmt.service", "proc-sys-fs-binfmt_misc.automount", "systemd-timesyncd.service",
    "systemd-update-utmp.service", "systemd-update-utmp-runlevel.service",
    "systemd-random-seed.service", "systemd-hwdb-update.service", "systemd-pstore.service",
    "systemd-firstboot.service", "systemd-sysusers.service", "systemd-journal-flush.service",
    "systemd-tpm2-setup.service", "systemd-tpm2-setup-early.service",
    "systemd-pcrphase.service", "systemd-boot-random-seed.service",
    "dev-hugepages.mount", "dev-mqueue.mount", "sys-kernel-config.mount",
    "sys-fs-fuse-connections.mount", "modprobe@.service", "systemd-remount-fs.service",
    "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "fstrim.timer",
    "e2scrub_all.timer", "e2scrub_reap.service", "systemd-tmpfiles-clean.timer",
    "getty.target", "getty@tty1.service", "serial-getty@ttyS0.service", "console-getty.service",
)  # fmt: skip

_SETTLE = """
set -e
root=$1
: >"$root/etc/fstab"
for unit in MASKED; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
ln -sf /lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
mkdir -p "$root/etc/systemd/journald.conf.d" "$root/etc/ssh/sshd_config.d"
printf '[Journal]\\nStorage=volatile\\n' >"$root/etc/systemd/journald.conf.d/lab.conf"
printf 'UseDNS no\\nMaxStartups 100:30:200\\nMaxSessions 100\\n' >"$root/etc/ssh/sshd_config.d/lab.conf"
rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/machine-id" "$root/var/lib/dbus/machine-id"
for user in admin nosudo; do
    chroot "$root" useradd -m -s /bin/bash "$user"
    mkdir -m 700 "$root/home/$user/.ssh"
    chroot "$root" chown "$user:" "/home/$user/.ssh"
done
mkdir -p -m 700 "$root/root/.ssh"
echo 'admin ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/admin"
chmod 440 "$root/etc/sudoers.d/admin"
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
""".replace("MASKED", " ".join(_MASKED))


@dataclass(frozen=True)
class Image:
    """A cached disk of Debian RELEASE; `kernels` are the ones installed in it."""

    release: str
    kernels: tuple[Kernel, ...]

    @property
    def disk(self) -> Path:
        """The raw ext4 disk, read only for all: machines write to overlays."""
        packages = [one.image + one.headers for one in self.kernels]
        recipe = ["3", PACKAGES, _SETTLE, DISK_MIB, packages]
        return cache.entry("node-" + self.release, recipe, self._make) / "disk"

    def _make(self, folder: Path) -> None:
        tree = folder / "tree"
        newest: dict[str, str] = {}
        for name, version in (item for one in self.kernels for item in one.image + one.headers):
            newest[name] = max(newest.get(name, version), version, key=version_key)
        packages = [*PACKAGES, *(f"{name}={version}" for name, version in newest.items())]
        debs = apt.download(list(newest.items()))
        debootstrap.make(self.release, tree, packages, hooks=[_SETTLE], debs=debs)
        write_disk(tree, folder / "disk")
        run([*BOX, "rm", "-rf", tree], timeout=120)


def write_disk(tree: Path, disk: Path) -> None:
    """Writes the directory TREE as an ext4 file system to the sparse file DISK."""
    with open(disk, "wb") as file:
        file.truncate(DISK_MIB << 20)
    run(
        [
            "mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^metadata_csum_seed,^orphan_file",
            "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", "-d", tree, disk,
        ],
        timeout=300,
        what=f"mkfs.ext4 {disk}",
    )  # fmt: skip
    disk.chmod(0o444)


def images() -> dict[str, Image]:
    """The images that can be made here, by the name of their Debian release."""
    known = kernels()
    found: dict[str, Image] = {}
    for release in apt.RELEASES:
        inside = tuple(one for one in known.values() if one.distribution == release)
        if inside:
            found[release] = Image(release, inside)
    return found


def image(release: str) -> Image:
    """The image of Debian RELEASE."""
    known = images()
    if release not in known:
        raise LabError(f"no image {release!r} here; there are: {', '.join(known)}")
    return known[release]
