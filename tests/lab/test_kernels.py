# SPDX-License-Identifier: GPL-2.0-only
"""The lab takes the newest whole kernel of each line, and orders versions as dpkg does."""

from __future__ import annotations

import subprocess

import pytest

import lab
from lab.kernels import Line, _candidates, _Index, _indexes
from lab.versions import version_key


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("6.1.9-1", "6.1.10-1"),
        ("6.1.192-1", "6.1.192-2"),
        ("6.12.117-1~deb12u1", "6.12.117-1"),
        ("7.3.4-1~bpo13+1", "7.3.4-1"),
        ("1.0~rc1", "1.0"),
        ("1.0a", "1.0+"),
        ("9.9", "1:0.1"),
        ("1.0", "1.0+b1"),
    ],
)
def test_versions_sort_as_dpkg_sorts_them(left: str, right: str) -> None:
    assert version_key(left) < version_key(right)
    subprocess.run(["dpkg", "--compare-versions", left, "lt", right], check=True)


def test_each_kernel_has_an_image_headers_and_modules(needs_machines: None) -> None:
    for kernel in lab.kernels().values():
        assert kernel.vmlinuz.stat().st_size > 1 << 20
        assert (kernel.modules / "modules.dep").is_file()
        makefile = kernel.headers_tree / kernel.headers_dir.lstrip("/") / "Makefile"
        assert makefile.is_file(), kernel.release


def test_the_previous_kernel_is_older_and_of_the_same_layout(needs_machines: None) -> None:
    newest, previous = lab.kernel("bookworm"), lab.kernel("bookworm-previous")
    assert version_key(previous.version) < version_key(newest.version)
    assert previous.release != newest.release
    assert previous.symbol_crc("module_layout") == newest.symbol_crc("module_layout")


def test_the_series_before_is_the_newest_with_its_headers_of_an_index_made_up_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def offers(version: str, parts: str) -> list[dict[str, str]]:
        names = [f"linux-{part}-{version}-cloud-amd64" for part in parts.split()]
        return [{"Package": name, "Version": f"{version}-1"} for name in names]

    suite = "made-up"
    stanzas = [
        {"Package": "linux-image-cloud-amd64", "Version": "7.3.4-1"},
        *offers("7.3.4", "image headers"),
        *offers("7.2.13", "image"),
        *offers("7.2.12", "image headers"),
        *offers("7.2.9", "image headers"),
        *offers("7.1.13", "image headers"),
    ]
    monkeypatch.setitem(_indexes, suite, stanzas)

    def releases(series_before: bool) -> list[str]:
        line = Line(
            "line", "trixie", (suite,), "linux-image-cloud-amd64", series_before=series_before
        )
        return [kernel.release for kernel in _candidates(line, _Index(line.suites))]

    assert releases(series_before=False) == ["7.3.4-cloud-amd64"]
    assert releases(series_before=True) == ["7.2.12-cloud-amd64", "7.2.9-cloud-amd64"]


def test_the_series_before_is_older_and_of_one_series(needs_machines: None) -> None:
    before = lab.kernels().get("trixie-backports-before")
    if not before:
        pytest.skip("Debian's backports offer no other series with its headers")
    newest = lab.kernel("trixie-backports")
    series = [kernel.version.split(".")[:2] for kernel in (before, newest)]
    assert series[0] != series[1]
    assert version_key(before.version) < version_key(newest.version)


def test_an_unknown_kernel_is_named_with_the_known_ones(needs_machines: None) -> None:
    with pytest.raises(lab.LabError, match=r"no kernel 'woody' here; there are: .*bookworm"):
        lab.kernel("woody")
