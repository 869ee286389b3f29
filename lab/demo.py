# SPDX-License-Identifier: GPL-2.0-only
"""`make demo`: the main job, on four virtual nodes with real kernels.

    web1  Debian 12, kernel N      the reference node
    web2  Debian 12, kernel N      its like
    web3  Debian 12, kernel N-1    insmod alone would load web1's module here
    web4  Debian 13

Each step runs a command that an operator would type, shows what it prints, and
ends the demo with status 1 when the outcome is not the promised one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

from . import prepare
from .errors import LabError
from .lab import Lab
from .node import Node, Spec
from .operator import Operator
from .qemu import available

NODES = (
    Spec("web1", "bookworm", "bookworm"),
    Spec("web2", "bookworm", "bookworm"),
    Spec("web3", "bookworm", "bookworm-previous"),
    Spec("web4", "trixie", "trixie"),
)
NAMES = tuple(spec.name for spec in NODES)
ALL_HAVE_IT, SOME_REFUSED = 0, 3

console = Console(highlight=False)


class Demo:
    """The steps, and how long each took in seconds."""

    def __init__(self) -> None:
        self.times: list[tuple[str, float]] = []

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Names what follows and times it."""
        console.rule(f"[bold]{len(self.times) + 1}. {title}", align="left")
        started = time.monotonic()
        yield
        self.times.append((title, time.monotonic() - started))

    def show_times(self) -> None:
        """The table of steps."""
        table = Table("step", "seconds", title="How long it took")
        for title, seconds in self.times:
            table.add_row(title, f"{seconds:.1f}")
        table.add_row("all", f"{sum(seconds for _, seconds in self.times):.1f}", style="bold")
        console.print(table)


def show(operator: Operator, *words: str, expect: int = ALL_HAVE_IT) -> None:
    """Runs a toa-fleet command in view of the user; it must exit with `expect`."""
    console.print(f"[bold green]$ toa-fleet {' '.join(words)}")
    status = subprocess.call(operator.argv(*words))
    if status != expect:
        raise LabError(f"toa-fleet {words[0]} exited with {status}, not {expect}")


def loaded(node: Node) -> bool:
    """Whether the node's kernel holds a toa."""
    return node.run("grep -q '^toa ' /proc/modules").status == 0


def expect_loaded(lab: Lab, names: Sequence[str]) -> None:
    """Asks the kernels themselves, past toa-fleet; raises LabError when it is otherwise."""
    really = [node.name for node in lab if loaded(node)]
    if really != list(names):
        raise LabError(f"toa is in the kernels of {really}, it should be in those of {names}")
    console.print(f"[dim]toa is in the kernel of: {', '.join(really) or 'none'}")


def show_live_connection(node: Node) -> None:
    """A connection through a balancer: the application's view, and the counters."""
    console.print(f"[bold green]{node.name}# toa-selftest; cat /proc/net/toa_stats")
    selftest = "/var/lib/toa/*/*/toa-selftest"
    console.print(node.check(f"{selftest} && head -n 4 /proc/net/toa_stats"), end="")


def run_steps(demo: Demo) -> None:
    with demo.step("Prepare kernels and images (cached after the first time)"):
        prepare.prepare_nodes(NODES)
    with demo.step("Start four nodes"):
        lab = Lab(NODES)
        lab.start()
    try:
        tell_the_story(demo, lab, Operator(lab))
    finally:
        lab.stop()


def tell_the_story(demo: Demo, lab: Lab, operator: Operator) -> None:
    with demo.step("Which nodes are alike?"):
        show(operator, "fingerprint", *NAMES)
    with demo.step("Build once, on web1"):
        show(operator, "build", "--on", "web1")
        expect_loaded(lab, [])
    with demo.step("Push to all: its like gets it, the others are refused"):
        show(operator, "push", *NAMES, expect=SOME_REFUSED)
        expect_loaded(lab, ["web1", "web2"])
        show_live_connection(lab["web2"])
    with demo.step("Build for the other two, each on itself"):
        show(operator, "build", "--on", "web3", "--on", "web4")
    with demo.step("Push to all again: all carry it"):
        show(operator, "push", *NAMES)
        expect_loaded(lab, NAMES)
    with demo.step("Reboot web2: toa is back"):
        lab["web2"].reboot()
        wait_for_boot(lab["web2"])
        expect_loaded(lab, NAMES)
        show_live_connection(lab["web2"])
    with demo.step("Audit"):
        show(operator, "audit", *NAMES)


def wait_for_boot(node: Node) -> None:
    """Until systemd has started all that it starts; sshd greets before that."""
    node.run("systemctl is-system-running --wait", timeout=120)


def main() -> int:
    """Runs the demo; the exit status is 0 when all came as promised."""
    reason = available()
    if reason is not None:
        console.print(f"demo: {reason}", style="red")
        return 1
    os.environ.setdefault("COLUMNS", "120")
    demo = Demo()
    try:
        run_steps(demo)
    except LabError as error:
        console.print(f"demo: {error}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("demo: stopped; the nodes are gone", style="red")
        return 130
    demo.show_times()
    return 0


if __name__ == "__main__":
    sys.exit(main())
