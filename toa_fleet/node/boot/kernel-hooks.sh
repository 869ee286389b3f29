# SPDX-License-Identifier: GPL-2.0-only
# Hooks of what installs kernels: they call `toa-node kernel-hook`.

register_file /etc/kernel/postinst.d/toa-node
register_file /etc/kernel/postrm.d/toa-node
register_file /etc/kernel/header_postinst.d/toa-node
register_file /etc/kernel/install.d/10-toa-node.install

# $1: where the release stands in the arguments of the hook.
hook_text() {
    R="#!/bin/sh
$OUR_MARK; taken away by toa-node remove.
# A hook that fails would fail the kernel's package: this one never does.
trap 'exit 0' HUP INT TERM
trap '' PIPE
[ ! -f /var/lib/toa/rebuild ] || [ ! -d \"/lib/modules/\$$1/kernel\" ] ||
    echo \"toa-node: if need be, building toa for the kernel \$$1: this may take minutes\" >&2
[ ! -r /var/lib/toa/toa-node ] ||
    /bin/sh /var/lib/toa/toa-node kernel-hook \"\$$1\" </dev/null >/dev/null 2>&1 3>&-
exit 0
"
}

# Calls $1 with each piece that this system's package manager calls.
each_kernel_hook() {
    find_package_family
    hook_family=$R
    hook_text 1
    hook=$R
    if [ "$hook_family" = debian ]; then
        "$1" file /etc/kernel/postinst.d/toa-node 755 "$hook"
        "$1" file /etc/kernel/postrm.d/toa-node 755 "$hook"
        # Headers that come after their kernel, in an installation of their own.
        "$1" file /etc/kernel/header_postinst.d/toa-node 755 "$hook"
        return 0
    fi
    ! installs_kernels_by new-kernel-pkg || "$1" file /etc/kernel/postinst.d/toa-node 755 "$hook"
    hook_text 2
    hook=$R
    # Before 20-grubby, which ends the list on RHEL 7.
    ! installs_kernels_by kernel-install || "$1" file /etc/kernel/install.d/10-toa-node.install 755 "$hook"
}

installs_kernels_by() {
    for installer_dir in sbin usr/sbin bin usr/bin; do
        [ ! -e "$ROOT/$installer_dir/$1" ] || return 0
    done
    return 1
}
