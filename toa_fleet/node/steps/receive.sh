# SPDX-License-Identifier: GPL-2.0-only
# The artifact that came, checked, before anything is changed.

# Facts, store, lock, and the artifact that was brought, checked: M_* is its
# manifest, NEW_DIR where it lies.
receive_artifact() {
    [ -z "$REBUILD" ] || [ -n "$SOURCE$PARTS" ] || fail usage "--rebuild needs the source" "give --source DIR with toa's Makefile in it"
    [ -n "$FROM$PARTS" ] || fail usage "no artifact given" "give --from DIR with toa.ko, manifest and toa-selftest in it"
    pass_gates readonly
    open_store
    gather_facts
    unpack_parts
    receive_files
    find_installed
    require_artifact_for_this_node "$NEW_DIR"
    require_parameters
    read_signature "$NEW_DIR/toa.ko"
    file_size "$NEW_DIR/toa.ko"
    NEED_KB=$((2 * R / 1024 + 1024))
}

# The current artifact, checked again as if it had just come.
choose_installed() {
    open_store
    gather_facts
    find_installed || fail not-installed "there is nothing to load: $WHY_NONE" \
        "push an artifact that was built for this system"
    require_artifact_for_this_node "$CUR_DIR"
    use_installed
}

use_installed() {
    ART_DIR=$CUR_DIR
    read_signature "$ART_DIR/toa.ko"
}
