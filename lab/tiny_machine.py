# SPDX-License-Identifier: GPL-2.0-only
"""A machine of a kernel and an archive, for tests of the module and of shell programs."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from . import initramfs, run_folder
from .cpio import Content, pack
from .errors import CommandTimeout, LabError
from .kernels import Kernel
from .kernels import kernel as kernel_called
from .qemu import Qemu

BOOT_SECONDS = 300.0
KILL_SECONDS = 10.0


@dataclass(frozen=True)
class Result:
    """How a command in a machine ended."""

    status: int
    stdout: str
    stderr: str


class TinyMachine:
    """A booted kernel with busybox, dash, bash, mksh and kmod as a context manager.

    `files` maps paths in the machine to bytes, text or files to copy; `modules`
    names kernel modules that it needs beside TUN, kTLS and virtio; `memory` is
    in MiB; `options` are QEMU's. It is ready when __enter__ returns; use one for many tests.

    >>> with TinyMachine("bookworm", files={"/root/toa.ko": build.module}) as machine:
    ...     machine.run("insmod /root/toa.ko && dmesg | tail -n 1", timeout=30).stdout
    """

    def __init__(
        self,
        kernel: Kernel | str,
        files: Mapping[str, Content] | None = None,
        *,
        modules: Sequence[str] = (),
        memory: int = 256,
        cpus: int = 1,
        append: str = "",
        options: Sequence[str] = (),
    ) -> None:
        self.kernel = kernel_called(kernel) if isinstance(kernel, str) else kernel
        self._files: dict[str, Content] = dict(files or {})
        self._modules = tuple(modules)
        self._memory = memory
        self._cpus = cpus
        self._append = append
        self._options = tuple(options)
        self._folder: Path | None = None
        self._qemu: Qemu | None = None
        self._channel: _Channel | None = None

    def __enter__(self) -> TinyMachine:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def run(
        self, command: str, *, timeout: float = 60, shell: str = "sh", input: Content = b""
    ) -> Result:
        """Runs COMMAND as a script of SHELL (sh is busybox's; dash, bash, mksh).

        `input` is its standard input. Raises CommandTimeout after `timeout`
        seconds, when the command and its children were killed, and MachineDied
        when the machine no longer answers.
        """
        if self._channel is None or self._qemu is None:
            raise LabError("the tiny machine is not running")
        try:
            return self._channel.run(command, shell, _bytes(input), timeout)
        except (EOFError, OSError):
            self._qemu.kill()
            raise self._qemu.died(f"{self.kernel.release} died running: {command}") from None
        except _Silent:
            self._qemu.kill()
            what = f"{self.kernel.release} is silent after {timeout:.0f} s of: {command}"
            raise self._qemu.died(what) from None

    def check(self, command: str, *, timeout: float = 60, shell: str = "sh") -> str:
        """The standard output of COMMAND; raises LabError when its status is not 0."""
        result = self.run(command, timeout=timeout, shell=shell)
        if result.status != 0:
            raise LabError(
                f"{self.kernel.release}: exit status {result.status} of: {command}\n"
                f"{result.stdout}{result.stderr}"
            )
        return result.stdout

    def push(self, path: str, content: Content, mode: int = 0o644) -> None:
        """Writes CONTENT (bytes, text or a file to copy) to PATH in the machine."""
        script = f'mkdir -p "$(dirname "{path}")" && cat >"{path}" && chmod {mode:o} "{path}"'
        result = self.run(script, input=content)
        if result.status != 0:
            raise LabError(f"cannot write {path}: {result.stderr}")

    def console(self) -> str:
        """What the kernel wrote on the serial console: warnings, oopses, panics."""
        return self._qemu.console() if self._qemu else ""

    @property
    def qemu(self) -> Qemu:
        """The machine's process."""
        if self._qemu is None:
            raise LabError("the tiny machine is not running")
        return self._qemu

    def stop(self) -> None:
        """Ends the machine and removes what it left; __exit__ does it too."""
        if self._channel is not None:
            self._channel.close()
        if self._qemu is not None:
            self._qemu.kill()
        if self._folder is not None:
            run_folder.drop(self._folder)
        self._channel = self._folder = None

    def _start(self) -> None:
        self._folder = run_folder.make("tiny")
        initrd = self._folder / "initrd"
        shutil.copyfile(initramfs.tiny(self.kernel, self._modules), initrd)
        with open(initrd, "ab") as stream:
            stream.write(pack(self._files))
        ours, theirs = socket.socketpair()
        with theirs:
            self._qemu = Qemu(
                self.kernel, initrd, self._folder,
                memory=self._memory, append=f"panic=-1 {self._append}",
                options=[
                    # A socket each: the table that kernels without ACPI read lists no more.
                    "-no-reboot", "-smp", f"{self._cpus},sockets={self._cpus}",
                    "-chardev", f"socket,id=lab,fd={theirs.fileno()}",
                    "-device", "virtio-serial-pci",
                    "-device", "virtserialport,chardev=lab,name=lab",
                    *self._options,
                ],
                pass_fds=[theirs.fileno()],
            )  # fmt: skip
        self._channel = _Channel(ours)
        if not self._channel.ready.wait(BOOT_SECONDS) or self._channel.ended:
            raise self._qemu.died(f"{self.kernel.release} did not start")


class _Silent(Exception):
    """Neither an answer nor an end."""


class _Pending:
    """A command whose answer has not come yet."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.result: Result | None = None


class _Channel:
    """The lab's end of the port that shell/tiny-init serves."""

    def __init__(self, port: socket.socket) -> None:
        self.ready = threading.Event()
        self.ended = False
        self._port = port
        self._numbers = itertools.count(1)
        self._pending: dict[int, _Pending] = {}
        self._writing = threading.Lock()
        threading.Thread(target=self._read, daemon=True, name="tiny").start()

    def run(self, command: str, shell: str, input: bytes, timeout: float) -> Result:
        number, pending = next(self._numbers), _Pending()
        self._pending[number] = pending
        script = command.encode()
        if self.ended:
            raise EOFError
        deadline = time.monotonic() + timeout
        header = b"run %d %s %d %d\n" % (number, shell.encode(), len(script), len(input))
        self._send(header + script + input)
        if not pending.done.wait(deadline - time.monotonic()):
            self._send(b"kill %d\n" % number)
            if not pending.done.wait(KILL_SECONDS):
                raise _Silent
            if pending.result is not None:
                raise CommandTimeout(
                    f"killed after {timeout:.0f} s: {command}",
                    pending.result.stdout, pending.result.stderr,
                )  # fmt: skip
        if pending.result is None:
            raise EOFError
        return pending.result

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._port.shutdown(socket.SHUT_RDWR)
        self._port.close()

    def _send(self, data: bytes) -> None:
        with self._writing:
            self._port.sendall(data)

    def _read(self) -> None:
        try:
            with self._port.makefile("rb") as stream:
                self._answers(stream)
        except (OSError, ValueError):
            pass
        self.ended = True
        self.ready.set()
        for pending in list(self._pending.values()):
            pending.done.set()

    def _answers(self, stream: BinaryIO) -> None:
        for line in stream:
            words = line.split()
            if words[:1] == [b"ready"]:
                self.ready.set()
            elif words[:1] == [b"done"]:
                number, status, out, err = map(int, words[1:])
                texts = [stream.read(size).decode(errors="replace") for size in (out, err)]
                pending = self._pending.pop(number)
                pending.result = Result(status, *texts)
                pending.done.set()


def _bytes(content: Content) -> bytes:
    if isinstance(content, Path):
        return content.read_bytes()
    return content.encode() if isinstance(content, str) else content
