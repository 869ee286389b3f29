# SPDX-License-Identifier: GPL-2.0-only
"""Nodes for fleet tests: a real sshd on loopback, reached as 127.0.T.N.

                 127.0.T.1:PORT --+
    toa-fleet -- 127.0.T.2:PORT --+-- one sshd -- node_shell -- sh of the request
                 127.0.T.N:PORT --+                  |
                                                     directory of the node

Each address is a node with a directory of its own, which stands in for its
/var/lib/toa and for the state of its kernel. T is another one in each test.
"""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest

from fleet.loopback import Fleet, Outcome, free_port
from toa_fleet import cli

_HERE = Path(__file__).resolve().parent
_networks = itertools.count(1)
SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")

# What sshd runs for each command: finds the node's directory by the address
# that was dialled, and runs the command with /var/lib/toa replaced by it.
_NODE_SHELL = """#!/bin/sh
set -- $SSH_CONNECTION
NODE_DIR={root}/$3
export NODE_DIR
echo $PPID >$NODE_DIR/sshd-session
echo "$SSH_ORIGINAL_COMMAND" >>$NODE_DIR/commands
[ ! -f $NODE_DIR/path ] || PATH=$(cat $NODE_DIR/path)
[ ! -f $NODE_DIR/banner ] || cat $NODE_DIR/banner
exec /bin/sh -c "$(printf %s "$SSH_ORIGINAL_COMMAND" | /bin/sed "s,/var/lib/toa,$NODE_DIR/lib,g")"
"""

_CONFIG = """
Port {port}
ListenAddress 0.0.0.0
HostKey {root}/host_key
AuthorizedKeysFile {root}/authorized_keys
TrustedUserCAKeys {root}/user_ca.pub
PidFile {root}/pid
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
StrictModes no
MaxStartups 500
MaxSessions 20
LogLevel INFO
PermitRootLogin yes
ForceCommand {root}/node_shell
"""


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """A real sshd on a free port of the loopback."""
    if not SSHD or not shutil.which("ssh-keygen"):
        pytest.skip("NOT TESTED: no sshd here (apt-get install openssh-server)")
    root = tmp_path_factory.mktemp("sshd")
    port = free_port()
    for key in ("host_key", "user_key", "other_key", "user_ca"):
        _keygen(root / key)
    shutil.copy(root / "user_key.pub", root / "authorized_keys")
    shell = root / "node_shell"
    shell.write_text(_NODE_SHELL.format(root=root))
    shell.chmod(0o755)
    config = root / "sshd_config"
    config.write_text(_CONFIG.format(root=root, port=port))
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    log = (root / "log").open("w")
    process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(config)], stderr=log)
    try:
        _wait_for(port, process, root / "log")
        yield root, port
    finally:
        process.terminate()
        process.wait()
        log.close()


def _keygen(path: Path) -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)],
        check=True,
    )


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(100):
        if process.poll() is not None:
            pytest.fail(f"sshd did not start: {log.read_text()}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    pytest.fail("sshd does not listen")


@pytest.fixture
def fleet(sshd: tuple[Path, int], tmp_path: Path) -> Fleet:
    """The sshd for one test, its host key known for every address."""
    root, port = sshd
    home = tmp_path / "ssh"
    home.mkdir()
    made = Fleet(root, port, home, f"127.0.{next(_networks)}")
    made.known_hosts.write_text(f"[127.0.*]:{port} {made.host_key}\n")
    made.write_config()
    return made


@pytest.fixture
def toa_fleet(
    fleet: Fleet,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Outcome]:
    """Runs the command with the stand-in node program; returns what it left."""
    program = (_HERE / "stand_in_node.sh").read_bytes()
    monkeypatch.setattr("toa_fleet.node_program.node_program", lambda: program)
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)

    def run(command: str, *words: Any) -> Outcome:
        common = ["--ssh-config", fleet.home / "config", "--store", tmp_path / "store"]
        arguments = [command, *common, *words]
        status = cli.run([str(word) for word in arguments])
        captured = capsys.readouterr()
        return Outcome(status, captured.out, captured.err)

    return run
