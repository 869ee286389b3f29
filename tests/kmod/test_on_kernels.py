# SPDX-License-Identifier: GPL-2.0-only
"""toa.ko in real kernels, by real packets."""

from __future__ import annotations

import ipaddress
import math
import os
import re
import subprocess
import time
from pathlib import Path

import fuzz
import pytest

import lab

pytestmark = pytest.mark.lab

# For a longer run (make soak), TOA_TEST_SCALE=20 makes 100 cycles and 200,000 connections;
# for a slow kernel, 0.1 makes 1 and 1,000.
SCALE = float(os.environ.get("TOA_TEST_SCALE", "1"))
LOAD_CYCLES = math.ceil(5 * SCALE)
CONNECTIONS = math.ceil(10_000 * SCALE)
# Far above what these take: a hang ends.
SOAK_SECONDS = 240 * max(SCALE, 1)

PARAMETERS = "/sys/module/toa/parameters"
CHECKS = Path(__file__).resolve().parents[2] / "kmod" / "have"


def stats(machine: lab.TinyMachine) -> dict[str, int]:
    """The rows of /proc/net/toa_stats, summed over the CPUs."""
    rows = machine.check("cat /proc/net/toa_stats").splitlines()[1:]
    return {
        name.strip(): sum(map(int, counts.split()))
        for name, _, counts in (row.partition(":") for row in rows)
    }


def connections_after_a_moment(machine: lab.TinyMachine) -> int:
    """How many the store holds when closed sockets have had the time to go."""
    deadline = time.monotonic() + 10
    while stats(machine)["connections"] and time.monotonic() < deadline:
        time.sleep(0.2)
    return stats(machine)["connections"]


def passes_or_is_skipped(machine: lab.TinyMachine, case: str) -> None:
    result = machine.run(f"traffic {case}")
    if result.stdout.startswith("skipped"):
        pytest.skip(result.stdout.strip())
    assert result.stdout == "pass\n"


def test_it_builds_without_a_warning(build: lab.Build) -> None:
    assert build.warnings == ()


def test_the_selftest_sees_the_clients_address(machine: lab.TinyMachine) -> None:
    result = machine.run("toa-selftest")
    assert result.status == 0, result.stdout
    assert set(result.stdout.split()) == {
        f"{case}=pass"
        for case in ("toa", "plain", "toa_mapped", "plain_mapped", "toa_v6", "plain_v6")
    }


def test_the_selftest_fails_without_the_module(machine: lab.TinyMachine) -> None:
    machine.check("rmmod toa")
    result = machine.run("toa-selftest")
    assert result.status == 1
    assert "toa=fail: accept() gave 192.0.2.2:33333" in result.stdout
    assert "plain=pass" in result.stdout


def ktls_works_or_is_skipped(machine: lab.TinyMachine) -> None:
    is_module = machine.run("modprobe tls").status == 0
    result = machine.run("toa-selftest --ktls")
    if not is_module and "this kernel has no kTLS" in result.stdout:
        pytest.skip("this kernel is built without kTLS")
    assert "ktls=pass" in result.stdout.splitlines(), result.stdout


def test_ktls_works_on_a_connection_with_a_client_address(machine: lab.TinyMachine) -> None:
    ktls_works_or_is_skipped(machine)


def test_the_log_says_loaded_and_unloaded(machine: lab.TinyMachine) -> None:
    machine.check("rmmod toa")
    log = machine.check("dmesg")
    assert "TOA: toa loaded" in log
    assert "TOA: toa unloaded" in log


def test_the_statistics_begin_with_the_rows_that_monitoring_reads(
    machine: lab.TinyMachine,
) -> None:
    machine.check("toa-selftest")
    header, *rows = machine.check("cat /proc/net/toa_stats").splitlines()
    assert header.split() == ["CPU0", "CPU1"]
    assert [row.split(":")[0].strip() for row in rows][:6] == [
        "syn_recv_sock_toa",
        "syn_recv_sock_no_toa",
        "getname_toa_ok",
        "getname_toa_mismatch",
        "getname_toa_bypass",
        "getname_toa_empty",
    ]
    counted = stats(machine)
    # Three cases with an option and three without, each asked for its peer three times.
    assert counted["syn_recv_sock_toa"] == 3
    assert counted["syn_recv_sock_no_toa"] == 3
    assert counted["getname_toa_ok"] == 9
    assert counted["getname_toa_empty"] == 9
    assert counted["probes_missed"] == 0


@pytest.mark.parametrize(
    "case",
    [
        "lost-ack",
        "defer-accept",
        "syncookies",
        "fastopen",
        "mptcp",
        "mptcp-client",
        "mptcp-v6",
        "reuseport",
        "nat64",
        "tuple-reuse",
        "two-options",
        "behind-others",
        "malformed",
        "reset-before-accept",
        "backlog-closed",
    ],
)
def test_every_kind_of_handshake(machine: lab.TinyMachine, case: str) -> None:
    passes_or_is_skipped(machine, case)
    assert connections_after_a_moment(machine) == 0


def test_an_smc_server_that_falls_back_to_tcp(machine: lab.TinyMachine) -> None:
    machine.run("modprobe smc")
    passes_or_is_skipped(machine, "smc")
    assert connections_after_a_moment(machine) == 0


def test_a_connection_in_a_sockmap(machine: lab.TinyMachine) -> None:
    passes_or_is_skipped(machine, "sockmap")
    assert connections_after_a_moment(machine) == 0


def test_options_on_syns_count_where_they_are_asked_for(machine: lab.TinyMachine) -> None:
    assert "192.0.2.2:20000 for client 400" in machine.run("traffic from-syn").stdout
    machine.check("rmmod toa; insmod /root/toa.ko from_syn=1")
    assert machine.run("traffic from-syn").stdout == "pass\n"
    assert stats(machine)["evictions"] == 0
    assert machine.run("traffic syncookies").stdout == "pass\n"


def test_only_watched_network_namespaces(machine: lab.TinyMachine) -> None:
    assert machine.check(f"cat {PARAMETERS}/netns") == "all\n"
    assert machine.run("traffic netns").stdout == "pass\n"
    assert stats(machine)["getname_toa_bypass"] == 1
    for wrong in ("0", "x", "init,,5", "-1", "4026531840 4026531841"):
        assert machine.run(f"echo '{wrong}' >{PARAMETERS}/netns", shell="dash").status != 0
    assert machine.check(f"cat {PARAMETERS}/netns") == "all\n"
    if machine.run("readlink /proc/1/ns/net").status != 0:
        pytest.skip("init and all work; this kernel gives network namespaces no numbers")
    machine.check("rmmod toa; insmod /root/toa.ko netns=init,4026532999")
    assert machine.check(f"cat {PARAMETERS}/netns") == "init,4026532999\n"
    machine.check(f"readlink /proc/1/ns/net | tr -dc 0-9 >{PARAMETERS}/netns")
    assert machine.check(f"cat {PARAMETERS}/netns") == "init\n"


def test_connections_of_no_interest_do_not_use_its_probes_up(machine: lab.TinyMachine) -> None:
    """2.6.32 gives a declined kretprobe's instance back never: 8 are all on two processors."""
    for _ in range(12):
        assert machine.run("traffic netns").stdout == "pass\n"
    assert stats(machine)["getname_toa_bypass"] == 12
    assert stats(machine)["probes_missed"] == 0
    assert machine.run("toa-selftest").status == 0


def test_unloading_while_a_task_sleeps_in_getpeername(machine: lab.TinyMachine) -> None:
    """Since about 5.16 getname waits for the socket's lock; before that it returns at once."""
    result = machine.run("traffic unload-while-asked", timeout=60)
    if result.stdout.startswith("skipped"):
        pytest.skip(result.stdout.strip())
    assert result.stdout in ("slept, pass\n", "did not sleep, pass\n"), result.stdout
    machine.check("insmod /root/toa.ko")


def needs(machine: lab.TinyMachine, neighbour: str) -> None:
    """Skips where there is no such module for this kernel."""
    if machine.run(f"test -e /root/{neighbour}.ko").status != 0:
        pytest.skip(f"NOT TESTED: {neighbour} is not built for a kernel without headers")


def test_a_server_in_the_kernel_is_told_its_real_peer(machine: lab.TinyMachine) -> None:
    needs(machine, "kernel_server")
    machine.check("insmod /root/kernel_server.ko")
    told = machine.run("traffic kernel-server").stdout
    machine.check("rmmod kernel_server")
    assert told == "pass\n"
    assert stats(machine)["getname_toa_bypass"] == 1
    assert stats(machine)["syn_recv_sock_toa"] == 0


def test_another_toa_is_seen_before_the_kernel_would_warn(machine: lab.TinyMachine) -> None:
    needs(machine, "vtoa")
    machine.check("rmmod toa; insmod /root/vtoa.ko")
    assert machine.check("cat /proc/net/toa_stats") == "another TOA\n"
    for way in ("", "unshare -n "):
        refused = machine.run(f"{way}insmod /root/toa.ko")
        assert refused.status != 0 and "busy" in refused.stderr, refused.stderr
    assert "TOA: /proc/net/toa_stats is there already" in machine.check("dmesg")
    assert machine.check("cat /proc/net/toa_stats") == "another TOA\n"
    machine.check("rmmod vtoa; insmod /root/toa.ko")
    assert machine.run("toa-selftest").status == 0


def test_a_livepatch_of_the_same_function(machine: lab.TinyMachine) -> None:
    """Before toa and after it: both do their work, and either can go."""
    needs(machine, "livepatch_getname")
    state = "/sys/kernel/livepatch/livepatch_getname"
    calls = "cat /sys/module/livepatch_getname/parameters/calls"

    def settle() -> None:
        machine.check(f"while [ -e {state} ] && grep -q 1 {state}/transition; do sleep 0.1; done")

    machine.check("insmod /root/livepatch_getname.ko")
    settle()
    assert machine.run("toa-selftest").status == 0
    before = int(machine.check(calls))
    assert before > 0
    machine.check("rmmod toa; insmod /root/toa.ko")
    assert machine.run("toa-selftest").status == 0
    assert int(machine.check(calls)) > before
    machine.check(f"echo 0 >{state}/enabled")
    settle()
    machine.check("rmmod livepatch_getname")
    assert machine.run("toa-selftest").status == 0


def test_other_probes_on_the_same_functions(machine: lab.TinyMachine) -> None:
    """Others' kprobes, kretprobes and function tracing come and go around ours."""
    # Before 4.1 it was a part of debugfs.
    events = "/sys/kernel/tracing"
    if machine.run(f"test -e {events}/kprobe_events").status != 0:
        events = "/sys/kernel/debug/tracing"
    if machine.run(f"test -e {events}/kprobe_events").status != 0:
        pytest.skip("this kernel is built without KPROBE_EVENTS")
    machine.check(
        f"cd {events} && echo 'p:asked inet_getname' >kprobe_events &&"
        " echo 'r:answered inet_getname' >>kprobe_events &&"
        " echo 'r:made tcp_v4_syn_recv_sock' >>kprobe_events &&"
        " echo 1 >events/kprobes/enable && echo inet_getname >set_ftrace_filter &&"
        " echo function >current_tracer"
    )
    assert machine.run("toa-selftest").status == 0
    seen = machine.check(f"cat {events}/trace")
    assert {"asked:", "answered:", "made:"} <= set(seen.replace("(", " ").split())
    machine.check("rmmod toa; insmod /root/toa.ko")
    assert machine.run("toa-selftest").status == 0
    machine.check(
        f"cd {events} && echo nop >current_tracer && echo >set_ftrace_filter &&"
        " echo 0 >events/kprobes/enable && echo >kprobe_events && echo >trace"
    )
    assert machine.run("toa-selftest").status == 0


def test_thousands_of_connections_and_no_wrong_address(machine: lab.TinyMachine) -> None:
    result = machine.run(f"traffic many {CONNECTIONS}", timeout=SOAK_SECONDS)
    assert result.stdout == "pass\n"
    assert connections_after_a_moment(machine) == 0


def test_a_full_store_shows_the_real_address_and_loses_no_connection(
    machine: lab.TinyMachine,
) -> None:
    machine.check("rmmod toa; insmod /root/toa.ko max_connections=2")
    assert machine.run("traffic store-full").stdout == "pass\n"
    assert stats(machine)["store_full"] == 1


def test_loading_and_unloading_under_load(machine: lab.TinyMachine) -> None:
    script = f"""
        traffic load >/tmp/1 & one=$!
        traffic load >/tmp/2 & two=$!
        until [ -s /tmp/1 ] && [ -s /tmp/2 ]; do sleep 0.1; done
        for cycle in $(seq {LOAD_CYCLES}); do
            rmmod toa && insmod /root/toa.ko || exit 1
        done
        kill $one $two
        wait
        cat /tmp/1 /tmp/2
    """
    loads = re.findall(
        r"^under way, (\d+) connections, pass$",
        machine.check(script, timeout=SOAK_SECONDS),
        re.MULTILINE,
    )
    assert len(loads) == 2
    assert all(int(connections) > LOAD_CYCLES for connections in loads)
    assert connections_after_a_moment(machine) == 0


def test_the_kinds_of_options_can_be_changed_at_run_time(machine: lab.TinyMachine) -> None:
    assert machine.check(f"cat {PARAMETERS}/kinds") == "254\n"
    machine.check(f"echo 200 >{PARAMETERS}/kinds")
    assert machine.run("toa-selftest").status == 0  # asks the module for its kind
    assert "toa=fail" in machine.run("toa-selftest --kind 254").stdout
    machine.check(f"echo 254,200 >{PARAMETERS}/kinds")
    assert machine.check(f"cat {PARAMETERS}/kinds") == "200,254\n"
    assert machine.run("toa-selftest --kind 200").status == 0
    assert machine.run("toa-selftest --kind 254").status == 0


def test_an_option_without_a_port_leaves_the_real_one(machine: lab.TinyMachine) -> None:
    machine.check(f"echo 28 >{PARAMETERS}/kinds")
    assert machine.run("traffic no-port").stdout == "pass\n"
    assert stats(machine)["syn_recv_sock_toa"] == 5
    assert connections_after_a_moment(machine) == 0


@pytest.mark.parametrize("kinds", ["2", "", "300", "254,,200", "254,x", "-1"])
def test_a_kind_that_is_tcps_own_or_none_is_refused(machine: lab.TinyMachine, kinds: str) -> None:
    assert machine.run(f"echo '{kinds}' >{PARAMETERS}/kinds", shell="dash").status != 0
    assert "TCP option kind" in machine.check("dmesg")
    assert machine.check(f"cat {PARAMETERS}/kinds") == "254\n"
    machine.check("rmmod toa")
    assert machine.run(f"insmod /root/toa.ko 'kinds={kinds}'", shell="dash").status != 0


def test_only_trusted_balancers_are_believed(machine: lab.TinyMachine) -> None:
    assert "every peer is believed" in machine.check("dmesg")
    machine.check(f"echo 198.51.100.0/25,2001:db8:77::/48 >{PARAMETERS}/trusted")
    assert machine.run("traffic untrusted").stdout == "pass\n"
    assert stats(machine)["peer_untrusted"] == 1
    assert stats(machine)["syn_recv_sock_toa"] == 0
    result = machine.run("toa-selftest")  # plays a balancer that is believed
    assert result.status == 0, result.stdout
    assert "toa_v6=pass" in result.stdout
    machine.check(f"echo >{PARAMETERS}/trusted")
    assert "192.0.2.2:20000 for client" not in machine.run("traffic two-options").stdout


def test_trusted_networks_are_shown_as_they_were_given(machine: lab.TinyMachine) -> None:
    machine.check("rmmod toa; insmod /root/toa.ko trusted=10.0.0.0/8,198.51.100.7,2001:db8::/32")
    assert "every peer" not in machine.check("dmesg | tail -n 2")
    shown = machine.check(f"cat {PARAMETERS}/trusted")
    assert shown == "10.0.0.0/8,198.51.100.7/32,2001:db8::/32\n"


@pytest.mark.parametrize(
    "trusted",
    [
        "10.1.0.0/33",
        "10.1.0.0/8,x",
        "10.1.0/8",
        "fe80::/129",
        "10.0.0.0/-1",
        "10.0.0.1;10.0.0.2",
        "10.0.0.1:443",
        "fe80::1%eth0",
        "a" * 80,
    ],
)
def test_what_is_no_network_is_refused(machine: lab.TinyMachine, trusted: str) -> None:
    machine.check(f"echo 10.9.0.0/16 >{PARAMETERS}/trusted")
    assert machine.run(f"echo '{trusted}' >{PARAMETERS}/trusted", shell="dash").status != 0
    assert f"'{trusted.rpartition(',')[2]}' is no network" in machine.check("dmesg")
    assert machine.check(f"cat {PARAMETERS}/trusted") == "10.9.0.0/16\n"
    machine.check("rmmod toa")
    assert machine.run(f"insmod /root/toa.ko 'trusted={trusted}'", shell="dash").status != 0


@pytest.mark.parametrize(("target", "name"), [("kinds", "kinds"), ("trust", "trusted")])
def test_parameters_read_text_as_they_did_when_they_were_fuzzed(
    machine: lab.TinyMachine, replays: dict[str, Path], target: str, name: str
) -> None:
    """kernel_shim.h stands in for the kernel there: it must not be kinder, nor stricter."""
    texts = sorted(file for file in (fuzz.CORPUS / target).iterdir() if file.stat().st_size)
    words = [replays[target], "--show", *texts]
    fuzzed = subprocess.run(words, capture_output=True, check=True).stdout
    script = f"""
        cd /root/corpus/{target}
        for text in *; do
            [ -s "$text" ] || continue  # cat would write nothing at all
            echo {"254,200" if target == "kinds" else "192.0.2.0/24"} >{PARAMETERS}/{name}
            cat "$text" 2>/dev/null >{PARAMETERS}/{name} && word=taken || word=refused
            echo "$text $word $(cat {PARAMETERS}/{name})"
        done
    """
    real = machine.check(script)
    assert readings(real) == readings(fuzzed.decode())
    assert len(readings(real)) == len(texts)


def readings(text: str) -> dict[str, list[str]]:
    """What came of each text; addresses as they are, however they are written."""
    lines = (line.split(" ") for line in text.splitlines())
    return {name: [word, canonical(shown)] for name, word, shown in lines}


def canonical(shown: str) -> str:
    parts = (part.partition("/") for part in shown.split(","))
    return ",".join(f"{ipaddress.ip_address(ip)}/{bits}" if bits else ip for ip, _, bits in parts)


def test_what_is_read_only_cannot_be_set_at_load_either(machine: lab.TinyMachine) -> None:
    machine.check("rmmod toa")
    assert machine.run("insmod /root/toa.ko hooks=armed").status != 0
    assert "hooks: cannot be set" in machine.check("dmesg")


def test_the_checks_said_what_they_found(build: lab.Build) -> None:
    if not build.log:
        pytest.skip("make's words were not kept")
    found = dict(re.findall(r"^  HAVE    (\w+): (yes|no)$", build.log, re.MULTILINE))
    assert set(found) == {path.stem for path in CHECKS.glob("*.c")} - {"always", "never"}


def test_a_bound_of_nothing_is_refused(machine: lab.TinyMachine) -> None:
    machine.check("rmmod toa")
    assert machine.run("insmod /root/toa.ko max_connections=0").status != 0
    assert "max_connections=0" in machine.check("dmesg")


@pytest.mark.parametrize(
    "switch", ["/sys/kernel/debug/kprobes/enabled", "/proc/sys/kernel/ftrace_enabled"]
)
def test_hooks_that_were_switched_off_behind_its_back_are_noticed(
    machine: lab.TinyMachine, switch: str
) -> None:
    assert machine.check(f"cat {PARAMETERS}/hooks") == "armed\n"
    if machine.run(f"echo 0 >{switch}").status != 0:
        pytest.skip(f"this kernel does not let {switch} be switched off")
    if machine.run("toa-selftest").status == 0:
        assert machine.check(f"cat {PARAMETERS}/hooks") == "armed\n"
        machine.check(f"echo 1 >{switch}")
        pytest.skip(f"on this kernel the hooks do not depend on {switch}")
    assert machine.check(f"cat {PARAMETERS}/hooks") == "disarmed\n"
    machine.check(f"echo 1 >{switch}")
    assert machine.check(f"cat {PARAMETERS}/hooks") == "armed\n"
    assert machine.run("toa-selftest").status == 0


def test_it_refuses_to_load_where_its_hooks_would_not_run(machine: lab.TinyMachine) -> None:
    machine.check("rmmod toa; echo 0 >/sys/kernel/debug/kprobes/enabled")
    result = machine.run("insmod /root/toa.ko")
    machine.check("echo 1 >/sys/kernel/debug/kprobes/enabled")
    assert result.status != 0
    assert "does not run them" in machine.check("dmesg")
