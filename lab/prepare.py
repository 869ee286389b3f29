# SPDX-License-Identifier: GPL-2.0-only
"""Makes what the lab needs, side by side, before anybody waits for it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Callable

from . import apt, cache, chroot, initramfs
from .children import in_parallel
from .errors import LabError
from .image import image, images
from .kernels import Kernel, fetch, kernels
from .node import Spec

# Made unless others are asked for; the rest comes when a node needs it.
USUAL_IMAGES = ("bookworm", "trixie")
_FRESH_SECONDS = 3600.0

Jobs = list[Callable[[], Any]]


def prepare(wanted: Sequence[str] = USUAL_IMAGES, refresh: bool = False) -> dict[str, Kernel]:
    """Makes the kernels, the build chroot and the images called WANTED; returns the kernels.

    Nothing is made twice; `refresh` looks for newer kernels first.
    """
    kernels(refresh)
    _make(lambda: [partial(fetch, list(kernels().values()))])

    def jobs() -> Jobs:
        disks = [one for name, one in images().items() if name in wanted]
        return [
            *(partial(getattr, one, "disk") for one in disks),
            chroot.root,
            *(partial(_kernel, one) for one in kernels().values()),
        ]

    _make(jobs)
    return kernels()


def prepare_nodes(specs: Sequence[Spec]) -> None:
    """Makes what nodes like SPECS start from: far less than all."""

    def jobs() -> Jobs:
        found: Jobs = []
        wanted = dict.fromkeys((spec.image, spec.selinux, spec.kernel) for spec in specs)
        for release, selinux, kernel in wanted:
            one = image(release, selinux)
            found += [partial(getattr, one, "disk"), partial(initramfs.node, one.kernel(kernel))]
        return found

    _make(jobs)


def _make(jobs: Callable[[], Jobs]) -> None:
    """Does JOBS; once more with new package indexes when the mirror has moved on since."""
    first = jobs()
    try:
        in_parallel(first)
    except LabError as error:
        if apt.seconds_since_update() < _FRESH_SECONDS:
            raise
        cache.say(f"once more, with new package indexes: {error}")
        kernels(refresh=True)
        in_parallel(jobs())


def _kernel(kernel: Kernel) -> None:
    initramfs.tiny(kernel)
    initramfs.node(kernel)
    assert kernel.headers_tree.is_dir()
