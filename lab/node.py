# SPDX-License-Identifier: GPL-2.0-only
"""A node: Debian with systemd and sshd in a virtual machine."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from . import identity, initramfs
from .children import end, run, spawn
from .cpio import Content
from .errors import CommandTimeout, LabError
from .image import image
from .kernels import Kernel
from .qemu import Qemu
from .tiny_machine import Result

BOOT_SECONDS = 240.0
_START_TRIES = 3


@dataclass(frozen=True)
class Spec:
    """A node to start: its `name`, Debian release (`image`) and kernel.

    Without `kernel`, it is the image's first: the release's own. `memory` is in
    MiB; a node that builds modules needs about 512. `disks` are images that it
    sees, and cannot write to, as /dev/vdb and so on. With `selinux`, Debian's
    policy is enforced.
    """

    name: str
    image: str = "bookworm"
    kernel: str | None = None
    memory: int = 512
    disks: tuple[Path, ...] = ()
    selinux: bool = False


class Node:
    """A running node, made by `Lab`; reachable as root, admin (sudo) and nosudo.

    Connect to `host`:`port` with the key file `key`; `host_key` is its public
    host key. The lab's ssh_config knows it by its name.
    """

    host = "127.0.0.1"

    def __init__(self, spec: Spec, folder: Path, client: identity.KeyPair, config: Path) -> None:
        self.name = spec.name
        self.port = 0
        self.key = client.path
        self._spec = spec
        self._folder = folder
        self._config = config
        self._client = client
        self._image = image(spec.image, spec.selinux)
        self.kernel = self._image.kernel(spec.kernel)
        self._disk = folder / "disk.qcow2"
        self._initrd = folder / "initrd"
        self._qemu: Qemu | None = None
        self._seen = 0  # bytes of console that earlier boots wrote
        folder.mkdir()
        self._host_key = identity.new_key(folder / "host_key")
        self._own = folder / "own.cpio"
        identity.write(self._own, self.name, self._host_key, client)

    def __repr__(self) -> str:
        return f"<Node {self.name}: {self.kernel.release} on port {self.port}>"

    @property
    def host_key(self) -> str:
        """The public host key: type and base64."""
        return self._host_key.public

    def boot(self) -> None:
        """Starts the machine on its disk as it is; returns before sshd answers."""
        if self._qemu is not None and self._qemu.alive:
            raise LabError(f"{self.name} runs already")
        base = self._image.disk
        if not self._disk.exists():
            overlay = ["create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(base), str(self._disk)]
            run(["qemu-img", *overlay], timeout=60)
        with open(self._initrd, "wb") as stream:
            for part in (initramfs.node(self.kernel), self._own):
                with open(part, "rb") as source:
                    shutil.copyfileobj(source, stream)
        for attempt in range(_START_TRIES):
            self.port = self.port or _free_port()
            self._qemu = self._start()
            if self._wait_for_qemu():
                return
            self.port = self.port if attempt == 0 else 0  # taken by somebody else meanwhile
        assert self._qemu is not None
        raise self._qemu.died(f"{self.name}: QEMU does not start")

    def wait(self, timeout: float = BOOT_SECONDS) -> None:
        """Waits until sshd greets. Raises MachineDied on a panic or after `timeout` seconds."""
        qemu = self._running()
        deadline = time.monotonic() + timeout
        while not self.greets():
            if not qemu.alive:
                raise qemu.died(f"{self.name}: QEMU ended")
            if "Kernel panic - not syncing" in self.console():
                raise qemu.died(f"{self.name}: the kernel panicked")
            if time.monotonic() > deadline:
                raise qemu.died(f"{self.name}: no sshd after {timeout:.0f} s")
            time.sleep(0.2)

    def greets(self) -> bool:
        """Whether sshd sends its banner within a second.

        A connection alone proves nothing: QEMU accepts it before the node does.
        """
        try:
            with socket.create_connection((self.host, self.port), 1) as connection:
                connection.settimeout(1)
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    def run(
        self, command: str, *, user: str = "root", timeout: float = 60, input: Content = b""
    ) -> Result:
        """Runs COMMAND over ssh as `user` and returns its status, output and errors.

        Status 255 is also ssh's own for a connection that failed. Raises
        CommandTimeout after `timeout` seconds.
        """
        child = spawn(
            ["ssh", "-F", self._config, *self._shared(), "-l", user, self.name, "--", command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        data = input.read_bytes() if isinstance(input, Path) else input
        try:
            out, err = child.communicate(data.encode() if isinstance(data, str) else data, timeout)
        except subprocess.TimeoutExpired:
            raise CommandTimeout(f"{self.name}: not done in {timeout:.0f} s: {command}") from None
        finally:
            end(child)
        return Result(child.returncode, out.decode(errors="replace"), err.decode(errors="replace"))

    def check(
        self, command: str, *, user: str = "root", timeout: float = 60, input: Content = b""
    ) -> str:
        """The standard output of COMMAND; raises LabError when its status is not 0."""
        result = self.run(command, user=user, timeout=timeout, input=input)
        if result.status != 0:
            raise LabError(
                f"{self.name}: exit status {result.status} of: {command}\n"
                f"{result.stdout}{result.stderr}"
            )
        return result.stdout

    def reboot(self, kernel: Kernel | str | None = None, timeout: float = BOOT_SECONDS) -> None:
        """Shuts the node down in order and starts it again, on another of its kernels if asked.

        Returns when sshd greets; takes at most `timeout` seconds for each half.
        """
        self.shut_down(timeout)
        if kernel is not None:
            name = kernel if isinstance(kernel, str) else kernel.release
            self.kernel = self._image.kernel(name)
        self.boot()
        self.wait(timeout)

    def shut_down(self, timeout: float = BOOT_SECONDS) -> None:
        """Powers the node off from inside and waits for the end."""
        qemu = self._running()
        self.run("systemctl poweroff", timeout=timeout)
        deadline = time.monotonic() + timeout
        while qemu.alive:
            if time.monotonic() > deadline:
                raise qemu.died(f"{self.name}: still up {timeout:.0f} s after poweroff")
            time.sleep(0.1)

    def power_cut(self) -> None:
        """Ends the node at once; what it had not written to its disk is lost."""
        self._running().kill()

    def wait_for_reboot(self, boot_id: str, timeout: float = BOOT_SECONDS) -> None:
        """After a reboot from inside: waits until the boot id is another than BOOT_ID."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            self.wait(max(1.0, deadline - time.monotonic()))
            result = self.run("cat /proc/sys/kernel/random/boot_id", timeout=30)
            if result.status == 0 and result.stdout.strip() != boot_id.strip():
                return
            time.sleep(0.5)
        raise self._running().died(f"{self.name}: no reboot in {timeout:.0f} s")

    def console(self) -> str:
        """The serial console since the last start by the lab."""
        return self._qemu.console()[self._seen :] if self._qemu else ""

    def stop(self) -> None:
        """Ends the machine; what it wrote is removed with the lab."""
        if self._qemu is not None:
            self._qemu.kill()

    def ssh_config(self) -> str:
        """This node's lines in the lab's ssh_config."""
        return (
            f"Host {self.name}\n    HostName {self.host}\n    Port {self.port}\n"
            f"    HostKeyAlias [{self.host}]:{self.port}\n"
        )

    def known_hosts(self) -> str:
        """This node's line in the lab's known_hosts."""
        return f"[{self.host}]:{self.port} {self.host_key}\n"

    def _shared(self) -> list[str]:
        """Options that let one connection serve many commands; it ends with the machine."""
        path = str(self._folder / "ssh")
        if len(path) > 70:  # a socket's path has a limit, and ssh appends to it
            return []
        return ["-oControlMaster=auto", "-oControlPersist=300", f"-oControlPath={path}-%r"]

    def _start(self) -> Qemu:
        if self._qemu is not None:
            self._seen = len(self._qemu.console())
        drive = f"file={self._disk},format=qcow2,if=none,id=disk,cache=writeback,discard=unmap"
        options: list[str] = [
            "-drive", drive, "-device", "virtio-blk-pci,drive=disk",
            "-netdev", f"user,id=net,hostfwd=tcp:{self.host}:{self.port}-:22",
            "-device", "virtio-net-pci,netdev=net,romfile=",
        ]  # fmt: skip
        for number, disk in enumerate(self._spec.disks):
            drive = f"file={disk},format=raw,if=none,id=more{number},readonly=on"
            options += ["-drive", drive, "-device", f"virtio-blk-pci,drive=more{number}"]
        append = "systemd.show_status=0"
        if self._spec.selinux:
            append += " security=selinux selinux=1"
        return Qemu(
            self.kernel, self._initrd, self._folder,
            memory=self._spec.memory, append=append, options=options,
        )  # fmt: skip

    def _wait_for_qemu(self) -> bool:
        """Whether QEMU listens on the port within a few seconds."""
        assert self._qemu is not None
        for _ in range(100):
            if not self._qemu.alive:
                return False
            with contextlib.suppress(OSError):
                socket.create_connection((self.host, self.port), 1).close()
                return True
            time.sleep(0.05)
        return False

    def _running(self) -> Qemu:
        if self._qemu is None:
            raise LabError(f"{self.name} was not started")
        return self._qemu


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((Node.host, 0))
        port: int = probe.getsockname()[1]
        return port
