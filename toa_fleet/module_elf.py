# SPDX-License-Identifier: GPL-2.0-only
"""Read the truth about a kernel module out of its ELF file.

The manifest only claims; what is compiled into toa.ko is what the kernel gets.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import NoteSection, SymbolTableSection

from toa_fleet.errors import ArtifactRefused
from toa_fleet.text import one_line

#: Largest module that is looked at, in bytes.
MAX_BYTES = 16 * 1024 * 1024

_DAMAGED = "fetch or build it again; it was cut or damaged on its way"
#: ELF machine names by `uname -m`, where the two are known to us.
_MACHINES = {
    "x86_64": "EM_X86_64",
    "aarch64": "EM_AARCH64",
    "ppc64le": "EM_PPC64",
    "s390x": "EM_S390",
    "riscv64": "EM_RISCV",
    "loongarch64": "EM_LOONGARCH",
}


@dataclass(frozen=True)
class ModuleElf:
    """What a module file says of itself.

    Attributes:
        modinfo: the tags of ``.modinfo``; of a repeated one, the first.
        build_id: hex digits of the GNU build-id note; empty when it has none.
        imports: imported symbols, each with its CRC (``0x`` and 8 digits), or
            with an empty string on kernels without MODVERSIONS.
        layout: the CRC of ``module_layout``, likewise, or empty.
        machine: the ELF machine, such as ``EM_X86_64``.
    """

    modinfo: Mapping[str, str]
    build_id: str
    imports: Mapping[str, str]
    layout: str
    machine: str

    @property
    def vermagic(self) -> str:
        """The version magic, without the blanks that end it."""
        return self.modinfo.get("vermagic", "").strip()

    @property
    def release(self) -> str:
        """The kernel release: the first word of the version magic."""
        return self.vermagic.partition(" ")[0]

    @property
    def toa_fingerprint(self) -> str:
        """The fingerprint of the node on which it was built."""
        return self.modinfo.get("toa_fingerprint", "")

    @property
    def srcversion(self) -> str:
        """The hash of its sources that modpost wrote; may be empty."""
        return self.modinfo.get("srcversion", "")

    def fits_machine(self, arch: str) -> bool:
        """Whether the file is for ``arch`` (`uname -m`); True when we cannot know."""
        return _MACHINES.get(arch, self.machine) == self.machine

    @classmethod
    def parse(cls, data: bytes) -> ModuleElf:
        """Read a module.

        Parameters:
            data: the whole file, at most 16 MiB.

        Raises:
            ArtifactRefused: it is too large, truncated, or no kernel module.
        """
        if len(data) > MAX_BYTES:
            raise ArtifactRefused(f"toa.ko is larger than {MAX_BYTES} bytes")
        try:
            return _read(ELFFile(io.BytesIO(data)))
        except ArtifactRefused:
            raise
        # pyelftools answers damaged input with whatever its parsers stumble
        # over (ELFError, StreamError, struct.error, KeyError, ...).
        except Exception as error:
            raise ArtifactRefused(
                f"toa.ko cannot be read as an ELF file: {one_line(str(error), 120)}", _DAMAGED
            ) from error


def _read(elf: Any) -> ModuleElf:
    if elf["e_type"] != "ET_REL":
        raise ArtifactRefused("toa.ko is not a kernel module (not a relocatable ELF file)")
    sections = {section.name: section for section in elf.iter_sections()}
    if ".modinfo" not in sections:
        raise ArtifactRefused("toa.ko is not a kernel module (it has no .modinfo)")
    crcs = _crcs(elf, sections)
    layout = crcs.pop("module_layout", "")
    undefined = _undefined(sections)
    return ModuleElf(
        modinfo=_modinfo(sections[".modinfo"].data()),
        build_id=_build_id(sections.values()),
        imports={name: crcs.get(name, "") for name in sorted(undefined | set(crcs))},
        layout=layout,
        machine=str(elf["e_machine"]),
    )


def _modinfo(data: bytes) -> dict[str, str]:
    tags: dict[str, str] = {}
    for entry in data.split(b"\0"):
        key, equals, value = entry.decode("utf-8", "backslashreplace").partition("=")
        if equals:
            tags.setdefault(key, value)
    return tags


def _build_id(sections: Any) -> str:
    for section in sections:
        if not isinstance(section, NoteSection):
            continue
        for note in section.iter_notes():
            if note["n_type"] == "NT_GNU_BUILD_ID":
                return str(note["n_desc"])
    return ""


def _undefined(sections: Mapping[str, Any]) -> set[str]:
    table = sections.get(".symtab")
    if not isinstance(table, SymbolTableSection):
        return set()
    return {
        symbol.name
        for symbol in table.iter_symbols()
        if symbol.name and symbol["st_shndx"] == "SHN_UNDEF"
    }


def _crcs(elf: Any, sections: Mapping[str, Any]) -> dict[str, str]:
    """CRCs by symbol, from the newer extended tables or the older fixed one."""
    order = "<" if elf.little_endian else ">"
    if "__version_ext_crcs" in sections and "__version_ext_names" in sections:
        data = sections["__version_ext_crcs"].data()
        numbers = struct.unpack(f"{order}{len(data) // 4}I", data[: len(data) // 4 * 4])
        names = sections["__version_ext_names"].data().split(b"\0")
        return {_text(name): f"0x{crc:08x}" for name, crc in zip(names, numbers) if name}
    if "__versions" not in sections:
        return {}
    # struct modversion_info: an unsigned long, then the name; 64 bytes in all.
    wide = elf.elfclass == 64
    layout = struct.Struct(order + ("Q56s" if wide else "I60s"))
    data = sections["__versions"].data()
    entries = layout.iter_unpack(data[: len(data) // layout.size * layout.size])
    return {_text(name.split(b"\0")[0]): f"0x{crc & 0xFFFFFFFF:08x}" for crc, name in entries}


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
