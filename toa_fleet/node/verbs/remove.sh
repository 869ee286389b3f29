# SPDX-License-Identifier: GPL-2.0-only
register_verb remove 180 'unload, and take away all that install put there'

# The way back of install, in the order in which a kill at any point leaves a
# node that the next boot finds either as it was or without toa.
verb_remove() {
    [ -n "$ROOT" ] || require_root
    PIECES_LEFT=
    each_possible_piece search_piece
    if [ ! -e "$STORE" ] && [ -z "$PIECES_LEFT" ]; then
        say changed no
        tell_of_legacy_kernel
        finish 0
    fi
    open_store
    gather_facts
    CHANGED=no
    remove_from_kernel
    forget_every_current
    ! remove_pieces || CHANGED=yes
    drop_label_rules
    remove_store
    say changed "$CHANGED"
    tell_of_legacy_kernel
    finish 0
}

# What legacy-kernel put there is its own to take away.
tell_of_legacy_kernel() {
    [ ! -e "$ROOT$WATCHDOG" ] ||
        say left 'a kernel with TOA patched in, its start script and its watchdog: toa-node legacy-kernel --undo takes them away'
}

# A foreign toa is none of ours to take out.
remove_from_kernel() {
    [ -z "$ROOT" ] && [ "$RUN" = yes ] && [ -n "$RUN_DIR" ] || return 0
    say previous_build_id "$RUN_BUILD_ID"
    remove_module || fail load "toa does not go: $R" "see who uses it (lsmod); nothing was removed"
    CHANGED=yes
}

forget_every_current() {
    for forget in "$STORE"/*/current; do
        [ -f "$forget" ] || continue
        R=$(rm -f "$forget" 2>&1) || store_trouble "cannot remove $forget"
        CHANGED=yes
    done
}

remove_store() {
    remove_made_dirs
    for remove_dir in "$STORE"/*; do
        is_id "${remove_dir##*/}" || continue
        R=$(rm -rf "$remove_dir" 2>&1) || store_trouble "cannot remove $remove_dir"
        CHANGED=yes
    done
    [ ! -e "$STORE/toa-node" ] || CHANGED=yes
    R=$(rm -rf "$STORE/edited" "$STORE/source" 2>&1) || store_trouble "cannot empty $STORE"
    # shellcheck disable=SC2086 # several
    [ -n "$ROOT" ] || rm -f $EARLY_RECORDS
    R=$(rm -f "$STORE/rebuild" "$STORE/kernels" "$STORE/toa-node" "$STORE/boot-record" 2>&1) || store_trouble "cannot empty $STORE"
    STORE_IS_GOING=yes
}
