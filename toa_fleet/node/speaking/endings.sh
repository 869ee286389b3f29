# SPDX-License-Identifier: GPL-2.0-only
# How a verb ends: done, or failed with its class, reason and remedy.
#
# This room knows nobody above it. Rooms register what they have to do at an end;
# the last registered goes first:
#   undo_with NAME    right before a change: what takes it back. It looks at what
#                     is there instead of counting steps, so that it works from any
#                     point, and may say in UNDONE what it did.
#   at_failure NAME   has to know of fail_class and fail_detail, once all is undone
#   at_end NAME       puts away, however the verb ended
# Where UNDO_WITH is empty, nothing was changed. COMMITTED says that nothing may
# be undone any more.

UNDO_WITH= AT_FAILURE= AT_END=
COMMITTED= ROLLING= UNDONE= FINISHED=

undo_with() {
    case " $UNDO_WITH" in
    *" $1 "*) ;;
    *) UNDO_WITH="$1 $UNDO_WITH" ;;
    esac
}

at_failure() {
    AT_FAILURE="$1 $AT_FAILURE"
}

at_end() {
    AT_END="$1 $AT_END"
}

status_of_class() {
    case $1 in
    usage) R=2 ;;
    mismatch) R=3 ;;
    gate) R=4 ;;
    build) R=5 ;;
    load) R=6 ;;
    proof) R=7 ;;
    not-installed) R=8 ;;
    *) R=9 ;;
    esac
}

# The one place where a verb fails: takes back what it did, says what and why.
fail() {
    fail_class=$1
    fail_detail=$2
    fail_hint=$3
    roll_back
    fail_detail="$fail_detail${UNDONE:+; $UNDONE}"
    for fail_room in $AT_FAILURE; do
        "$fail_room"
    done
    say error "$fail_class"
    say detail "$fail_detail"
    say hint "$fail_hint"
    status_of_class "$fail_class"
    finish "$R"
}

# What is wrong with the command line, before the verb has begun.
refuse_usage() {
    clean "$VERB"
    case $R in
    '' | *[!a-z-]*) R=usage ;;
    esac
    printf 'begin=%s\n' "$R"
    fail usage "$1" "see toa-node help"
}

# What undoes may fail, too; it is not begun again then.
roll_back() {
    [ -z "$COMMITTED" ] && [ -z "$ROLLING" ] || return 0
    ROLLING=yes
    trap '' HUP INT TERM PIPE
    for undo_room in $UNDO_WITH; do
        "$undo_room"
    done
}

finish() {
    FINISHED=yes
    trap '' HUP INT TERM PIPE
    for end_room in $AT_END; do
        "$end_room"
    done
    printf 'end=%s\n' "$1"
    # mksh forgets the status of an exit within a trap when there is a trap on it.
    trap - EXIT
    exit "$1"
}
