# SPDX-License-Identifier: GPL-2.0-only
"""The corpus of `make fuzz`, replayed without clang; see fuzz.py."""

from __future__ import annotations

import subprocess
from pathlib import Path

import fuzz
import pytest


@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_every_input_that_is_kept_holds(target: str, tmp_path: Path) -> None:
    program = fuzz.build_replay(target, tmp_path)
    inputs = sorted((fuzz.CORPUS / target).iterdir())
    assert len(inputs) > 20
    result = subprocess.run(
        [program, *inputs], capture_output=True, text=True, errors="replace", check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"{len(inputs)} replayed\n"
