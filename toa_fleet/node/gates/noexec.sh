# SPDX-License-Identifier: GPL-2.0-only
# A store whose programs may not be executed: can toa-selftest run from elsewhere?

register_gate noexec

# Asked before a deploy, unless it may go unproven: the kernel is not touched for what
# cannot be proven then.
gate_noexec() {
    R=open
    ! may_be_executed /var/lib/toa || return 0
    noexec_mount=$mount_point
    for noexec_place in $RUNNABLE_PLACES; do
        may_hold_runnable "$noexec_place" || continue
        R="open: $noexec_mount is mounted noexec; toa-selftest runs from a copy in $noexec_place"
        return
    done
    one_line "$RUNNABLE_PLACES"
    R="closed: /var/lib/toa is on $noexec_mount, which is mounted noexec, and so or read-only is each of $R, so toa-selftest can run nowhere; mount -o remount,exec $noexec_mount (or one of those), or accept a node without that proof with --allow-unproven"
}
