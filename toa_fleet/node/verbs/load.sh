# SPDX-License-Identifier: GPL-2.0-only
register_verb load 300 'put it into the kernel'

verb_load() {
    require_live_system
    require_root
    if [ -n "$FROM$PARTS" ]; then
        receive_artifact
        NEEDS_PLACE=yes
    else
        choose_installed
        NEEDS_PLACE=
    fi
    pass_load_gates
    [ -z "$NEEDS_PLACE" ] || pass_gates disk
    [ -z "$NEEDS_PLACE" ] || place_artifact
    put_in_kernel "$ART_DIR/toa.ko"
    WHY=
    read_running
    [ "$RUN_BUILD_ID" = "$M_build_id" ] || fail proof \
        "the running module has the build-id ${RUN_BUILD_ID:-(none)}, the artifact $M_build_id" "$REBUILD_HINT"
    COMMITTED=yes
    say_artifact
    say_change
    finish 0
}
