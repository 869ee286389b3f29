# SPDX-License-Identifier: GPL-2.0-only
"""toa.ko on arm64, cross-built with Debian's headers: `make test-arm64`.

The whole run is one boot of an emulated machine; each test reads its console.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

import lab
from lab import arm64

pytestmark = [pytest.mark.lab, pytest.mark.arm64]

ROOT = Path(__file__).resolve().parents[2]
CASES = (
    "lost-ack", "defer-accept", "syncookies", "fastopen", "mptcp", "mptcp-client", "mptcp-v6",
    "reuseport", "tuple-reuse", "two-options", "behind-others", "malformed",
    "reset-before-accept", "backlog-closed", "nat64",
)  # fmt: skip
# In the order of their needs; the last four are kTLS' AES-GCM.
MODULES = ("tun", "tls", "gf128mul", "ghash-generic", "crypto_null", "gcm")
# Parameters that a case needs, and the case.
WITH_PARAMETERS = {
    "no-port": "kinds=28", "from-syn": "from_syn=1", "store-full": "max_connections=2",
}  # fmt: skip

SCRIPT = f"""
insmod /root/toa.ko && echo loaded
toa-selftest
for case in {" ".join(CASES)}; do
    echo "traffic $case: $(timeout 60 traffic $case 2>&1)"
done
echo "traffic many: $(traffic many 2000 2>&1)"
toa-selftest --ktls
echo "hooks: $(cat /sys/module/toa/parameters/hooks)"
rmmod toa && echo unloaded
toa-selftest | sed 's/^/without /'
for with in {" ".join(f"{case}:{words}" for case, words in WITH_PARAMETERS.items())}; do
    case=${{with%%:*}}
    insmod /root/toa.ko ${{with#*:}} && echo "traffic $case: $(timeout 60 traffic $case 2>&1)"
    rmmod toa
done
for i in 1 2 3 4 5; do insmod /root/toa.ko && rmmod toa && echo "cycle $i"; done
dmesg
"""


class Outcome(NamedTuple):
    build_log: str
    console: str


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    missing = lab.available() or arm64.available()
    if missing:
        pytest.skip(missing)
    source = tmp_path_factory.mktemp("source") / "kmod"
    shutil.copytree(ROOT / "kmod", source)
    shutil.copy(ROOT / "tests/kmod/traffic.c", source / "selftest")
    machine = arm64.Arm64(tmp_path_factory.mktemp("arm64"))
    built, log = machine.build(
        source,
        {
            "toa-selftest": ["selftest/toa-selftest.c", "selftest/wire.c"],
            "traffic": ["selftest/traffic.c", "selftest/wire.c"],
        },
    )
    files = {
        "/root/toa.ko": built / "toa.ko",
        "/bin/toa-selftest": built / "toa-selftest",
        "/bin/traffic": built / "traffic",
    }
    return Outcome(log, machine.run(SCRIPT, files, MODULES))


def test_it_builds_without_a_warning(outcome: Outcome) -> None:
    assert [line for line in outcome.build_log.splitlines() if "warning" in line.lower()] == []
    assert "  HAVE    inet_daddr: yes" in outcome.build_log


def test_it_loads_and_unloads(outcome: Outcome) -> None:
    lines = outcome.console.splitlines()
    assert "loaded" in lines
    assert "unloaded" in lines
    assert [f"cycle {i}" in lines for i in range(1, 6)] == [True] * 5
    assert "hooks: armed" in lines


def test_the_selftest_sees_the_clients_address_and_not_without(outcome: Outcome) -> None:
    lines = outcome.console.splitlines()
    for case in ("toa", "plain", "toa_mapped", "plain_mapped", "toa_v6", "plain_v6"):
        assert f"{case}=pass" in lines
    assert "without toa=fail: accept() gave 192.0.2.2:33333" in outcome.console


def test_ktls_works_on_a_connection_with_a_client_address(outcome: Outcome) -> None:
    assert "ktls=pass" in outcome.console.splitlines(), outcome.console


@pytest.mark.parametrize("case", [*CASES, "many", *WITH_PARAMETERS])
def test_every_kind_of_handshake(outcome: Outcome, case: str) -> None:
    said = re.search(rf"^traffic {case}: (.*)$", outcome.console, re.MULTILINE)
    assert said is not None, outcome.console
    if said.group(1).startswith("skipped"):
        pytest.skip(said.group(1))
    assert said.group(1) == "pass"


def test_the_kernel_complains_of_nothing(outcome: Outcome) -> None:
    for trouble in ("BUG:", "WARNING:", "Call trace", "Oops", "Unable to handle"):
        assert trouble not in outcome.console, outcome.console
