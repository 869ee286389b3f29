# SPDX-License-Identifier: GPL-2.0-only
# What was placed, installed for good.

CHANGED=no

# Program and boot unit, then the switch. Nothing that is right is touched.
install_placed() {
    CHANGED=yes
    store_program
    store_source
    store_parameters
    persist
    add_label_rules
    note_made_dirs
    if is_all_in_place; then
        CHANGED=no
        COMMITTED=yes
    else
        make_current
        sweep_sources
    fi
    record_kernels
    read_manifest "$ART_DIR/manifest"
}

is_all_in_place() {
    [ "$CUR_DIR" = "$ART_DIR" ] && [ -z "$UNDO_WITH" ]
}

say_artifact() {
    say artifact "$M_artifact"
    say build_id "$M_build_id"
}

say_change() {
    [ -z "$OLD_WAS_LOADED" ] || [ "$OLD_WAS_LOADED" = no ] || say previous_build_id "$OLD_BUILD_ID"
    if [ -n "$KERNEL_TOUCHED" ]; then say changed yes; else say changed no; fi
}
