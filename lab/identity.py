# SPDX-License-Identifier: GPL-2.0-only
"""What makes each node itself, and what lets the lab log in to it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from .children import run
from .cpio import Archive

_HOMES = {"root": "root", "admin": "home/admin", "nosudo": "home/nosudo"}


@dataclass(frozen=True)
class KeyPair:
    """An ed25519 key: the private half in the file `path`."""

    path: Path

    @property
    def public(self) -> str:
        """The public half, one line without a comment."""
        words = self.path.with_suffix(".pub").read_text().split()
        return " ".join(words[:2])


def new_key(path: Path) -> KeyPair:
    """Makes a key in PATH and its public half in PATH.pub."""
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", path], timeout=30)
    return KeyPair(path)


def write(path: Path, name: str, host_key: KeyPair, client: KeyPair) -> None:
    """Appends to the archive PATH the files that are node NAME's own."""
    with open(path, "ab") as stream:
        archive = Archive(stream)
        own = {
            "etc/hostname": f"{name}\n",
            "etc/hosts": f"127.0.0.1 localhost\n127.0.1.1 {name}\n",
            "etc/machine-id": f"{secrets.token_hex(16)}\n",
            "etc/ssh/ssh_host_ed25519_key.pub": f"{host_key.public} {name}\n",
        }
        for file, text in own.items():
            archive.file(f"identity/{file}", text, 0o644)
        archive.file("identity/etc/ssh/ssh_host_ed25519_key", host_key.path, 0o600)
        for user in _HOMES:
            archive.file(f"authorized/{user}", f"{client.public} lab\n", 0o600)
        archive.close()
