# SPDX-License-Identifier: GPL-2.0-only
# The module into the kernel, out of it, and back to what was there.

KERNEL_TOUCHED= OLD_BUILD_ID= OLD_KO= OLD_WAS_LOADED= RELOADED=

# insmod; R is what it and the kernel said.
insert_module() {
    read_options_lines
    [ -z "$PARAMETERS" ] || [ -n "$ROLLING" ] || OPTIONS=$WANTED_PARAMETERS
    find_selinux
    label_module "$1"
    mark_kernel_log "$1"
    # shellcheck disable=SC2086 # words without blanks and wildcards
    output_of insmod_of "$1" $OPTIONS && return 0
    insert_said=$R
    kernel_words
    R="$insert_said${R:+ (kernel: $R)}"
    return 1
}

# A policy of SELinux lets insmod read what has the type of modules, and may yet not
# let it look into the directories above: it gets the open file.
insmod_of() {
    insmod_file=$1
    shift
    if [ "$SELINUX_MODE" = disabled ]; then
        insmod "$insmod_file" "$@"
    else
        insmod /dev/stdin "$@" <"$insmod_file"
    fi
}

# rmmod; waits a little for users that are just leaving.
remove_module() {
    for remove_try in 1 2 3 4 5; do
        output_of rmmod toa && return 0
        case $R in
        *'in use'* | *emporarily* | *busy*) ;;
        *) return 1 ;;
        esac
        [ "$remove_try" = 5 ] || sleep 1
    done
    return 1
}

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
    if [ "$RUN" = yes ]; then
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
    if [ "$OLD_WAS_LOADED" != yes ]; then
        UNDONE="rolled back: no toa is loaded, as before"
    elif [ "$RUN" = yes ]; then
        UNDONE="the toa that was loaded before is still there"
    elif [ -z "$OLD_KO" ]; then
        UNDONE="NOT rolled back: the toa that was loaded before was not ours, and its file is not known here"
    elif insert_module "$OLD_KO"; then
        UNDONE="rolled back: the toa that was loaded before is loaded again"
    else
        UNDONE="NOT rolled back: the toa that was loaded before does not load any more: $R"
    fi
}
