# SPDX-License-Identifier: GPL-2.0-only
register_verb deploy 300 'load, verify and install as one step; on failure all is as before'

verb_deploy() {
    require_live_system
    require_root
    receive_artifact
    require_way_to_persist
    pass_load_gates
    pass_gates disk
    [ -n "$ALLOW_UNPROVEN" ] || pass_gates noexec
    [ -n "$NO_PERSIST" ] || pass_gates loaders
    place_artifact
    put_in_kernel "$ART_DIR/toa.ko"
    set_running_parameters
    selftest_policy
    require_proof "$ART_DIR" "$R"
    install_placed
    say_artifact
    [ "$OLD_WAS_LOADED" != yes ] || say previous_build_id "$OLD_BUILD_ID"
    say_persistence
    say changed "$CHANGED"
    finish 0
}
