# SPDX-License-Identifier: GPL-2.0-only
register_verb fingerprint 60 'the facts that decide whether a toa.ko is for this system'

say_recorded_facts() {
    first_line "$ROOT/proc/sys/kernel/hostname" || R=$(uname -n)
    say hostname "$R"
    say os_name "$N_os_name"
    find_compiler
    say compiler "$R"
    find_boot_id
    say boot_id "$N_boot_id"
    first_line "$ROOT/proc/uptime"
    say uptime "${R%%[!0-9]*}"
    say taint "$(cat "$ROOT/proc/sys/kernel/tainted" 2>/dev/null)"
    find_selinux
    say selinux "$SELINUX_MODE"
    find_boot_system
    say boot_system "$R"
    say uid "$N_uid"
    say node_version "$NODE_VERSION"
    if has_headers; then say headers yes; else say headers no; fi
    find_gcc
    say gcc "$R"
}

verb_fingerprint() {
    find_uid
    gather_facts
    say_facts
    say_recorded_facts
    finish 0
}
