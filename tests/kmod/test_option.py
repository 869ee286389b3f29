# SPDX-License-Identifier: GPL-2.0-only
"""kmod/option.c, compiled for user space, against a parser of its own making here."""

from __future__ import annotations

import ctypes
import ipaddress
import subprocess
from pathlib import Path
from typing import Callable, NamedTuple, Optional

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

KMOD = Path(__file__).resolve().parents[2] / "kmod"

NONE, FOUND, MALFORMED = 0, 1, 2


class Address(ctypes.Structure):
    _fields_ = [
        ("family", ctypes.c_uint8),
        ("has_port", ctypes.c_bool),
        ("port", ctypes.c_uint8 * 2),
        ("ip", ctypes.c_uint8 * 16),
    ]


class Parsed(NamedTuple):
    outcome: int
    ip: Optional[str] = None
    port: Optional[int] = None


Parse = Callable[[bytes, set[int]], Parsed]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    path = tmp_path_factory.mktemp("option") / "option.so"
    subprocess.run(
        [
            "cc",
            "-O1",
            "-g",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-fsanitize=undefined",
            "-fno-sanitize-recover",
            "-shared",
            "-fPIC",
            "-o",
            str(path),
            str(KMOD / "option.c"),
        ],
        check=True,
    )
    loaded = ctypes.CDLL(str(path))
    loaded.toa_kind_allowed.restype = ctypes.c_bool
    return loaded


@pytest.fixture(scope="session")
def parse(library: ctypes.CDLL) -> Parse:
    def run(options: bytes, kinds: set[int]) -> Parsed:
        flags = (ctypes.c_uint8 * 32)()
        for kind in kinds:
            library.toa_kind_enable(ctypes.byref(flags), ctypes.c_uint8(kind))
        # An exact heap copy, so that a read past the end is a read out of bounds.
        data = (ctypes.c_uint8 * len(options)).from_buffer_copy(options) if options else None
        address = Address()
        outcome = library.toa_parse(data, len(options), ctypes.byref(flags), ctypes.byref(address))
        if outcome != FOUND:
            assert bytes(address) == bytes(ctypes.sizeof(Address)), "touched without a find"
            return Parsed(outcome)
        size = 4 if address.family == 2 else 16
        port = int.from_bytes(bytes(address.port), "big") if address.has_port else None
        return Parsed(FOUND, str(ipaddress.ip_address(bytes(address.ip)[:size])), port)

    return run


LAYOUTS = {8: (2, 4, 4), 20: (2, 4, 16)}
CDN_LAYOUTS = {7: (None, 3, 4), 19: (None, 3, 16)}


def reference(options: bytes, kinds: set[int]) -> Parsed:
    """The format as docs describe it, read without a thought for speed."""
    rest = options
    while rest:
        kind = rest[0]
        if kind == 0:
            return Parsed(NONE)
        if kind == 1:
            rest = rest[1:]
            continue
        if len(rest) < 2 or rest[1] < 2 or rest[1] > len(rest):
            return Parsed(MALFORMED)
        option, rest = rest[: rest[1]], rest[rest[1] :]
        layout = (CDN_LAYOUTS if kind == 28 else LAYOUTS).get(len(option))
        if kind not in kinds or layout is None:
            continue
        port_at, ip_at, ip_len = layout
        ip = ipaddress.ip_address(option[ip_at : ip_at + ip_len])
        if ip.is_unspecified:
            return Parsed(MALFORMED)
        port = None if port_at is None else int.from_bytes(option[port_at : port_at + 2], "big")
        return Parsed(FOUND, str(ip), port)
    return Parsed(NONE)


V4 = bytes.fromhex("fe08 9c41 cb007107")  # 203.0.113.7:40001
V6 = bytes.fromhex("fe14 9c41 20010db8000c00000000000000000007")
NOP, EOL = b"\x01", b"\x00"
TIMESTAMP = bytes.fromhex("080a 00000001 00000002")


@pytest.mark.parametrize(
    ("options", "kinds", "expected"),
    [
        (V4, {254}, Parsed(FOUND, "203.0.113.7", 40001)),
        (V6, {254}, Parsed(FOUND, "2001:db8:c::7", 40001)),
        (b"\xc8" + V4[1:], {200}, Parsed(FOUND, "203.0.113.7", 40001)),
        (b"\xfd" + V6[1:], {253}, Parsed(FOUND, "2001:db8:c::7", 40001)),
        (bytes.fromhex("1c0701 cb007107"), {28}, Parsed(FOUND, "203.0.113.7", None)),
        (
            bytes.fromhex("1c1301 20010db8000c00000000000000000007"),
            {28},
            Parsed(FOUND, "2001:db8:c::7", None),
        ),
        (V4, {200}, Parsed(NONE)),
        (b"", {254}, Parsed(NONE)),
        (NOP + NOP + TIMESTAMP + V4, {254}, Parsed(FOUND, "203.0.113.7", 40001)),
        (EOL + V4, {254}, Parsed(NONE)),
        (bytes.fromhex("fe04 f989") + V4, {254}, Parsed(FOUND, "203.0.113.7", 40001)),
        (bytes.fromhex("fe08 9c41 00000000"), {254}, Parsed(MALFORMED)),
        (V4[:-1], {254}, Parsed(MALFORMED)),
        (b"\xfe", {254}, Parsed(MALFORMED)),
        (b"\xfe\x00" + V4, {254}, Parsed(MALFORMED)),
        (b"\xfe\x01" + V4, {254}, Parsed(MALFORMED)),
        (b"\x02\xff" + V4, {254}, Parsed(MALFORMED)),
    ],
    ids=[
        "v4",
        "v6",
        "kind 200",
        "kind 253 v6",
        "CDN v4",
        "CDN v6",
        "kind not enabled",
        "no options",
        "behind NOPs and a timestamp",
        "behind the end of the list",
        "behind experimental 254",
        "unspecified address",
        "cut",
        "kind alone",
        "length 0",
        "length 1",
        "past the end",
    ],
)
def test_layouts_and_traps(parse: Parse, options: bytes, kinds: set[int], expected: Parsed) -> None:
    assert parse(options, kinds) == expected
    assert reference(options, kinds) == expected


def test_the_balancers_option_wins_over_one_that_the_client_sent(parse: Parse) -> None:
    spoofed = bytes.fromhex("fe08 0050 08080808")
    assert parse(V4 + spoofed, {254}) == Parsed(FOUND, "203.0.113.7", 40001)


KINDS = st.sets(st.sampled_from([28, 200, 253, 254, 9, 30, 255]), max_size=5)
PIECES = st.one_of(
    st.just(NOP),
    st.just(EOL),
    st.just(V4),
    st.just(V6),
    st.just(TIMESTAMP),
    st.builds(
        lambda k, n, b: bytes([k, n]) + b,
        st.sampled_from([28, 200, 253, 254, 5]),
        st.sampled_from([0, 1, 2, 7, 8, 19, 20, 40]),
        st.binary(max_size=18),
    ),
    st.binary(max_size=4),
)
OPTIONS = st.one_of(
    st.binary(max_size=40), st.lists(PIECES, max_size=6).map(b"".join).map(lambda b: b[:40])
)


@settings(max_examples=3000, deadline=None)
@given(case=st.tuples(OPTIONS, KINDS))
def test_any_bytes_read_as_the_reference_reads_them(
    parse: Parse, case: tuple[bytes, set[int]]
) -> None:
    options, kinds = case
    assert parse(options, kinds) == reference(options, kinds)


def test_kinds_of_tcp_itself_cannot_be_enabled(library: ctypes.CDLL) -> None:
    allowed = {kind for kind in range(300) if library.toa_kind_allowed(kind)}
    assert {28, 200, 201, 202, 253, 254} <= allowed
    assert not allowed & {0, 1, 2, 3, 4, 5, 8, 19, 29, 30, 34, 69, 256, 299}
