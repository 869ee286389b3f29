# SPDX-License-Identifier: GPL-2.0-only
"""`python3 -m lab`: the lab from a shell."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time

from . import cache, run_folder
from .errors import LabError
from .kernels import kernels
from .lab import Lab
from .node import Spec
from .prepare import USUAL_IMAGES, prepare
from .qemu import available

USUAL_NODES = ("a", "b", "c:bookworm:bookworm-backports", "d:trixie")
UP_SECONDS = 1800.0


def main(argv: list[str] | None = None) -> int:
    """Does what ARGV says and returns the exit status."""
    options = _parser().parse_args(argv)
    reason = available()
    if reason is not None:
        print(f"lab: {reason}", file=sys.stderr)
        return 1
    try:
        status: int = options.do(options)
        return status
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m lab", description="Real kernels in QEMU.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    verb = verbs.add_parser("prepare", help="make kernels, build chroot and node images")
    verb.add_argument("images", nargs="*", default=USUAL_IMAGES, help="Debian releases of nodes")
    verb.add_argument("--refresh", action="store_true", help="look for newer kernels first")
    verb.set_defaults(do=_prepare)

    verb = verbs.add_parser("kernels", help="list the lab's kernels")
    verb.add_argument("--refresh", action="store_true", help="look for newer kernels first")
    verb.set_defaults(do=_kernels)

    verb = verbs.add_parser("up", help="start nodes and leave them running")
    verb.add_argument(
        "nodes", nargs="*", default=USUAL_NODES, metavar="NAME[:IMAGE[:KERNEL]]",
        help=f"default: {' '.join(USUAL_NODES)}",
    )  # fmt: skip
    verb.add_argument("--foreground", action="store_true", help="stay until Ctrl-C")
    verb.set_defaults(do=_up)

    verb = verbs.add_parser("ssh", help="log in to a node, or run a command on it")
    verb.add_argument("node", metavar="[USER@]NODE")
    verb.add_argument("command", nargs=argparse.REMAINDER)
    verb.set_defaults(do=_ssh)

    verbs.add_parser("down", help="stop what up started, and what a kill left").set_defaults(
        do=_down
    )
    verbs.add_parser("clean", help="down, and remove the whole cache").set_defaults(do=_clean)
    return parser


def _prepare(options: argparse.Namespace) -> int:
    started = time.monotonic()
    prepare(options.images, options.refresh)
    cache.say(f"all prepared after {time.monotonic() - started:.1f} s, in {cache.root()}")
    return 0


def _kernels(options: argparse.Namespace) -> int:
    for kernel in kernels(options.refresh).values():
        print(f"{kernel.name:20} {kernel.distribution:10} {kernel.release:32} {kernel.version}")
    return 0


def _up(options: argparse.Namespace) -> int:
    specs = [_spec(text) for text in options.nodes]
    if options.foreground:
        with Lab(specs) as lab:
            _show(lab)
            print("Ctrl-C ends them", flush=True)
            signal.pause()
    if _keeper() is not None:
        raise LabError("nodes are up already; `python3 -m lab down` first")
    return _leave_running(specs)


def _ssh(options: argparse.Namespace) -> int:
    keeper = _keeper()
    if keeper is None:
        raise LabError("no nodes are up; `python3 -m lab up` first")
    config = (cache.root() / "up").resolve() / "ssh_config"
    return subprocess.call(["ssh", "-F", str(config), options.node, *options.command])


def _down(_options: argparse.Namespace) -> int:
    keeper = _keeper()
    if keeper is not None:
        os.kill(keeper, signal.SIGTERM)
        for _ in range(300):
            if _keeper() is None:
                break
            time.sleep(0.1)
        else:
            raise LabError(f"process {keeper} holds the nodes and does not end")
        cache.say("the nodes are down")
    left = run_folder.sweep()
    if left:
        cache.say(f"removed what {left} killed runs left")
    return 0


def _clean(options: argparse.Namespace) -> int:
    _down(options)
    owners = [pid for pid in run_folder.owners() if pid != os.getpid()]
    if owners:
        raise LabError(f"labs are running (processes {', '.join(map(str, owners))}): not removed")
    cache.remove(cache.root())
    return 0


def _spec(text: str) -> Spec:
    name, _, rest = text.partition(":")
    release, _, kernel = rest.partition(":")
    return Spec(name, release or "bookworm", kernel or None)


def _show(lab: Lab) -> None:
    for node in lab:
        print(f"{node.name:12} root@{node.host}:{node.port}  {node.kernel.release}")
    print(f"ssh -F {lab.ssh_config} NODE", flush=True)


def _leave_running(specs: list[Spec]) -> int:
    """Forks a process that keeps the nodes; returns when they are ready, or failed."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.close(reader)
        os.setsid()
        os._exit(_keep(specs, writer))
    os.close(writer)
    with os.fdopen(reader) as stream:
        for line in stream:
            if line.strip() == "ready":
                return 0
            print(line, end="", flush=True)
    return 1


def _keep(specs: list[Spec], writer: int) -> int:
    """The keeper's life: nodes up, wait for SIGTERM, nodes down."""
    up = cache.root() / "up"
    try:
        with Lab(specs) as lab:
            up.unlink(missing_ok=True)
            up.symlink_to(lab.folder)
            with os.fdopen(writer, "w") as stream:
                os.dup2(writer, 1)
                _show(lab)
                stream.write("ready\n")
            nowhere = os.open(os.devnull, os.O_RDWR)
            for number in (0, 1, 2):
                os.dup2(nowhere, number)
            while True:
                signal.pause()
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr, flush=True)
        return 1
    except SystemExit:
        return 0
    finally:
        up.unlink(missing_ok=True)


def _keeper() -> int | None:
    """The process that holds the nodes of `up`, if it lives."""
    try:
        pid = int(((cache.root() / "up") / "owner").read_text())
    except (OSError, ValueError):
        return None
    return pid if pid in run_folder.owners() else None
