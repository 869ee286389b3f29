# SPDX-License-Identifier: GPL-2.0-only
"""Several nodes that start together and end together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType

from . import identity, run_folder
from .children import in_parallel
from .errors import LabError
from .node import BOOT_SECONDS, Node, Spec
from .prepare import prepare_nodes


class Lab:
    """Nodes by name, as a context manager: ready on entry, gone on exit.

    `ssh_config`, `known_hosts` and `key` are files for ssh and Fabric; each node
    is known by its name and by [127.0.0.1]:port.

    >>> with Lab([Spec("a"), Spec("b", kernel="bookworm-previous")]) as lab:
    ...     lab["b"].check("uname -r")
    """

    def __init__(self, specs: Sequence[Spec | str]) -> None:
        self._specs = [Spec(one) if isinstance(one, str) else one for one in specs]
        names = [spec.name for spec in self._specs]
        if len(set(names)) != len(names):
            raise LabError(f"two nodes of one name: {', '.join(names)}")
        self._nodes: dict[str, Node] = {}
        self._folder: Path | None = None

    def __enter__(self) -> Lab:
        try:
            self.start()
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

    def __getitem__(self, name: str) -> Node:
        return self._nodes[name]

    def __iter__(self) -> Iterator[Node]:
        return iter(self._nodes.values())

    @property
    def folder(self) -> Path:
        """The lab's own directory; removed when it stops."""
        if self._folder is None:
            raise LabError("the lab is not running")
        return self._folder

    @property
    def ssh_config(self) -> Path:
        """A file for ssh -F, with all nodes."""
        return self.folder / "ssh_config"

    @property
    def known_hosts(self) -> Path:
        """The host keys of all nodes."""
        return self.folder / "known_hosts"

    @property
    def key(self) -> Path:
        """The private key that root, admin and nosudo accept on every node."""
        return self.folder / "id_ed25519"

    def start(self) -> None:
        """Starts all nodes side by side and waits until each one's sshd greets."""
        prepare_nodes(self._specs)
        self._folder = run_folder.make("lab")
        client = identity.new_key(self.key)
        for spec in self._specs:
            folder = self.folder / spec.name
            self._nodes[spec.name] = Node(spec, folder, client, self.ssh_config)
        nodes: list[Node] = list(self)
        for node in nodes:
            node.boot()
        self._write_files()
        in_parallel([partial(node.wait, BOOT_SECONDS) for node in nodes], len(nodes))

    def stop(self) -> None:
        """Ends all nodes and removes what they left."""
        for node in self:
            node.stop()
        if self._folder is not None:
            run_folder.drop(self._folder)
            self._folder = None

    def _write_files(self) -> None:
        self.known_hosts.write_text("".join(node.known_hosts() for node in self))
        common = (
            "Host *\n    User root\n    IdentitiesOnly yes\n"
            f"    IdentityFile {self.key}\n    UserKnownHostsFile {self.known_hosts}\n"
            "    GlobalKnownHostsFile none\n    StrictHostKeyChecking yes\n    BatchMode yes\n"
            "    ConnectTimeout 30\n    LogLevel ERROR\n"
        )
        self.ssh_config.write_text("".join(node.ssh_config() for node in self) + common)


def start(specs: Sequence[Spec | str]) -> Lab:
    """Starts a lab that runs until its `stop`, or until this program ends."""
    lab = Lab(specs)
    lab.__enter__()
    return lab
