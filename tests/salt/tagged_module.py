# SPDX-License-Identifier: GPL-2.0-only
"""A file with the tags and the build-id of a toa.ko, which no kernel takes.

python tagged_module.py TARGET FINGERPRINT SOURCES
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

#: The kernel that it is for.
RELEASE = "6.1.0-99-amd64"


def module_bytes(fingerprint: str, seed: str) -> tuple[bytes, str]:
    """A file that has the tags and the build-id of a toa.ko; and the build-id."""
    build_id = hashlib.sha1(seed.encode(), usedforsecurity=False).digest()
    tags = [
        f"toa_fingerprint={fingerprint}",
        f"vermagic={RELEASE} SMP preempt mod_unload modversions ",
        "srcversion=0123456789ABCDEF0123456",
        "version=0.1.0",
        *(
            f"parm={name}:a parameter"
            for name in ("kinds", "trusted", "max_connections", "netns", "from_syn")
        ),
    ]
    note = bytes([4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0]) + b"GNU\0" + build_id
    data = b"\x7fno module\0" + b"\0".join(tag.encode() for tag in tags) + b"\0\0" + note
    return data, build_id.hex()


def _make_module_for_makefile(target: str, fingerprint: str, sources: str) -> None:
    """For a makefile: the module depends on the sources, as a real one does."""
    seed = "".join(path.read_text() for path in sorted(Path(sources).glob("*.[ch]")))
    Path(target).write_bytes(module_bytes(fingerprint, seed)[0])


if __name__ == "__main__":
    _make_module_for_makefile(*sys.argv[2:5])
