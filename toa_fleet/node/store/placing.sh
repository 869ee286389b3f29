# SPDX-License-Identifier: GPL-2.0-only
# An artifact beside the others, made the current one, or taken back.

NEW_DIR=

# Puts the artifact in hand beside the others; it is not current yet.
place_artifact() {
    ART_FP=$STORE/$M_fingerprint
    ART_DIR=$ART_FP/$M_artifact
    ! is_placed || return 0
    R=$(mkdir -p "$ART_FP" 2>&1) || store_trouble "cannot make $ART_FP"
    undo_with unplace_artifact
    if [ -e "$ART_DIR" ]; then
        R=$(mv "$ART_DIR" "$STAGE/damaged" 2>&1) || store_trouble "cannot move the damaged $ART_DIR away"
    fi
    sync_store
    R=$(mv "$NEW_DIR" "$ART_DIR" 2>&1) || store_trouble "cannot put $ART_DIR in its place"
}

is_placed() {
    for placed_name in $ARTIFACT_FILES; do
        cmp -s "$NEW_DIR/$placed_name" "$ART_DIR/$placed_name" || return 1
    done
}

# The point of no return: from here on the new artifact is the one that the
# next boot loads. Nothing after this may fail the verb.
make_current() {
    R=$( (printf '%s\n' "$M_artifact" >"$STAGE/current") 2>&1) || store_trouble "cannot write $ART_FP/current"
    file_size "$STAGE/current"
    [ "$R" -eq 17 ] || { R= && store_trouble "cannot write $ART_FP/current (disk full?)"; }
    sync_store
    trap '' HUP INT TERM PIPE
    R=$(mv -f "$STAGE/current" "$ART_FP/current" 2>&1) || store_trouble "cannot switch $ART_FP/current"
    COMMITTED=yes
    forget_other_matches
    read_running
    sweep_orphans
    sync_store
}

# Other fingerprints that also match this node (a field was empty there) must
# not compete with the new one at boot.
forget_other_matches() {
    other_keep=$M_fingerprint
    for other in "$STORE"/*; do
        is_id "${other##*/}" && [ "${other##*/}" != "$other_keep" ] || continue
        read_current "$other" || continue
        rm -f "$other/current"
    done
    find_installed
}

# The directory of a module that could not be taken out stays: it is what runs.
unplace_artifact() {
    read_running
    [ "$RUN_DIR" != "$ART_DIR" ] || return 0
    discard "$ART_DIR"
    [ ! -e "$STAGE/damaged" ] || mv "$STAGE/damaged" "$ART_DIR"
    rmdir "$ART_FP" 2>/dev/null
}
