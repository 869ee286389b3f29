# SPDX-License-Identifier: GPL-2.0-only
"""What the tests call a node, a fleet of them, and the outcome of a command."""

from __future__ import annotations

import shlex
import shutil
import socket
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from toa_fleet.fingerprint import Fingerprint


@dataclass
class Node:
    """One address of the sshd, and the directory behind it."""

    address: str
    port: int
    directory: Path

    @property
    def name(self) -> str:
        return f"{self.address}:{self.port}"

    def be(self, fields: dict[str, str]) -> Node:
        """Be a node with these hard fields."""
        lines = {**fields, "fingerprint": Fingerprint.of(fields).id, "hostname": self.address}
        self.write("facts", "".join(f"{key}={value}\n" for key, value in lines.items()))
        return self

    def write(self, name: str, text: str) -> Node:
        (self.directory / name).write_text(text)
        return self

    def with_commands(self, **scripts: str) -> Node:
        """Have a PATH with a few commands only, and of others these."""
        directory = self.directory / "bin"
        directory.mkdir()
        for command in ("sh", "env", "cat", "sleep", "gzip"):
            (directory / command).symlink_to(str(shutil.which(command)))
        for name, script in scripts.items():
            path = directory / name
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
        return self.write("path", str(directory))

    def read(self, name: str) -> str:
        path = self.directory / name
        return path.read_text() if path.exists() else ""

    @property
    def commands(self) -> list[str]:
        """The verb of every exec that it was asked for, behind what stood before ``sh``;
        of those that bring a bundle, ``+ VERB``."""
        found = []
        for line in filter(None, self.read("commands").splitlines()):
            words = shlex.split(line)
            name = words.index("-c") + 2
            verb = ["+", words[name + 2]] if words[name] == "toa" else [words[name + 1]]
            found.append(" ".join([*words[: name - 3], *verb]))
        return found


@dataclass
class Fleet:
    """The sshd, its keys, the options that fit it, and one test's own addresses.

    A test never meets another's nodes: a command that an earlier test left
    hanging may still write into the directories of its own.
    """

    root: Path
    port: int
    home: Path
    network: str

    def address(self, number: int = 1) -> str:
        return f"{self.network}.{number}"

    def node(self, number: int = 1) -> Node:
        directory = self.root / self.address(number)
        directory.mkdir()
        return Node(directory.name, self.port, directory)

    @property
    def host_key(self) -> str:
        return " ".join((self.root / "host_key.pub").read_text().split()[:2])

    def accepted(self) -> int:
        """How many logins the sshd has taken so far."""
        return (self.root / "log").read_text().count("Accepted publickey")

    @property
    def known_hosts(self) -> Path:
        return self.home / "known_hosts"

    def write_config(self, *lines: str) -> Path:
        """The ssh_config of the tests: nothing of the machine's own counts."""
        config = self.home / "config"
        config.write_text(
            "\n".join(
                [
                    *lines,
                    "Host *",
                    f"  UserKnownHostsFile {self.known_hosts}",
                    "  GlobalKnownHostsFile none",
                    f"  IdentityFile {self.root / 'user_key'}",
                    "  IdentityAgent none",
                    "",
                ]
            )
        )
        return config


@dataclass
class Outcome:
    """What a run of the command left."""

    status: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


def free_port() -> int:
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
