# SPDX-License-Identifier: GPL-2.0-only
# OpenRC: a service of the boot runlevel.

register_boot_system openrc

boot_openrc_is_here() {
    [ ! -d "$ROOT/run/openrc" ] || return 0
    [ -n "$ROOT" ] || return 1
    [ -e "$ROOT/sbin/openrc-run" ] || [ -e "$ROOT/usr/sbin/openrc-run" ] || [ -e "$ROOT/usr/bin/openrc-run" ]
}

boot_openrc_pieces() {
    openrc_text
    "$1" file /etc/init.d/toa 755 "$R"
    "$1" link /etc/runlevels/boot/toa /etc/init.d/toa
}

openrc_text() {
    R="#!/sbin/openrc-run
$OUR_MARK; taken away by toa-node remove.

description=\"Load the TOA kernel module that was built for this kernel\"

depend() {
    need localmount
    after modules sysctl
    before net
}

start() {
    ebegin \"Loading toa\"
    $PERSIST_LINE </dev/null >/dev/null
    eend \$?
}

stop() {
    return 0
}
"
}
