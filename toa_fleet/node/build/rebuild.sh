# SPDX-License-Identifier: GPL-2.0-only
# The source kept here, and builds for kernels that come later.

# Whether this node builds for new kernels itself; SOURCE is then its source.
rebuilds() {
    first_line "$STORE/rebuild" && is_hex "$R" && [ -d "$STORE/source/$R" ] || return 1
    SOURCE=$STORE/source/$R
}

say_rebuild() {
    if rebuilds; then say rebuild yes; else say rebuild no; fi
}

# The source is kept by its hash, and switched to by the name in one file.
store_source() {
    if [ -z "$REBUILD" ]; then
        [ -f "$STORE/rebuild" ] || return 0
        keep_old "$STORE/rebuild"
        R=$(rm -f "$STORE/rebuild" 2>&1) || store_trouble "cannot remove $STORE/rebuild"
        return 0
    fi
    stage_source
    store_source_dir=$STORE/source/$SOURCE_HASH
    if [ ! -d "$store_source_dir" ]; then
        make_dir "$STORE/source" || store_trouble "cannot make $STORE/source"
        sync_store
        note_undo tree "$store_source_dir"
        R=$(mv "$BUILD_DIR" "$store_source_dir" 2>&1) || store_trouble "cannot store the source"
    fi
    first_line "$STORE/rebuild"
    [ "$R" != "$SOURCE_HASH" ] || return 0
    note_change "$STORE/rebuild"
    write_file "$STORE/rebuild" "$SOURCE_HASH$NL"
}

sweep_sources() {
    first_line "$STORE/rebuild"
    sweep_source=$R
    for sweep_dir in "$STORE"/source/*; do
        [ ! -d "$sweep_dir" ] || [ "${sweep_dir##*/}" = "$sweep_source" ] || discard "$sweep_dir"
    done
    rmdir "$STORE/source" 2>/dev/null
}

# By a toa-node of its own, so that whatever goes wrong in there ends there. The
# arguments are for it; on success NEW_DIR holds the artifact, else R says why.
build_here() {
    NEW_DIR=$STAGE/rebuilt
    # shellcheck disable=SC2086 # --root DIR, or nothing
    build_said=$(sh "$STORE/toa-node" ${ROOT:+--root "$ROOT"} build --source "$SOURCE" --output "$NEW_DIR" "$@" 2>"$STAGE/rebuild.log")
    build_here_status=$?
    if [ "$build_here_status" -ne 0 ]; then
        R=$(printf '%s\n' "$build_said" | sed -n -e 's/^detail=//p' -e 's/^hint=/; /p' | tr -d '\n')
        R=${R:-"toa-node build ended with status $build_here_status"}
        return 1
    fi
    chmod 755 "$NEW_DIR" "$NEW_DIR/toa-selftest" && chmod 644 "$NEW_DIR/toa.ko" "$NEW_DIR/manifest" || { R="chmod failed" && return 1; }
    artifact_is_whole "$NEW_DIR" || { R="the build made no whole artifact: $FLAW" && return 1; }
    forget_differences
    check_claims "$NEW_DIR" && check_fields || { R="the build is not for this kernel: $DIFF_WORDS" && return 1; }
}
