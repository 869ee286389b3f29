# SPDX-License-Identifier: GPL-2.0-only
"""How long `state.apply toa` takes where nothing changes, beside kmod.present.

    make bench-salt

A node of the lab with a real kernel, a Salt master on this machine. Once toa is
there, `salt-call state.apply` runs by turns with the formula and with a state
file of one `kmod.present` for a module that is loaded. Told are the medians of
the whole command, as an operator waits for it, and of the state alone.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

_TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path[:0] = [str(_TESTS / "salt"), str(_TESTS / "node")]

ROUNDS = 5
MODULE = "tun"
MOST = 1.5


def main() -> int:
    """Measures and prints; 1 when toa takes more than 1.5 times as long."""
    import salt_versions
    from masters import Estate
    from real_kernels import serve_artifact
    from virtual_minions import Guest, salt_disk

    import lab

    version = salt_versions.versions()[0]
    spec = lab.Spec("minion", disks=(salt_disk(version),))
    with tempfile.TemporaryDirectory(prefix="toa-bench-") as name:
        home = Path(name)
        with Estate(version, []) as master, lab.Lab([spec]) as nodes:
            guest = Guest(nodes["minion"], master.ports_of_minions)
            guest.prepare()
            serve_artifact(master, guest.node, home)
            (master.home / "served" / "beside.sls").write_text(f"{MODULE}:\n  kmod.present: []\n")
            guest.call("saltutil.sync_all")
            for state in ("toa", "beside"):
                _check(guest.apply(state))
            taken = _measure(guest)
    return _tell(version, taken)


def _measure(guest: Any) -> dict[str, list[tuple[float, float]]]:
    """Seconds of the command and of the state, by what was applied."""
    taken: dict[str, list[tuple[float, float]]] = {"toa": [], "beside": []}
    for _ in range(ROUNDS):
        for state, times in taken.items():
            started = time.perf_counter()
            results = guest.apply(state)
            whole = time.perf_counter() - started
            _check(results, may_change=False)
            alone = sum(float(result["duration"]) for result in results.values()) / 1000
            times.append((whole, alone))
    return taken


def _check(results: dict[str, dict[str, Any]], may_change: bool = True) -> None:
    for result in results.values():
        if result["result"] is not True or (result["changes"] and not may_change):
            raise SystemExit(f"bench: {result['comment']}")


def _tell(version: str, taken: dict[str, list[tuple[float, float]]]) -> int:
    print(f"Salt {version}, nothing to change, {ROUNDS} runs each by turns; medians in seconds")
    print(f"{'':32}{'command':>10}{'state alone':>14}")
    medians: dict[str, list[float]] = {}
    for state, what in (("toa", "state.apply toa"), ("beside", f"one kmod.present ({MODULE})")):
        medians[state] = [statistics.median(times) for times in zip(*taken[state])]
        print(f"{what:32}{medians[state][0]:10.2f}{medians[state][1]:14.3f}")
    ratio = medians["toa"][0] / medians["beside"][0]
    print(f"{'ratio':32}{ratio:10.2f}")
    return ratio > MOST


if __name__ == "__main__":
    sys.exit(main())
