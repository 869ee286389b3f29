# SPDX-License-Identifier: GPL-2.0-only
"""shellcheck over the joined toa-node; each remark names the part and its line.

    python tests/node/lint.py

Parts alone would tell nothing: a variable of one is set in another.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys

from toa_fleet.node_program import join, place


def remarks() -> list[str]:
    """FILE:LINE:COLUMN: LEVEL: WORDS [CODE], as compilers say it."""
    program = join().decode()
    words = ["shellcheck", "--shell=sh", "--format=json1", "-"]
    said = subprocess.run(
        words, input=program + _fields(program), capture_output=True, text=True, check=False
    )
    if said.returncode not in (0, 1):
        return [f"shellcheck failed: {said.stderr.strip()}"]
    return [_shown(program, remark) for remark in json.loads(said.stdout)["comments"]]


def _shown(program: str, remark: dict[str, object]) -> str:
    part, line = place(program, int(str(remark["line"])))
    where = f"toa_fleet/node/{part}:{line}:{remark['column']}"
    return f"{where}: {remark['level']}: {remark['message']} [SC{remark['code']}]"


def _fields(program: str) -> str:
    """Says to shellcheck which variables are made from the lists of fields."""
    lists = re.findall(r"^(?:HARD|MANIFEST)_FIELDS=['\"](.*)['\"]$", program, re.MULTILINE)
    fields = sorted({word for line in lists for word in line.split() if word.islower()})
    names = [f"{side}_{field}" for side in ("N", "M", "RUNNING") for field in fields]
    return "\nfields() {\n" + "".join(f'{name}= && : "${name}"\n' for name in names) + "}\nfields\n"


if __name__ == "__main__":
    found = remarks()
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))
