# SPDX-License-Identifier: GPL-2.0-only
# What loads the module at boot, and what puts it back when it is gone.

LEGACY_MARK='# Written by toa-node legacy-kernel; taken away by toa-node legacy-kernel --undo.'
STARTUP=/etc/sysconfig/modules/toa-legacy.modules
WATCHDOG=/etc/cron.d/toa-legacy

startup_text() {
    R="#!/bin/sh
$LEGACY_MARK
[ \"\$(uname -r)\" = '$RELEASE' ] && [ ! -d /sys/module/toa ] && /sbin/modprobe toa
:
"
}

watchdog_text() {
    R="$LEGACY_MARK
SHELL=/bin/sh
PATH=/usr/sbin:/usr/bin:/sbin:/bin
* * * * * root [ \"\$(uname -r)\" = '$RELEASE' ] && [ ! -d /sys/module/toa ] && { logger -t toa 'toa was gone, loading it'; /sbin/modprobe toa; }
"
}

register_legacy_step startup

legacy_has_startup() {
    [ -e "$ROOT/etc/rc.d/rc.sysinit" ] || [ -d "$ROOT/etc/sysconfig/modules" ] ||
        { R='no /etc/sysconfig/modules is read here; the watchdog loads it within a minute, or add modprobe toa to a start script' && return 77; }
    [ -n "$RELEASE" ] && startup_text && is_text "$ROOT$STARTUP" "$R" && [ -x "$ROOT$STARTUP" ]
}

legacy_do_startup() {
    make_dir "$ROOT${STARTUP%/*}" || store_trouble "cannot make $ROOT${STARTUP%/*}"
    startup_text
    legacy_put "$ROOT$STARTUP" "$R" 755
}

register_legacy_step watchdog

legacy_has_watchdog() {
    [ -d "$ROOT/etc/cron.d" ] || { R='there is no /etc/cron.d; have your monitoring run modprobe toa' && return 77; }
    [ -n "$RELEASE" ] && watchdog_text && is_text "$ROOT$WATCHDOG" "$R"
}

legacy_do_watchdog() {
    watchdog_text
    legacy_put "$ROOT$WATCHDOG" "$R" 644
}

is_text() {
    [ -f "$1" ] && [ "$(cat "$1")$NL" = "$2" ]
}

# cron and rc.sysinit read whatever lies in their directories: made elsewhere.
legacy_put() {
    put_made=$STAGE/made
    write_file "$put_made" "$2" "$3"
    # Within one file system a rename, else a copy: then under a name that both skip.
    R=$(cp -p "$put_made" "$1.toa-new~" 2>&1 && mv -f "$1.toa-new~" "$1" 2>&1) || store_trouble "cannot write $1"
}
