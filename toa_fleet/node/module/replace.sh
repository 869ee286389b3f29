# SPDX-License-Identifier: GPL-2.0-only
# Our module in the place of what is loaded, and back to what was there.

KERNEL_TOUCHED= OLD_BUILD_ID= OLD_KO= OLD_WAS_LOADED= RELOADED=

# Makes the artifact in hand (M_*) the one in the kernel; $1 is its toa.ko.
# What was there before is remembered first, so that this can be undone from any
# point in between.
put_in_kernel() {
    [ "$RUN_BUILD_ID" != "$M_build_id" ] || reload_is_due || return 0
    OLD_BUILD_ID=$RUN_BUILD_ID
    OLD_KO=${RUN_DIR:+$RUN_DIR/toa.ko}
    OLD_WAS_LOADED=$RUN
    KERNEL_TOUCHED=yes
    undo_with roll_kernel_back
    take_others_out
    if [ -n "$RUN_DIR" ]; then
        progress "taking out the toa that is loaded (build-id ${RUN_BUILD_ID:-none})"
        remove_module || fail load "the loaded toa does not go: $R" \
            "see who uses it (lsmod; cat /proc/net/toa_stats by monitoring?), or reboot"
    fi
    progress "loading $1"
    [ "$RUN_BUILD_ID" != "$M_build_id" ] || RELOADED=yes
    if ! insert_module "$1"; then
        insert_failed=$R
        explain_refusal "$R"
        fail load "the kernel refused toa.ko: $insert_failed" "$R"
    fi
}

roll_kernel_back() {
    read_running
    if [ "$RUN" = yes ] && { [ "$OLD_WAS_LOADED" != yes ] || [ "$RUN_BUILD_ID" != "$OLD_BUILD_ID" ] || [ -n "$RELOADED" ]; }; then
        progress "rolling back: taking toa out"
        remove_module || { UNDONE="NOT rolled back: the new toa does not go: $R" && return; }
        read_running
    fi
    if [ -z "$OLD_KO" ] && [ -n "$OTHERS_OUT" ]; then
        UNDONE= # what was there was another's
    elif [ "$OLD_WAS_LOADED" != yes ]; then
        UNDONE="rolled back: no toa is loaded, as before"
    elif [ "$RUN" = yes ]; then
        UNDONE="the toa that was loaded before is still there"
    elif insert_module "$OLD_KO"; then
        UNDONE="rolled back: the toa that was loaded before is loaded again"
    else
        UNDONE="NOT rolled back: the toa that was loaded before does not load any more: $R"
    fi
    put_others_back
}
