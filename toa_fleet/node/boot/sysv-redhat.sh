# SPDX-License-Identifier: GPL-2.0-only
# RHEL 6 and kin: rc.sysinit runs what lies in /etc/sysconfig/modules.

register_boot_system sysv-redhat

boot_sysv_redhat_is_here() {
    [ -e "$ROOT/etc/rc.d/rc.sysinit" ]
}

boot_sysv_redhat_pieces() {
    launcher_text
    "$1" file /etc/sysconfig/modules/toa.modules 755 "$R"
}
