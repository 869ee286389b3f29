# SPDX-License-Identifier: GPL-2.0-only
"""The gates: may this node load a module at all?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Optional

import pytest
from node_support import (
    FACTS,
    RELEASE,
    build_id_of,
    fingerprint_id,
    make_artifact,
    make_stand_in_module,
    node,
    note,
    snapshot,
    write,
)

SECURE_BOOT = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
MOK = "sys/firmware/efi/efivars/MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23"
CMDLINE = "root=/dev/vda1 ro quiet {} console=ttyS0\n"
LOCKED = "none [integrity] confidentiality"
UNLOCKED = "[none] integrity confidentiality"
SYS_PARAMETERS = "sys/module/kernel/parameters"

CASES = {
    "modules_disabled": ("proc/sys/kernel/modules_disabled", "1\n", "closed", "reboot"),
    "signature": ("sys/module/module/parameters/sig_enforce", "Y\n", "closed", "sign"),
    "lockdown": ("sys/kernel/security/lockdown", "none [integrity] confidentiality\n", "closed",
                 "integrity"),
    "kprobes": ("sys/kernel/debug/kprobes/enabled", "0\n", "closed", "echo 1"),
    "blacklist": ("proc/cmdline", CMDLINE.format("module_blacklist=pcspkr,toa"), "closed",
                  "boot loader"),
    "unsupported": ("proc/sys/kernel/unsupported", "0\n", "closed", "kernel/unsupported"),
    "ima": ("sys/kernel/security/ima/policy", "dont_appraise fsmagic=0x9fa0\n"
            "appraise func=MODULE_CHECK appraise_type=imasig|modsig\n", "closed", "sign-file"),
    "readonly": ("proc/self/mounts", "/dev/vda1 / ext4 rw,relatime 0 0\n"
                 "/dev/vda2 /var ext4 ro,errors=remount-ro 0 0\n", "closed", "remount,rw /var"),
}  # fmt: skip
OPEN_CASES = {
    "modules_disabled": ("proc/sys/kernel/modules_disabled", "0\n"),
    "signature": ("sys/module/module/parameters/sig_enforce", "N\n"),
    "lockdown": ("sys/kernel/security/lockdown", "[none] integrity confidentiality\n"),
    "kprobes": ("proc/sys/debug/kprobes-optimization", "1\n"),
    "secure_boot": (SECURE_BOOT, b"\6\0\0\0\0"),
    "blacklist": ("proc/cmdline", CMDLINE.format("module_blacklist=toast,antoa")),
    "unsupported": ("proc/sys/kernel/unsupported", "2\n"),
    "ima": ("sys/kernel/security/ima/policy", "measure func=MODULE_CHECK\n"
            "appraise func=KEXEC_KERNEL_CHECK appraise_type=imasig\n"),
    "selinux": ("sys/fs/selinux/enforce", "0"),
    "readonly": ("proc/self/mounts", "rootfs / rootfs ro 0 0\n/dev/vda1 / ext4 rw,ro_x 0 0\n"
                 "/dev/sr0 /var/lib/toad iso9660 ro 0 0\ntmpfs /va tmpfs ro 0 0\n"),
}  # fmt: skip


@pytest.mark.parametrize("gate", CASES)
def test_a_closed_gate_says_why_and_what_to_do(shell: str, gate: str, tree: Path) -> None:
    path, content, word, remedy = CASES[gate]
    write(tree / path, content)
    verdict = node(shell, "status", root=tree).done()[f"gate.{gate}"]
    assert verdict.startswith(f"{word}: ") and remedy in verdict


@pytest.mark.parametrize("gate", OPEN_CASES)
def test_an_open_gate_says_open(shell: str, gate: str, tree: Path) -> None:
    path, content = OPEN_CASES[gate]
    write(tree / path, content)  # type: ignore[arg-type]
    assert node(shell, "status", root=tree).done()[f"gate.{gate}"] == "open"


def test_a_root_that_is_read_only_closes_the_gate(shell: str, tree: Path) -> None:
    write(tree / "proc/self/mounts", "/dev/vda1 / ext4 ro,relatime 0 0\n")
    verdict = node(shell, "status", root=tree).done()["gate.readonly"]
    assert verdict.startswith("closed: /var/lib/toa is on /, which is mounted read-only")


@pytest.mark.parametrize(
    ("mounts", "verdict"),
    [
        ("/ rw|/var rw,noexec", "open: /var is mounted noexec; "
         "toa-selftest runs from a copy in /run"),
        ("/ rw|/run rw,noexec|/dev/shm rw,noexec|/var rw,noexec", "open: /var is mounted noexec; "
         "toa-selftest runs from a copy in /root"),
        ("/ ro|/run rw,noexec|/dev/shm rw,noexec|/var/lib/toa rw,nosuid,noexec",
         "closed: /var/lib/toa is on /var/lib/toa, which is mounted noexec"),
        ("/ rw|/var rw,nosuid|/run rw,noexec", "open"),
    ],
)  # fmt: skip
def test_a_store_on_noexec_closes_a_gate_where_no_other_place_will_do(
    shell: str, mounts: str, verdict: str, tree: Path
) -> None:
    for place in ("run", "dev/shm", "root"):
        (tree / place).mkdir(parents=True)
    lines = (f"/dev/x {mount.replace(' ', ' ext4 ')} 0 0\n" for mount in mounts.split("|"))
    write(tree / "proc/self/mounts", "".join(lines))
    said = node(shell, "gates", root=tree)["gate.noexec"]
    assert said.startswith(verdict) and (verdict != "open" or said == "open")


@pytest.mark.parametrize(
    ("word", "verdict"),
    [
        ("ima_policy=tcb", "open"),
        ("ima_policy=secure_boot", "unknown: "),
        ('ima_policy="appraise_tcb|secure_boot"', "unknown: "),
        ("ima_policy=secure_boot ima_appraise=log", "open"),
    ],
)
def test_where_imas_policy_cannot_be_read_the_command_line_counts(
    shell: str, word: str, verdict: str, tree: Path
) -> None:
    write(tree / "proc/cmdline", CMDLINE.format(word))
    assert node(shell, "status", root=tree).done()["gate.ima"].startswith(verdict)


@pytest.mark.parametrize("file", ["attr/apparmor/current", "attr/current"])
@pytest.mark.parametrize(
    ("profile", "verdict"),
    [
        ("unconfined", "open"),
        ("/usr/sbin/cron (complain)", "open"),
        ("snap.toa (enforce)", "closed: this shell is confined by AppArmor's profile snap.toa,"),
    ],
)
def test_a_shell_that_apparmor_confines_closes_a_gate(
    shell: str, file: str, profile: str, verdict: str, tree: Path
) -> None:
    write(tree / "proc/self" / file, f"{profile}\n")
    assert node(shell, "status", root=tree).done()["gate.apparmor"] == "open"  # not in force
    write(tree / "sys/module/apparmor/parameters/enabled", "Y\n")
    assert node(shell, "status", root=tree).done()["gate.apparmor"].startswith(verdict)


@pytest.mark.parametrize(
    ("line", "word"),
    [("CONFIG_KRETPROBES=y\n", "open"), ("# CONFIG_KPROBES is not set\n", "closed")],
)
def test_kprobes_are_looked_up_in_the_configuration(
    shell: str, line: str, word: str, tree: Path
) -> None:
    write(tree / f"boot/config-{RELEASE}", line)
    assert node(shell, "status", root=tree).done()["gate.kprobes"].startswith(word)


def test_ftrace_switched_off_closes_the_kprobes_gate(shell: str, tree: Path) -> None:
    write(tree / "proc/sys/debug/kprobes-optimization", "1\n")
    write(tree / "proc/sys/kernel/ftrace_enabled", "0\n")
    verdict = node(shell, "status", root=tree).done()["gate.kprobes"]
    assert verdict.startswith("closed: ") and "sysctl" in verdict


def test_the_modules_parameters_come_from_modprobe_d(shell: str, tree: Path) -> None:
    write(tree / "etc/modprobe.d/a.conf", "# options toa kinds=1\noptions toast kinds=2\n")
    write(tree / "etc/modprobe.d/toa.conf", "options toa kinds=254,200 trusted=10.0.0.0/8\n")
    write(tree / "etc/modprobe.d/z.conf", "\toptions  toa\tmax_connections=5")
    write(tree / "etc/modprobe.d/toa.conf.old", "options toa kinds=3\n")
    write(tree / "usr/lib/modprobe.d/b.conf", "options \\\n toa from_syn=1\n")
    write(tree / "usr/lib/modprobe.d/a.conf", "options toa kinds=4\n")
    answer = node(shell, "status", root=tree).done()
    wanted = "from_syn=1 kinds=254,200 trusted=10.0.0.0/8 max_connections=5"
    assert answer["options"] == wanted
    assert answer["gate.options"] == "open"


@pytest.mark.parametrize(
    "words", ["kinds", "kinds=254 200", "kinds='254'", "kinds=$(id)", "kinds=*", "a=b=c", "x=1 #2"]
)
def test_a_parameter_that_insmod_could_misread_closes_a_gate(
    shell: str, words: str, tree: Path
) -> None:
    write(tree / "etc/modprobe.d/toa.conf", f"options toa {words}\n")
    verdict = node(shell, "status", root=tree).done()["gate.options"]
    assert verdict.startswith("closed: /etc/modprobe.d/toa.conf: bad option")


def test_a_toa_that_is_not_ours_is_named(shell: str, tree: Path) -> None:
    module = tree / "sys/module/toa"
    write(module / "initstate", "live\n")
    write(module / "srcversion", "ABCDEF\n")
    write(module / "notes/.note.gnu.build-id", note(b"GNU\0", 3, b"\xab" * 20))
    write(module / "parameters/hooks", "armed\n")
    answer = node(shell, "status", root=tree).done()
    assert (answer["loaded"], answer["loaded_artifact"]) == ("yes", "")
    assert answer["loaded_build_id"] == "ab" * 20
    assert answer["hooks"] == "armed"
    verdict = answer["gate.foreign"]
    assert verdict.startswith("closed: ") and "ab" * 20 in verdict and "ABCDEF" in verdict


def test_a_foreign_toa_is_named_with_its_version_and_file(
    shell: str, tree: Path, tmp_path: Path
) -> None:
    module = make_stand_in_module(tmp_path / "toa.ko", FACTS).read_bytes()
    write(tree / f"lib/modules/{RELEASE}/extra/toa.ko", module)
    write(tree / "root/toa/toa.ko", make_stand_in_module(tmp_path / "b.ko", FACTS, 2).read_bytes())
    running = tree / "sys/module/toa"
    write(running / "initstate", "live\n")
    write(running / "version", "3.1\n")
    write(running / "notes/.note.gnu.build-id",
          note(b"GNU\0", 3, bytes.fromhex(build_id_of(module))))  # fmt: skip
    verdict = node(shell, "gates", root=tree)["gate.foreign"]
    assert "version 3.1" in verdict and f"from /lib/modules/{RELEASE}/extra/toa.ko)" in verdict


OTHER_NAMES = ["vtoa", "tcp_toa", "hwtoa", "slb_toa", "toa_v6", "toa6", "ip_vs_ca"]


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_a_toa_under_another_name_is_found_by_it(shell: str, name: str, tree: Path) -> None:
    write(tree / f"sys/module/{name}/initstate", "live\n")
    write(tree / f"sys/module/{name}/version", "2.0\n")
    for harmless in ("uoa", "toast", "ip_vs"):
        write(tree / f"sys/module/{harmless}/initstate", "live\n")
    write(tree / "sys/module/xtoa/parameters/built_in", "no module\n")
    answer = node(shell, "gates", root=tree)
    verdict = answer["gate.foreign"]
    assert verdict.startswith("closed: another toa is loaded") and "version 2.0" in verdict
    assert f"({name}: " in verdict and f"; rmmod {name}, or give --replace-foreign" in verdict
    # Ours is not in the kernel for that.
    assert node(shell, "status", root=tree)["loaded"] == "no"


KALLSYMS = """\
0000000000000000 T tcp_v4_syn_recv_sock
0000000000000000 t inet_getname_toa\t[{}]
0000000000000000 t get_toa_data\t[{}]
"""


@pytest.mark.parametrize(
    ("modules", "functions", "verdict"),
    [
        ("clb 16384 0 - Live 0x0000000000000000 (OE)\n", "clb", "closed: another toa"),
        ("clb 16384 0 - Live 0x0000000000000000 (OE)\n", "toa", "open"),
        ("toa 16384 0 - Live 0x0000000000000000 (OE)\n", "clb", "open"),
        ("ext4 16384 0 - Live 0x0000000000000000\n", "clb", "open"),
    ],
)
def test_a_toa_is_told_by_its_functions(
    shell: str, modules: str, functions: str, verdict: str, tree: Path
) -> None:
    write(tree / "proc/modules", modules)
    write(tree / "proc/kallsyms", KALLSYMS.format(functions, functions))
    said = node(shell, "gates", root=tree)["gate.foreign"]
    assert said.startswith(verdict) and ("closed" not in verdict or "rmmod clb," in said)


def test_counters_of_nobody_close_the_gate_to_a_second_toa(shell: str, tree: Path) -> None:
    write(tree / "proc/net/toa_stats", "")
    verdict = node(shell, "gates", root=tree)["gate.foreign"]
    assert verdict.startswith("closed: /proc/net/toa_stats is there") and "lsmod" in verdict


# --- what else is loaded at boot ------------------------------------------------------

INSMOD = "/sbin/insmod /root/toa/toa.ko"
LOADERS = {
    "etc/rc.d/rc.local": f"#!/bin/sh\ntouch /var/lock/subsys/local\n{INSMOD}\n",
    "etc/rc.local": "#!/bin/sh\n\nlsmod | grep -q '^toa ' || insmod /root/toa/toa.ko; exit 0\n",
    "etc/init.d/boot.local": "#! /bin/sh\n\nmodprobe vtoa >/dev/null 2>&1\n",
    "etc/sysconfig/modules/toa.modules": f"#!/bin/sh\n\n{INSMOD}\n",
    "etc/crontab": "SHELL=/bin/sh\n\n*/5 * * * * root /sbin/modprobe vtoa\n",
    "var/spool/cron/crontabs/root": "# m h\n\n* * * * * lsmod|grep toa||modprobe vtoa\n",
    "etc/modules": "# at boot\nloop\nvtoa\n",
    "etc/modules-load.d/lb.conf": "#\nip_vs\nvtoa\n",
    "etc/sysconfig/kernel": '#\n#\nMODULES_LOADED_ON_BOOT="ip_vs vtoa"\n',
    "etc/systemd/system/multi-user.target.wants/lb.service":
        "[Unit]\n[Service]\nExecStart=/sbin/modprobe vtoa\n",
    "etc/rc.d/rc3.d/S99lb": f"#!/bin/sh\n# lb\n[ -e /x ] || {INSMOD}\n",
}  # fmt: skip


@pytest.mark.parametrize("path", LOADERS)
def test_what_loads_another_toa_at_boot_is_named_with_its_line(
    shell: str, path: str, tree: Path
) -> None:
    write(tree / path, LOADERS[path])
    line = LOADERS[path].splitlines()[2]
    idle = node(shell, "status", root=tree).done()["gate.loaders"]
    assert idle.startswith("open: another toa would be loaded") and f"/{path}:3: {line}" in idle
    write(tree / "root/toa/toa.ko", "another")
    write(tree / f"lib/modules/{RELEASE}/extra/vtoa.ko.xz", "another")
    closed = node(shell, "gates", root=tree)["gate.loaders"]
    assert closed.startswith("closed: ") and f"(/{path}:3: {line})" in closed


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("etc/rc.local", f"#!/bin/sh\n# {INSMOD}\nexit 0\n"),
        ("etc/rc.local", "#!/bin/sh\n/bin/sh /var/lib/toa/toa-node boot\nmodprobe toast\n"),
        ("etc/modules", "# toa\ntoast\nloop # toa\n"),
        ("etc/modprobe.d/toa.conf", "options toa kinds=254\n"),
        ("etc/init.d/lb", f"#!/bin/sh\n{INSMOD}\n"),  # not switched on
        ("etc/sysconfig/kernel", 'INITRD_MODULES="toa"\nMODULES_LOADED_ON_BOOT=""\n'),
    ],
)
def test_what_loads_no_other_toa_is_not_named(shell: str, path: str, text: str, tree: Path) -> None:
    write(tree / "root/toa/toa.ko", "another")
    write(tree / f"lib/modules/{RELEASE}/extra/toa.ko", "another")
    write(tree / path, text)
    assert node(shell, "status", root=tree).done()["gate.loaders"] == "open"


def test_an_install_that_the_next_boot_would_not_keep_is_refused(
    shell: str, tree: Path, tmp_path: Path
) -> None:
    artifact = make_artifact(tmp_path / "artifact", FACTS)
    write(tree / "root/toa/toa.ko", "another")
    local = write(tree / "etc/rc.local", f"#!/bin/sh\n{INSMOD}\n")
    before = snapshot(tree)
    refused = node(shell, "install", "--from", artifact, root=tree).failed("gate")
    assert "/etc/rc.local:2" in refused["detail"]
    assert snapshot(tree) == before
    node(shell, "install", "--from", artifact, "--no-persist", root=tree).done()
    local.unlink()
    assert node(shell, "install", "--from", artifact, root=tree).done()["persistent"] == "yes"


# --- verdicts before anything is copied ---------------------------------------------


def test_gates_gives_one_verdict_a_gate_and_touches_nothing(shell: str, tree: Path) -> None:
    before = snapshot(tree)
    answer = node(shell, "gates", root=tree)
    status = node(shell, "status", root=tree)
    told = {key: value for key, value in answer.values.items() if key.startswith("gate.")}
    assert told == {k: v for k, v in status.values.items() if k.startswith("gate.")}
    assert len(told) >= 13
    closed = [key for key, value in told.items() if value.startswith("closed")]
    assert closed == ([] if os.geteuid() == 0 else ["gate.root"])
    assert snapshot(tree) == before


def test_gates_fails_with_all_that_is_closed_and_each_remedy(shell: str, tree: Path) -> None:
    write(tree / "proc/sys/kernel/modules_disabled", "1\n")
    write(tree / "proc/cmdline", CMDLINE.format("module_blacklist=toa"))
    answer = node(shell, "gates", root=tree).failed("gate")
    assert "modules_disabled: " in answer["detail"] and "blacklist: " in answer["detail"]
    assert "reboot" in answer["gate.modules_disabled"]
    assert answer["gate.tools"] == "open"
    assert answer["fingerprint"] == fingerprint_id(FACTS)


# --- Secure Boot --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "mok", "lockdown", "verdict"),
    [
        (b"\6\0\0\0\1", False, LOCKED, "closed: Secure Boot is on and no key"),
        (b"\6\0\0\0\1", True, LOCKED, "closed: Secure Boot is on and toa.ko has"),
        (b"\6\0\0\0\1", False, UNLOCKED, "open: Secure Boot is on, but"),
        (b"\6\0\0\0\0", False, LOCKED, "open"),
        (None, False, LOCKED, "unknown: "),
        (None, False, UNLOCKED, "open"),
    ],
    ids=["no-key", "key", "unlocked", "off", "unreadable-locked", "unreadable"],
)  # fmt: skip
def test_secure_boot_refuses_only_where_the_kernel_enforces_signatures(
    shell: str, state: Optional[bytes], mok: bool, lockdown: str, verdict: str, tree: Path
) -> None:
    (tree / "sys/firmware/efi").mkdir(parents=True)
    if state is not None:
        write(tree / SECURE_BOOT, state)
    if mok:
        write(tree / MOK, b"\6\0\0\0list")
    write(tree / "sys/kernel/security/lockdown", lockdown + "\n")
    said = node(shell, "gates", root=tree)["gate.secure_boot"]
    assert said.startswith(verdict) and (verdict != "open" or said == "open")


def test_a_key_of_the_machine_keyring_counts_as_an_enrolled_key(shell: str, tree: Path) -> None:
    write(tree / SECURE_BOOT, b"\6\0\0\0\1")
    write(tree / "sys/module/module/parameters/sig_enforce", "Y\n")
    write(tree / "proc/keys", "0a I------ 1 perm 1f0b0000 0 0 keyring   .machine: 1\n")
    assert "enrolled here" in node(shell, "gates", root=tree)["gate.secure_boot"]


# --- what binds modprobe only -------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("proc/cmdline", CMDLINE.format("modprobe.blacklist=nouveau,toa")),
        ("etc/modprobe.d/hardening.conf", "blacklist pcspkr\n blacklist  toa\n"),
        ("usr/lib/modprobe.d/hardening.conf", "install toa /bin/false\n"),
        ("etc/modprobe.d/CIS.conf", "blacklist toa # CIS\n"),
        ("etc/modprobe.d/CIS.conf", "install to[a] /bin/false # CIS\n"),
        ("etc/modprobe.d/CIS.conf", "blacklist\\\n toa\n"),
        ("etc/modprobe.conf", "install toa /bin/true\n"),
    ],
)
def test_what_bars_modprobe_alone_is_told_and_closes_nothing(
    shell: str, path: str, content: str, tree: Path
) -> None:
    write(tree / path, content)
    verdict = node(shell, "gates", root=tree)["gate.blacklist"]
    assert verdict.startswith("open: modprobe toa is barred by ") and "insmod" in verdict
    assert path.startswith("proc") or f"/{path}" in verdict


@pytest.mark.parametrize(
    "text",
    ["# blacklist toa\n", "# of \\\nblacklist toa\n", "blacklist toast\n", "install toa\n",
     "blacklist toa\r\n", "blacklist # toa\n"],
)  # fmt: skip
def test_what_modprobe_does_not_take_for_a_ban_is_none(shell: str, text: str, tree: Path) -> None:
    write(tree / "etc/modprobe.d/hardening.conf", text)
    assert node(shell, "gates", root=tree)["gate.blacklist"] == "open"


def test_an_old_kernel_that_ignores_module_blacklist_is_not_closed_by_it(
    shell: str, tree: Path
) -> None:
    write(tree / "proc/cmdline", CMDLINE.format("module_blacklist=toa"))
    write(tree / SYS_PARAMETERS / "panic", "0\n")
    assert node(shell, "gates", root=tree)["gate.blacklist"] == "open"
    write(tree / SYS_PARAMETERS / "module_blacklist", "toa\n")
    assert node(shell, "gates", root=tree)["gate.blacklist"].startswith("closed: ")


def test_suse_modprobe_that_refuses_unsupported_modules_is_told_and_closes_nothing(
    shell: str, tree: Path
) -> None:
    shipped = "lib/modprobe.d/10-unsupported-modules.conf"
    write(tree / shipped, "# comment\nallow_unsupported_modules 0\n")
    verdict = node(shell, "gates", root=tree)["gate.unsupported"]
    assert verdict.startswith("open: modprobe refuses toa ") and f"/{shipped}" in verdict
    write(tree / "etc/modprobe.d/10-unsupported-modules.conf", "allow_unsupported_modules 1\n")
    assert node(shell, "gates", root=tree)["gate.unsupported"] == "open"


@pytest.mark.parametrize("gate", ["blacklist", "unsupported", "readonly"])
def test_a_closed_gate_stops_install_or_deploy_before_anything_is_changed(
    shell: str, gate: str, artifact: Path, tree: Path
) -> None:
    path, content, _, _ = CASES[gate]
    write(tree / path, content)
    before = snapshot(tree)
    answer = node(shell, "install", "--from", artifact, root=tree)
    if gate == "readonly":
        assert "/var" in answer.failed("gate")["gate.readonly"]
        assert snapshot(tree) == before
    else:  # only the kernel that runs is barred; the next one may take it
        answer.done()
