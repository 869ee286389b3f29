# SPDX-License-Identifier: GPL-2.0-only
"""A Salt minion in a virtual node: Salt comes along on a disk, files from a master
on this host."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import salt_versions

import lab
from lab import cache

#: Where the host's loopback is, seen from a node.
HOST = "10.0.2.2"
_GUESTS_PYTHON = (3, 11)
_CALL = "PYTHONPATH=/salt PYTHONDONTWRITEBYTECODE=1 exec python3 -c"
_SALT_CALL = (
    "import sys; from salt.scripts import salt_call; sys.argv[0] = 'salt-call'; salt_call()"
)


def salt_disk(version: str) -> Path:
    """An image of the packages of this Salt, for a Debian 12 node to read.

    Raises:
        NoSalt: there is none, or this Python is of another version than the node's.
    """
    if sys.version_info[:2] != _GUESTS_PYTHON:
        raise salt_versions.NoSalt(
            f"Debian 12 has Python 3.11, and this is {sys.version.split()[0]}"
        )
    python = salt_versions.python_of(version)
    found = subprocess.run(
        [
            str(python),
            "-c",
            "import salt.version; print(salt.__path__[0], salt.version.__version__)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    package, exact = found.stdout.split()

    def make(folder: Path) -> None:
        image = folder / "disk"
        with image.open("wb") as file:
            file.truncate(400 << 20)
        site = Path(package).parent
        with tempfile.TemporaryDirectory(dir=folder) as tree:
            copy = ["cp", "-a", *(str(path) for path in site.iterdir() if path.name != "pip"), tree]
            subprocess.run(copy, check=True)
            mkfs = ["mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", "-d", tree]
            subprocess.run([*mkfs, str(image)], check=True)

    return cache.entry(f"salt-{version}", ["1", exact], make) / "disk"


#: Calls functions one after the other; Salt's start costs more than most of them.
_FUNCTIONS = """\
import json, sys
import salt.client, salt.config
sys.argv[0] = "salt-call"
caller = salt.client.Caller(mopts=salt.config.minion_config("/etc/salt/minion"))
told = [caller.cmd(function, *words) for function, *words in json.loads(sys.argv[1])]
print("told=" + json.dumps(told, default=repr))
"""


class Guest:
    """A node with salt-call, by the first of its disks; others have other versions."""

    def __init__(self, node: lab.Node, master: dict[str, Any]) -> None:
        self.node = node
        self._config = {**master, "master": HOST, "id": node.name, "file_client": "remote"}

    def prepare(self) -> None:
        """After each start: the disk; once: the configuration."""
        text = json.dumps(self._config)
        self.node.check(
            "for disk in /dev/vd[b-z]; do mkdir -p /salts/$disk /etc/salt && "
            "mount -o ro $disk /salts/$disk || exit; done; "
            "ln -sfn /salts/dev/vdb /salt && cat >/etc/salt/minion",
            input=text,
        )

    def call(self, *words: str) -> Any:
        """``salt-call``; what it returns, also where that is a failure."""
        argv = shlex.join([_SALT_CALL, "--out=json", "-l", "critical", *words])
        done = self.node.run(f"{_CALL} {argv}", timeout=240)
        assert done.stdout.lstrip().startswith("{"), done
        assert "Traceback" not in done.stdout + done.stderr, done
        return json.loads(done.stdout)["local"]

    def functions(self, disk: int, *calls: tuple[str, ...]) -> list[Any]:
        """Execution functions by the Salt of that disk, in one process; what each returns."""
        site = f"/salts/dev/vd{'bcd'[disk]}"
        argv = shlex.join([_FUNCTIONS, json.dumps(calls)])
        done = self.node.run(f"PYTHONPATH={site} python3 -B -c {argv}", timeout=240)
        lines = [line for line in done.stdout.splitlines() if line.startswith("told=")]
        assert lines, done
        told = json.loads(lines[0].partition("=")[2])
        assert isinstance(told, list)
        return told

    def apply(self, *sls: str, **pillar: Any) -> dict[str, dict[str, Any]]:
        """``state.apply``, without SLS all that top.sls names; results by the state's id."""
        results = self.call("state.apply", *sls, f"pillar={json.dumps(pillar)}")
        assert isinstance(results, dict), results
        assert all("__id__" in result for result in results.values()), results
        return {result["__id__"]: result for result in results.values()}
