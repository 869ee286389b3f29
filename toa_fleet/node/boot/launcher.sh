# SPDX-License-Identifier: GPL-2.0-only
# The script for everything that starts a plain script: rc.sysinit, modprobe, rcS.d.

launcher_text() {
    R="#!/bin/sh
$OUR_MARK; taken away by toa-node remove.
### BEGIN INIT INFO
# Provides:          toa
# Required-Start:    \$local_fs
# Required-Stop:
# X-Start-Before:    networking
# Default-Start:     S
# Default-Stop:
# Short-Description: Load the TOA kernel module that was built for this kernel
### END INIT INFO

load() {
    $PERSIST_LINE </dev/null >/dev/null 2>&1
}

# Some systems run this before they mount /var: then as soon as it is there.
load_later() {
    left=300
    until [ -r /var/lib/toa/toa-node ]; do
        [ \$left -gt 0 ] || exit 0
        left=\$((left - 1))
        sleep 1
    done
    load
}

case \${1:-start} in
start | restart | reload | force-reload) ;;
status) exec /bin/sh /var/lib/toa/toa-node status ;;
*) exit 0 ;;
esac
if [ -r /var/lib/toa/toa-node ]; then
    load
else
    load_later </dev/null >/dev/null 2>&1 &
fi
exit 0
"
}
