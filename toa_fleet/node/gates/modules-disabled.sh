# SPDX-License-Identifier: GPL-2.0-only
# kernel.modules_disabled.

register_gate modules_disabled load

gate_modules_disabled() {
    first_line "$ROOT/proc/sys/kernel/modules_disabled"
    case $R in
    1) R='closed: kernel.modules_disabled=1 forbids loading until the next boot; take it out of sysctl.d and reboot, or load earlier' ;;
    *) R=open ;;
    esac
}
