# SPDX-License-Identifier: GPL-2.0-only
# The system's log, for what nobody reads while it happens: boot, hooks.

# To the journal or syslog; where that does not run yet, to the kernel's log.
log_event() {
    progress "$1"
    if [ -S /dev/log ] && command -v logger >/dev/null 2>&1; then
        logger -t toa -- "$1" 2>/dev/null
    else
        (printf 'toa: %s\n' "$1" >/dev/kmsg) 2>/dev/null
    fi
}
