# SPDX-License-Identifier: GPL-2.0-only
# The artifact that was brought, as private files that nobody changes between the
# check and the load.

receive_files() {
    NEW_DIR=$STAGE/artifact
    R=$(mkdir "$NEW_DIR" 2>&1) || store_trouble "cannot make $NEW_DIR"
    receive_from=${FROM:-$STAGE/parts}
    for receive_name in $ARTIFACT_FILES; do
        [ -f "$receive_from/$receive_name" ] || fail mismatch "this is no whole artifact: ${FROM:+$FROM/}$receive_name is missing" \
            "an artifact is toa.ko, manifest and toa-selftest, as toa-node build makes them"
        file_size "$receive_from/$receive_name"
        [ "$R" -le "$MAX_FILE" ] || fail mismatch "$receive_name is larger than $MAX_FILE bytes" "$REBUILD_HINT"
        receive_file "$receive_from/$receive_name" "$NEW_DIR/$receive_name"
    done
    R=$(chmod 755 "$NEW_DIR" "$NEW_DIR/toa-selftest" 2>&1) || store_trouble "cannot make $NEW_DIR readable"
}

# Parts are ours already and need no room twice.
receive_file() {
    if [ -n "$FROM" ]; then
        copy_file "$1" "$2" 644
    else
        R=$(mv "$1" "$2" 2>&1) || store_trouble "cannot move $1"
    fi
}
