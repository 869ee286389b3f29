# SPDX-License-Identifier: GPL-2.0-only
# Facts that are recorded and not compared.

find_uid() {
    N_uid=$(id -u 2>/dev/null)
}

find_boot_id() {
    first_line "$ROOT/proc/sys/kernel/random/boot_id"
    N_boot_id=$R
}

# "Linux version R (user@host) (gcc-12 ...) #1 SMP ..."
find_compiler() {
    first_line "$ROOT/proc/version"
    case $R in
    *') ('*') #'*) R=${R#*') ('} && trim "${R%%') #'*}" ;;
    *) R= ;;
    esac
}

find_gcc() {
    R=
    ! have gcc || R=$(gcc --version 2>/dev/null)
    R=${R%%"$NL"*}
}

has_headers() {
    [ -f "$ROOT/lib/modules/$N_kernel_release/build/Makefile" ]
}
