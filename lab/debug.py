# SPDX-License-Identifier: GPL-2.0-only
"""A kernel that watches what its modules do: KASAN, lockdep, kmemleak and more.

No distribution ships one, so it is built here, from the source package of the
kernel called "bookworm" and the options in debug-kernel.config.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from . import apt, cache
from .children import BOX, run
from .errors import LabError
from .kernels import Kernel, kernel

NAME = "debug"
#: In MiB: KASAN keeps an eighth of it, and freed memory for a while.
MEMORY = 1024
#: For its command line: that it is slow, emulated on a busy machine, is no fault.
APPEND = "rcupdate.rcu_cpu_stall_timeout=300 watchdog_thresh=60 cryptomgr.notests"

CONFIG = Path(__file__).parent / "debug-kernel.config"
MAKE = Path(__file__).parent / "shell" / "make-debug-kernel"
BUILD_SECONDS = 7200
NEEDED = ("gcc", "make", "flex", "bison", "bc")


@dataclass(frozen=True)
class DebugKernel(Kernel):
    """A kernel of the lab whose files are all made by one build."""

    @property
    def files(self) -> Path:
        """A directory with `vmlinuz`, `lib/modules/RELEASE` and the headers; built if need be."""
        recipe = ["1", self.image, CONFIG.read_text(), MAKE.read_text()]
        return cache.entry("kernel-" + self.release, recipe, self._build)

    @property
    def headers_tree(self) -> Path:
        """The same directory."""
        return self.files

    def _build(self, folder: Path) -> None:
        missing = [name for name in NEEDED if not shutil.which(name)]
        if missing:
            raise LabError(
                f"not installed: {', '.join(missing)}; "
                "run lab/setup.sh flex bison bc libelf-dev (make test-debug-kernel does)"
            )
        (package,) = apt.download(self.image)
        cache.say(f"building {self.release}: about 10 minutes on two free processors")
        run(
            [*BOX, "sh", MAKE, package, CONFIG, folder],
            timeout=BUILD_SECONDS,
            what=f"building {self.release}",
        )
        made = [path.name for path in (folder / "lib/modules").iterdir()]
        if made != [self.release]:
            raise LabError(f"the source of {self.release} made {', '.join(made)}")


def debug_kernel() -> DebugKernel:
    """The kernel for tests of the module that no other kernel's silence can pass.

    >>> TinyMachine(debug_kernel(), memory=debug.MEMORY)
    """
    like = kernel("bookworm")
    version = like.version.split("-")[0]  # 6.1.192 of 6.1.192-2
    series = ".".join(version.split(".")[:2])
    source = (f"linux-source-{series}", like.version)
    config = (CONFIG.name, cache.digest(CONFIG.read_text()))
    return DebugKernel(
        NAME, f"{version}-toa-debug", like.version, like.distribution,
        image=(source,), headers=(source, config),
    )  # fmt: skip
