# SPDX-License-Identifier: GPL-2.0-only
# kprobes, and the ftrace that they ride on.

register_gate kprobes load

gate_kprobes() {
    first_line "$ROOT/sys/kernel/debug/kprobes/enabled" && [ "$R" = 0 ] &&
        R='closed: kprobes are switched off; echo 1 > /sys/kernel/debug/kprobes/enabled' && return
    first_line "$ROOT/proc/sys/kernel/ftrace_enabled" && [ "$R" = 0 ] && kprobes_ride_on_ftrace &&
        R='closed: kernel.ftrace_enabled=0 silences the hooks; sysctl -w kernel.ftrace_enabled=1' && return
    R=open
    [ ! -e "$ROOT/proc/sys/debug/kprobes-optimization" ] || return 0
    [ ! -d "$ROOT/sys/kernel/debug/kprobes" ] || return 0
    kprobes_in_config
}

# There a probe at a function's entry is a call from ftrace; elsewhere it is a
# breakpoint of its own, which that switch does not touch.
kprobes_ride_on_ftrace() {
    case $N_arch/$N_kernel_release in
    */2.6.* | */3.[0-6].*) return 1 ;;
    x86_64/* | s390x/* | ppc64le/*) return 0 ;;
    esac
    return 1
}

kprobes_in_config() {
    R='unknown: neither kprobes nor the kernel configuration can be seen here'
    find_kernel_config "$N_kernel_release" || return 0
    R='closed: this kernel has no kprobes (CONFIG_KRETPROBES); boot one that has'
    ! grep -q '^CONFIG_KRETPROBES=y' "$KERNEL_CONFIG" || R=open
}
