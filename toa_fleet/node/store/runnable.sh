# SPDX-License-Identifier: GPL-2.0-only
# Where a program of ours may be executed: hardened systems mount /var noexec.
#
# What a shell reads (toa-node itself, at boot too) is executed by nobody. A program is:
# its copy, for as long as it runs, in a private directory of another file system.

RUNNABLE_PLACES='/run /dev/shm /root /'
RUNNABLE_NAME=.toa-runnable
RUNNABLE_DIR=
at_end drop_runnable

# By the mount table; "no" is what it says, and the kernel has the last word.
may_be_executed() {
    find_mount "$1"
    case ,$mount_options, in
    *,noexec,*) return 1 ;;
    esac
}

may_hold_runnable() {
    [ -d "$ROOT$1" ] && may_be_executed "$1" || return 1
    case ,$mount_options, in
    *,ro,*) return 1 ;;
    esac
}

# A copy of the program $2 below $1; R is its path. Anybody may have made something of
# that name in a directory that is everybody's: mkdir takes nothing that is there.
make_runnable() {
    runnable_copy=${1%/}/$RUNNABLE_NAME.$$
    mkdir -m 700 "$runnable_copy" 2>/dev/null || return 1
    RUNNABLE_DIR=$runnable_copy
    cp "$2" "$RUNNABLE_DIR/${2##*/}" 2>/dev/null && chmod 700 "$RUNNABLE_DIR/${2##*/}" || { drop_runnable && return 1; }
    R=$RUNNABLE_DIR/${2##*/}
    label_program "$R"
    R=$RUNNABLE_DIR/${2##*/}
}

drop_runnable() {
    [ -z "$RUNNABLE_DIR" ] || rm -rf "$RUNNABLE_DIR"
    RUNNABLE_DIR=
}

# What runs left that were killed, as with stagings; only what is root's.
sweep_runnables() {
    [ -z "$ROOT" ] || return 0
    for runnable_place in $RUNNABLE_PLACES; do
        for runnable_left in "${runnable_place%/}/$RUNNABLE_NAME".*; do
            [ -d "$runnable_left" ] && [ ! -h "$runnable_left" ] || continue
            is_number "${runnable_left##*.}" && [ ! -e "/proc/${runnable_left##*.}/stat" ] || continue
            [ -z "$(find "$runnable_left" -prune -user 0 -perm 700 2>/dev/null)" ] || rm -rf "$runnable_left"
        done
    done
}
