# SPDX-License-Identifier: GPL-2.0-only
# systemd: a unit.

register_boot_system systemd
when_undone reload_systemd
after_removal reload_systemd

# Running, or in a tree that nobody runs (--root): installed as init.
boot_systemd_is_here() {
    [ ! -d "$ROOT/run/systemd/system" ] || return 0
    [ -n "$ROOT" ] || return 1
    init_is_another systemd && return 1
    [ -e "$ROOT/lib/systemd/systemd" ] || [ -e "$ROOT/usr/lib/systemd/systemd" ]
}

# Debian can have systemd's files and yet start with sysvinit.
init_is_another() {
    for init in "$ROOT/sbin/init" "$ROOT/usr/sbin/init"; do
        [ -e "$init" ] || [ -h "$init" ] || continue
        case $(readlink "$init") in
        *"$1") return 1 ;;
        esac
        return 0
    done
    return 1
}

boot_systemd_pieces() {
    unit_text
    "$1" file /etc/systemd/system/toa.service 644 "$R"
    "$1" link /etc/systemd/system/multi-user.target.wants/toa.service /etc/systemd/system/toa.service
}

boot_systemd_added() {
    [ -z "$UNDO_LIST" ] || reload_systemd
}

unit_text() {
    # No default dependencies: they would put this after basic.target, and with
    # cloud-init, which has the network come up before sysinit.target, in a cycle.
    R="$OUR_MARK; taken away by toa-node remove.
[Unit]
Description=Load the TOA kernel module that was built for this kernel
DefaultDependencies=no
Conflicts=shutdown.target
After=local-fs.target systemd-modules-load.service systemd-sysctl.service
Before=network-pre.target shutdown.target
Wants=network-pre.target
RequiresMountsFor=/var/lib/toa

[Service]
Type=oneshot
RemainAfterExit=yes
TimeoutStartSec=300
ExecStart=$PERSIST_LINE

[Install]
WantedBy=multi-user.target
"
}

reload_systemd() {
    [ -z "$ROOT" ] && [ -d /run/systemd/system ] || return 0
    output_of systemctl daemon-reload || progress "systemctl daemon-reload: $R"
}
