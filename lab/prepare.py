# SPDX-License-Identifier: GPL-2.0-only
"""Makes all that the lab needs, side by side, before anybody waits for it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Callable

from . import chroot, initramfs
from .image import Image, images
from .kernels import Kernel, fetch, kernels
from .proc import in_parallel

# Made unless others are asked for; the rest comes when a node needs it.
USUAL_IMAGES = ("bookworm", "trixie")


def prepare(wanted: Sequence[str] = USUAL_IMAGES, refresh: bool = False) -> dict[str, Kernel]:
    """Makes the kernels, the build chroot and the images called WANTED; returns the kernels.

    Nothing is made twice; `refresh` looks for newer kernels first.
    """
    known = kernels(refresh)
    made: dict[str, Image] = {name: one for name, one in images().items() if name in wanted}
    everything = list(known.values())
    fetch(everything)
    jobs: list[Callable[[], Any]] = [partial(getattr, one, "disk") for one in made.values()]
    jobs += [chroot.root]
    jobs += [partial(_kernel, one) for one in everything]
    in_parallel(jobs)
    return known


def _kernel(kernel: Kernel) -> None:
    initramfs.tiny(kernel)
    initramfs.node(kernel)
    assert kernel.headers_tree.is_dir()
