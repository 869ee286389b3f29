# SPDX-License-Identifier: GPL-2.0-only
# What the kernel's log says since a mark of ours.

MARKS=0 MARK= MARK_TIME=0

# Leaves a mark in the kernel's log, so that its words after it are about us.
mark_kernel_log() {
    MARKS=$((MARKS + 1))
    MARK="toa-node.$$.$MARKS:"
    MARK_TIME=$(date +%s)
    (printf '%s loading %s\n' "$MARK" "$1" >/dev/kmsg) 2>/dev/null
}

# What the kernel's log says of modules lately; fails where it cannot be read. A
# firewall may write hundreds of lines between our mark and the module's words.
kernel_log() {
    have dmesg || { R= && return 1; }
    R=$(dmesg 2>/dev/null | grep -i -e toa -e module -e lockdown -e 'avc: ' | tail -n 300 | cut -b 1-300)
    [ -n "$R" ]
}

# The log after our mark; all of it where the mark was not taken, or is no longer there.
kernel_log_since_mark() {
    MARK_SEEN=
    kernel_log || return 1
    case $R in
    *"$MARK"*) MARK_SEEN=yes ;;
    esac
    case $R in
    *"$MARK"*"$NL"*) R=${R##*"$MARK"} && R=${R#*"$NL"} ;;
    *"$MARK"*) R= ;;
    esac
}

kernel_words() {
    kernel_log_since_mark || return 1
    R=$(printf '%s\n' "$R" | grep -v -e 'module verification failed' -e 'taints kernel' | tail -n 2)
    one_line "$R"
}
