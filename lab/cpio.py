# SPDX-License-Identifier: GPL-2.0-only
"""Archives in the format that the kernel unpacks as its first file system (newc)."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Union

Content = Union[bytes, str, Path]


class Archive:
    """Writes one archive to `stream`; parents of what is added come by themselves.

    The kernel takes several archives one after the other, so a machine's own
    files can follow a cached one.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._inode = 0
        self._folders: set[str] = set()

    def file(self, name: str, content: Content, mode: int = 0) -> None:
        """A regular file; CONTENT is bytes, text, or the path of a file to copy.

        Without a `mode`, a copied file keeps its own; programs and scripts
        given as bytes or text are made executable.
        """
        if isinstance(content, Path):
            data = content.read_bytes()
            mode = mode or stat.S_IMODE(content.stat().st_mode)
        else:
            data = content.encode() if isinstance(content, str) else content
            mode = mode or (0o755 if data[:2] == b"#!" or data[:4] == b"\x7fELF" else 0o644)
        self._parents(name)
        self._entry(name, stat.S_IFREG | mode, data)

    def link(self, name: str, target: str) -> None:
        """A symbolic link NAME that points to TARGET."""
        self._parents(name)
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def folder(self, name: str, mode: int = 0o755) -> None:
        """A directory."""
        name = name.strip("/")
        if name and name not in self._folders:
            self._parents(name)
            self._folders.add(name)
            self._entry(name, stat.S_IFDIR | mode, b"")

    def device(self, name: str, major: int, minor: int) -> None:
        """A character device; needs no privilege here."""
        self._parents(name)
        self._entry(name, stat.S_IFCHR | 0o600, b"", os.makedev(major, minor))

    def close(self) -> None:
        """Writes the end of the archive; the stream stays open."""
        self._entry("TRAILER!!!", 0, b"")
        self._pad(512)

    def _parents(self, name: str) -> None:
        for parent in reversed(PurePosixPath(name.strip("/")).parents):
            if str(parent) != ".":
                self.folder(str(parent))

    def _entry(self, name: str, mode: int, data: bytes, device: int = 0) -> None:
        self._inode += 1
        path = name.strip("/").encode() + b"\0"
        numbers = (
            self._inode, mode, 0, 0, 1, 0, len(data), 0, 0,
            os.major(device), os.minor(device), len(path), 0,
        )  # fmt: skip
        self._stream.write(b"070701" + b"".join(b"%08x" % number for number in numbers) + path)
        self._pad(4)
        self._stream.write(data)
        self._pad(4)

    def _pad(self, size: int) -> None:
        self._stream.write(b"\0" * (-self._stream.tell() % size))


def pack(files: dict[str, Content]) -> bytes:
    """An archive of FILES, as path: content."""
    stream = io.BytesIO()
    archive = Archive(stream)
    for name, content in files.items():
        archive.file(name, content)
    archive.close()
    return stream.getvalue()
