# SPDX-License-Identifier: GPL-2.0-only
# The old procedure, step by step: a 2.6.32 kernel with TOA patched in.
#
# For those who have to keep to it: this project's own toa.ko needs neither another
# kernel nor a reboot. Every step first looks whether it is done, so a run that was
# killed, anywhere, is continued by the same command. A step says
# register_legacy_step NAME, in the order in which they are done, and has
#   legacy_has_NAME   whether it is done: 0 yes, 77 skipped with the reason in R,
#                     anything else no
#   legacy_do_NAME    does it, or fails

LEGACY_STEPS=

register_legacy_step() {
    LEGACY_STEPS="$LEGACY_STEPS $1"
}

do_legacy_step() {
    "legacy_has_$1"
    case $? in
    0) say "step.$1" 'was done' && return ;;
    77) say "step.$1" "skipped: $R" && return ;;
    esac
    CHANGED=yes
    if [ -n "$DRY_RUN" ]; then
        say "step.$1" to-do
        return
    fi
    progress "legacy-kernel: $1"
    "legacy_do_$1"
    "legacy_has_$1" || fail node "the step $1 of legacy-kernel ran, but what it should have made is not there" \
        "see the logs in $WORK on the node"
    say "step.$1" 'done'
}
