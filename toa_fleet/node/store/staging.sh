# SPDX-License-Identifier: GPL-2.0-only
# The store opened for a change: lock, staging, what killed runs left.

#
# STAGE, the staging, is a private directory in the store, or what --staging names.

OPENED= STAGE_IS_OURS= STORE_IS_GOING=
at_end put_away

# What every changing verb does first.
open_store() {
    OPENED=yes
    catch_signals
    lock_store
    sweep_stagings
    sweep_runnables
    make_staging
    read_running
    sweep_orphans
}

make_staging() {
    if [ -z "$STAGE" ]; then
        STAGE=$STORE/.staging.$$
        STAGE_IS_OURS=yes
        R=$(mkdir -m 700 "$STAGE" 2>&1) || store_trouble "cannot make $STAGE"
    fi
    keep_out_of_tmp
}

# Stagings are named by the process that made them; after a kill -9 or a power
# cut nobody else takes them away.
sweep_stagings() {
    for sweep_dir in "$STORE"/.staging.*; do
        [ -d "$sweep_dir" ] && [ "$sweep_dir" != "$STAGE" ] || continue
        is_number "${sweep_dir##*.}" && [ ! -e "/proc/${sweep_dir##*.}/stat" ] || continue
        progress "taking away $sweep_dir, left by a run that was killed"
        rm -rf "$sweep_dir"
    done
}

# Artifacts that are neither current for some kernel nor in the kernel now:
# older ones, or left by a run that was killed before it had proven them.
sweep_orphans() {
    for sweep_fp in "$STORE"/*; do
        [ -d "$sweep_fp" ] && is_id "${sweep_fp##*/}" || continue
        first_line "$sweep_fp/current"
        sweep_current=$R
        for sweep_dir in "$sweep_fp"/*; do
            [ -d "$sweep_dir" ] || continue
            [ "${sweep_dir##*/}" != "$sweep_current" ] && [ "$sweep_dir" != "$RUN_DIR" ] || continue
            discard "$sweep_dir"
        done
        rmdir "$sweep_fp" 2>/dev/null
    done
}

put_away() {
    if [ -n "$STAGE" ] && [ -d "$STAGE" ]; then
        [ -z "$STAGE_IS_OURS$STORE_IS_GOING" ] || rm -rf "$STAGE"
    fi
    [ -z "$LOCKED" ] || unlock_store
    [ -n "$OPENED" ] || return 0
    rmdir "$STORE" 2>/dev/null
    each_line remove_empty_dir "$MADE_DIRS"
}
