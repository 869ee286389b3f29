# SPDX-License-Identifier: GPL-2.0-only
# Commands that are there, and commands in the tree that is worked on.

have() {
    command -v "$1" >/dev/null 2>&1
}

# The program of this name in PATH. A busybox shell would take its own applet
# instead, and busybox's modprobe cannot read CRCs.
program_in_path() {
    IFS=:
    for path_dir in $PATH; do
        R=$path_dir/$1
        [ ! -f "$R" ] || [ ! -x "$R" ] || break
        R=
    done
    IFS=" $TAB$NL"
    [ -n "$R" ]
}

# A command of the system that is worked on; below --root that takes root.
in_root() {
    if [ -n "$ROOT" ]; then
        # What keeps our own temporary files out of /tmp is no directory in there.
        chroot "$ROOT" env -u TMPDIR "$@"
    else
        "$@"
    fi
}

# A program in the usual places of the system that is worked on.
in_root_have() {
    [ -n "$ROOT" ] || { have "$1" && return || return 1; }
    for have_dir in usr/local/bin usr/bin bin usr/sbin sbin; do
        [ ! -x "$ROOT/$have_dir/$1" ] || return 0
    done
    return 1
}
