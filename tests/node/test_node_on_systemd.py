# SPDX-License-Identifier: GPL-2.0-only
"""toa-node on a whole system: built there, brought as a bundle, loaded at boot by systemd."""

from __future__ import annotations

import hashlib
import shlex
import subprocess
from collections.abc import Iterator

import pytest

lab = pytest.importorskip("lab")

from node_support import PROGRAM, Answer  # noqa: E402

from toa_fleet import bundle, resources  # noqa: E402

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def nodes() -> Iterator[lab.Lab]:
    why = lab.available()
    if why:
        pytest.skip(f"NOT TESTED on systemd: {why}")
    with lab.Lab([lab.Spec("reference")]) as nodes:
        yield nodes


def ask(nodes: lab.Lab, request: bundle.Request, user: str = "root") -> Answer:
    """One exec over SSH, as a carrier does it."""
    prefix = ["sudo", "-n"] if user == "admin" else []
    command = shlex.join([*prefix, *request.argv])
    words = ["ssh", "-F", str(nodes.ssh_config), "-l", user, "reference", command]
    done = subprocess.run(
        words, input=b"".join(request.payload), capture_output=True, timeout=900, check=False
    )
    return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())


def source_parts() -> list[bundle.Part]:
    """kmod/ as parts of a bundle."""
    return [bundle.Part(f"kmod/{name}", data) for name, data in resources.kmod_sources()]


def test_from_source_to_a_node_that_loads_it_at_every_boot(nodes: lab.Lab) -> None:
    import base64

    program = PROGRAM.read_bytes()
    node = nodes["reference"]

    def plain(verb: str, user: str = "root") -> Answer:
        return ask(nodes, bundle.plain(program, verb), user)

    toolchain = [bundle.Part(*resources.verb_file("toolchain"))]
    ready = ask(nodes, bundle.bundled(program, "toolchain", toolchain), "admin").done()
    assert (ready["changed"], ready["headers"], ready["missing"]) == ("no", "yes", "")

    built = ask(nodes, bundle.bundled(program, "build", source_parts(), ["--emit"])).done()
    files = [
        bundle.Part(name, base64.b64decode(built[f"base64.{name}"]))
        for name in ("toa.ko", "manifest", "toa-selftest")
    ]
    assert hashlib.sha256(files[0].data).hexdigest() == built["manifest.sha256"]
    assert ":0x" in built["manifest.imports"]
    assert node.run("ls -d /var/lib/toa").status != 0

    # The first time as an administrator with sudo.
    deployed = ask(nodes, bundle.bundled(program, "deploy", files), "admin").done()
    assert deployed["proof.selftest"] == deployed["proof.hooks"] == "yes"
    assert deployed["persistent"] == "yes"
    assert ask(nodes, bundle.bundled(program, "deploy", files)).done()["changed"] == "no"
    verified = node.run("systemd-analyze verify toa.service")
    assert "toa.service" not in verified.stderr, verified.stderr

    node.reboot()
    status = plain("status").done()
    assert (status["boot_record"], status["hooks"]) == ("loaded", "armed"), str(status)
    assert "earlier" not in status["boot_detail"]
    assert status["loaded_build_id"] == built["build_id"]
    assert node.check("systemctl is-active toa.service").strip() == "active"
    journal = node.check("journalctl -b --no-pager")
    assert "ordering cycle" not in journal.lower(), journal
    order = "systemctl show -p ActiveEnterTimestampMonotonic --value "
    early = int(node.check(f"{order} toa.service"))
    late = int(node.check(f"{order} network-pre.target"))
    assert 0 < early <= late
    plain("verify").done()

    # What a deploy said it did must outlive a power cut right behind it.
    plain("remove").done()
    ask(nodes, bundle.bundled(program, "deploy", files)).done()
    node.power_cut()
    node.boot()
    node.wait()
    assert plain("status").done()["boot_record"] == "loaded"

    plain("remove").done()
    for left in ("/var/lib/toa", "/etc/systemd/system/toa.service",
                 "/etc/systemd/system/multi-user.target.wants/toa.service"):  # fmt: skip
        assert node.run(f"ls -d {left}").status != 0
    assert plain("status").done()["loaded"] == "no"
