# SPDX-License-Identifier: GPL-2.0-only
"""Which kernels the lab has, and their files.

No version is written here: each line below takes the newest kernel that the
package indexes offer with all of its parts.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

from . import apt, cache
from .children import run, tail
from .errors import LabError
from .versions import version_key

CHOICE_DAYS = 7
Named = tuple[str, str]


@dataclass(frozen=True)
class Line:
    """A line of kernels: the newest of `release` that the meta package `meta` leads to.

    With `series_before`, the newest of the series before that one.
    """

    name: str
    release: str
    suites: tuple[str, ...]
    meta: str
    flavour: str = "cloud-amd64"
    series_before: bool = False


_PLAIN = r"linux-image-cloud-amd64"
LINES = (
    Line("bullseye", "bullseye", apt.suites("bullseye"), _PLAIN),
    Line("bookworm", "bookworm", apt.suites("bookworm")[:3], _PLAIN),
    Line(
        "bookworm-backports",
        "bookworm",
        apt.suites("bookworm"),
        r"linux-image-(\d+\.\d+-)?cloud-amd64",
    ),
    Line("trixie", "trixie", apt.suites("trixie")[:3], _PLAIN),
    Line("trixie-backports", "trixie", ("trixie-backports",), _PLAIN),
    Line("trixie-backports-before", "trixie", ("trixie-backports",), _PLAIN, series_before=True),
    Line("bookworm-rt", "bookworm", apt.suites("bookworm")[:3], "linux-image-rt-amd64", "rt-amd64"),
)
PREVIOUS = "bookworm-previous"


@dataclass(frozen=True)
class Kernel:
    """A kernel of Debian's: `name` in the lab, `release` as uname -r says it.

    `image` and `headers` are its packages as (name, version).
    """

    name: str
    release: str
    version: str
    distribution: str
    image: tuple[Named, ...]
    headers: tuple[Named, ...]

    # Which processor it meets in a machine: all that QEMU can do.
    cpu: ClassVar[str] = "max"

    @property
    def files(self) -> Path:
        """A directory with `vmlinuz` and `lib/modules/RELEASE`; fetched if need be."""
        return cache.entry("kernel-" + self.release, ["2", self.image], self._unpack)

    @property
    def vmlinuz(self) -> Path:
        """The bootable image."""
        return self.files / "vmlinuz"

    @property
    def modules(self) -> Path:
        """The tree of modules, with modules.dep."""
        return self.files / "lib" / "modules" / self.release

    @property
    def headers_tree(self) -> Path:
        """A directory with the unpacked headers: usr/src, usr/lib; fetched if need be."""
        return cache.entry("headers-" + self.release, ["1", self.headers], self._unpack_headers)

    @property
    def headers_dir(self) -> str:
        """The directory that KERNELDIR names, as a path below `headers_tree`."""
        return f"/usr/src/linux-headers-{self.release}"

    def symbol_crc(self, symbol: str) -> str:
        """The CRC that Module.symvers gives SYMBOL (`0x...`), empty when it lists none."""
        match = re.search(rf"^(0x[0-9a-f]+)\t{re.escape(symbol)}\t", self._symvers(), re.MULTILINE)
        return match.group(1) if match else ""

    def _symvers(self) -> str:
        """Module.symvers, out of the package: far quicker than to unpack all headers."""
        name = f"linux-headers-{self.release}"
        deb = apt.download([item for item in self.headers if item[0] == name])[0]
        script = 'dpkg-deb --fsys-tarfile "$1" | tar -xO "$2"'
        member = f".{self.headers_dir}/Module.symvers"
        return run(["sh", "-c", script, "sh", deb, member], timeout=60).decode()

    def _unpack(self, folder: Path) -> None:
        # Older kernels ship ./lib/modules, newer ones ./usr/lib/modules.
        (folder / "usr/lib").mkdir(parents=True)
        (folder / "lib").symlink_to("usr/lib")
        wanted = ["*/modules/*", "*/vmlinuz*"]
        for deb in apt.download(self.image):
            unpack(deb, folder, wanted)
        found = [*folder.glob("boot/vmlinuz-*"), *self.modules_in(folder).glob("vmlinuz")]
        if not found:
            raise LabError(f"the packages of {self.release} hold no vmlinuz")
        found[0].rename(folder / "vmlinuz")
        run(["depmod", "-b", folder, self.release], timeout=120)

    def modules_in(self, folder: Path) -> Path:
        """Where this kernel's modules are below the root directory FOLDER."""
        return folder / "usr/lib/modules" / self.release

    def _unpack_headers(self, folder: Path) -> None:
        (folder / "usr/lib").mkdir(parents=True)
        (folder / "lib").symlink_to("usr/lib")
        for deb in apt.download(self.headers):
            unpack(deb, folder, ["./usr/src/*", "./usr/lib/linux-*"])


def kernels(refresh: bool = False) -> dict[str, Kernel]:
    """The lab's kernels by name, as chosen at most CHOICE_DAYS ago.

    With `refresh`, or when the last choice is older, the package indexes are
    fetched again; when that fails, the last choice stays.
    """
    # Another set of lines is another choice.
    rules = hashlib.sha256(repr(LINES).encode()).hexdigest()[:12]
    record = cache.root() / f"kernels-{rules}.json"
    with cache.lock("kernels"):
        known = _read(record)
        if known and not refresh and time.time() - record.stat().st_mtime < CHOICE_DAYS * 86400:
            return known
        try:
            chosen = _choose(apt.update())
        except LabError as error:
            if not known:
                raise
            cache.say(f"keeping the kernels chosen before: {error}")
            return known
        text = json.dumps([asdict(kernel) for kernel in chosen.values()], indent=1)
        staging = record.with_suffix(f".{os.getpid()}")
        staging.write_text(text)
        staging.rename(record)
        return chosen


def kernel(name: str) -> Kernel:
    """The kernel called NAME, as in `kernels`."""
    known = kernels()
    if name not in known:
        raise LabError(f"no kernel {name!r} here; there are: {', '.join(known)}")
    return known[name]


def fetch(wanted: Sequence[Kernel]) -> None:
    """Downloads the packages of WANTED in one go."""
    apt.download(sorted({item for one in wanted for item in one.image + one.headers}))


def unpack(deb: Path, folder: Path, wanted: Sequence[str]) -> None:
    """Unpacks what matches the WANTED patterns from DEB into FOLDER, through its links."""
    script = (
        'deb=$1 folder=$2; shift 2; dpkg-deb --fsys-tarfile "$deb" | '
        'tar -x -C "$folder" --keep-directory-symlink --no-same-owner --wildcards "$@" 2>&1 || '
        # tar fails when a pattern matches nothing: an error only if it says more than that
        ":"
    )
    out = run(["sh", "-c", script, "sh", deb, folder, *wanted], timeout=300, what=f"unpack {deb}")
    trouble = [
        line for line in out.decode(errors="replace").splitlines()
        if "Not found in archive" not in line and "previous errors" not in line
    ]  # fmt: skip
    if trouble:
        raise LabError(f"cannot unpack {deb.name}\n{tail(chr(10).join(trouble))}")


class _Index:
    """The linux-* packages of some suites."""

    def __init__(self, suites: Sequence[str]) -> None:
        self.found: dict[str, list[apt.Stanza]] = {}
        for suite in suites:
            for stanza in _linux(suite):
                self.found.setdefault(stanza["Package"], []).append(stanza)
        for stanzas in self.found.values():
            stanzas.sort(key=lambda one: version_key(one["Version"]), reverse=True)

    def newest(self, name: str) -> apt.Stanza | None:
        """The newest package called NAME."""
        return next(iter(self.found.get(name, [])), None)

    def closure(self, name: str, version: str = "") -> tuple[Named, ...] | None:
        """NAME and the kernel packages that it needs; None when one is not offered."""
        result: dict[str, str] = {}
        todo: list[Named] = [(name, version)]
        while todo:
            one, exact = todo.pop()
            offers = [s for s in self.found.get(one, []) if not exact or s["Version"] == exact]
            if not offers and one == "linux-base":  # not tied to one kernel
                continue
            if not offers:
                return None
            if one not in result:
                result[one] = offers[0]["Version"]
                todo += _kernel_depends(offers[0])
        return tuple(sorted(result.items()))


def _choose(served: Sequence[str]) -> dict[str, Kernel]:
    chosen: dict[str, Kernel] = {}
    for line in LINES:
        index = _Index([suite for suite in line.suites if suite in served])
        candidates = _candidates(line, index)
        if not candidates:
            cache.say(f"no complete kernel in {line.name}: left out")
            continue
        if candidates[0].release not in {known.release for known in chosen.values()}:
            chosen[line.name] = candidates[0]
        if line.name == "bookworm" and len(candidates) > 1:
            chosen[PREVIOUS] = _previous(candidates)
    if not chosen:
        raise LabError("the package indexes offer no kernel at all")
    return chosen


def _candidates(line: Line, index: _Index) -> list[Kernel]:
    """The complete kernels of LINE's series, newest first, at most six."""
    metas = [s for name in index.found for s in index.found[name] if re.fullmatch(line.meta, name)]
    if not metas:
        return []
    newest = _series(max(metas, key=lambda one: version_key(one["Version"]))["Version"])
    images = [
        stanzas[0] for name, stanzas in index.found.items()
        if re.fullmatch(rf"linux-image-\d+\.\d+\.\d.*-{line.flavour}", name)
    ]  # fmt: skip
    images.sort(key=lambda one: version_key(one["Version"]), reverse=True)
    found: list[Kernel] = []

    def of_line(series: str) -> bool:
        if found:
            return series == _series(found[0].version)
        if line.series_before:
            return version_key(series) < version_key(newest)
        return series == newest

    for stanza in images:
        if not of_line(_series(stanza["Version"])):
            continue
        release = stanza["Package"][len("linux-image-") :]
        image = index.closure(stanza["Package"], stanza["Version"])
        headers = index.closure("linux-headers-" + release)
        if image and headers:
            version = stanza["Version"]
            alone = tuple(one for one in headers if one not in image)
            found.append(Kernel(line.name, release, version, line.release, image, alone))
    return found[:6]


def _previous(candidates: Sequence[Kernel]) -> Kernel:
    """The newest older kernel whose modules plain insmod would take on the newest."""
    newest, older = candidates[0], candidates[1:]
    layout = newest.symbol_crc("module_layout")
    like = (one for one in older[:3] if one.symbol_crc("module_layout") == layout)
    fields = asdict(next(like, older[0]))
    return _kernel({**fields, "name": PREVIOUS})


_NOT_KERNEL = re.compile(r"linux-(compiler-|initramfs-tool|libc-dev|firmware)")


def _kernel_depends(stanza: apt.Stanza) -> list[Named]:
    """The kernel's own packages that STANZA needs, with the version where it is exact."""
    result = []
    needs = stanza.get("Pre-Depends", "") + "," + stanza.get("Depends", "")
    for part in needs.split(","):
        first = part.split("|")[0].strip()
        match = re.match(r"(linux-[^\s:]+)(?::\w+)?(?:\s+\(= ([^)]+)\))?", first)
        if match and not _NOT_KERNEL.match(match.group(1)):
            result.append((match.group(1), match.group(2) or ""))
    return result


_indexes: dict[str, list[apt.Stanza]] = {}


def _linux(suite: str) -> list[apt.Stanza]:
    if suite not in _indexes:
        _indexes[suite] = list(apt.stanzas(suite, "linux-"))
    return _indexes[suite]


def _series(version: str) -> str:
    """`6.1` of `6.1.192-2`."""
    return ".".join(version.split(".")[:2])


def _read(record: Path) -> dict[str, Kernel]:
    try:
        return {fields["name"]: _kernel(fields) for fields in json.loads(record.read_text())}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _kernel(fields: dict[str, object]) -> Kernel:
    def named(key: str) -> tuple[Named, ...]:
        items = fields[key]
        assert isinstance(items, (list, tuple))
        return tuple((str(name), str(version)) for name, version in items)

    return Kernel(
        str(fields["name"]), str(fields["release"]), str(fields["version"]),
        str(fields["distribution"]), named("image"), named("headers"),
    )  # fmt: skip
