# SPDX-License-Identifier: GPL-2.0-only
"""The formula over salt-ssh: nothing of ours is on the target, all of it travels."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import salt_versions
from masters import free_port
from minions import serve_checkout
from node_trees import CHECKOUT

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
SaltSsh = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """An sshd on loopback for one key; the port and the private key."""
    if not SSHD or not shutil.which("ssh-keygen"):
        pytest.skip("NO SSH: install openssh-server and openssh-client")
    home = tmp_path_factory.mktemp("sshd")
    for name in ("key", "host"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / name)], check=True
        )
    number = free_port()
    (home / "config").write_text(
        f"Port {number}\nListenAddress 127.0.0.1\nHostKey {home}/host\nPidFile none\n"
        f"AuthorizedKeysFile {home}/key.pub\nStrictModes no\nUsePAM no\n"
        "PermitRootLogin yes\nSubsystem sftp internal-sftp\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    sshd = subprocess.Popen([SSHD, "-D", "-f", str(home / "config"), "-E", str(home / "log")])
    time.sleep(0.5)
    if sshd.poll() is not None:
        pytest.skip(f"NO SSH: sshd does not start: {(home / 'log').read_text()[-300:]}")
    yield number, home / "key"
    sshd.terminate()
    sshd.wait(10)


@pytest.fixture(scope="module", params=salt_versions.versions()[:1])
def salt_ssh(
    request: pytest.FixtureRequest,
    port: tuple[int, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> SaltSsh:
    try:
        python = salt_versions.python_of(request.param)
    except salt_versions.NoSalt as why:
        pytest.skip(f"NO SALT {request.param}: {why}")
    home = tmp_path_factory.mktemp("salt-ssh")
    target = {
        "host": "127.0.0.1",
        "port": port[0],
        "user": "root",
        "priv": str(port[1]),
        "thin_dir": str(home / "thin"),
        "set_path": f"{python.parent}:/usr/sbin:/usr/bin:/sbin:/bin",
    }
    (home / "roster").write_text(json.dumps({"target": target}))
    config = {
        "root_dir": str(home),
        "cachedir": str(home / "cache"),
        "pki_dir": str(home / "pki"),
        "log_file": str(home / "log"),
        "ssh_log_file": str(home / "ssh-log"),
        "file_roots": {"base": serve_checkout(home)},
        "pillar_roots": {"base": [str(home / "pillar")]},
    }
    (home / "master").write_text(json.dumps(config))

    def salt_ssh(*words: str) -> dict[str, Any]:
        done = subprocess.run(
            [
                str(python.parent / "salt-ssh"),
                *("-c", str(home), "--roster-file", str(home / "roster"), "-i"),
                *("--out=json", "-l", "critical", "target", *words),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.stdout, done.stderr
        found = json.loads(done.stdout)["target"]
        assert isinstance(found, dict), found
        return found

    return salt_ssh


def test_program_and_sources_travel_with_the_state(salt_ssh: SaltSsh) -> None:
    """In a test run, for the target is this very host."""
    sources = pytest.importorskip("toa_fleet.sources")
    pillar = json.dumps({"toa": {"source": "auto", "allow_build": True}})
    results = salt_ssh("state.apply", "toa", "test=True", f"pillar={pillar}")
    present = next(value for key, value in results.items() if "toa-is-present" in key)
    assert present["result"] is None, present["comment"]
    source = sources.source_hash(sources.kmod_sources(CHECKOUT / "kmod"))
    assert source[:16] in present["changes"]["artifact"]["new"]


def test_the_toolchain_travels_with_the_state(salt_ssh: SaltSsh) -> None:
    """What it says depends on this host, whose packages a test run leaves alone."""
    results = salt_ssh("state.apply", "toa.toolchain", "test=True")
    comment = next(iter(results.values()))["comment"]
    assert "headers" in comment
