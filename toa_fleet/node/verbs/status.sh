# SPDX-License-Identifier: GPL-2.0-only
register_verb status 60 'the facts, whether it could load a module, and the state of toa'

verb_status() {
    find_uid
    gather_facts
    read_running
    find_installed
    say_facts
    say_recorded_facts
    say_gates
    say_running
    say_installed
    finish 0
}

say_running() {
    say loaded "$RUN"
    say loaded_build_id "$RUN_BUILD_ID"
    say loaded_srcversion "$RUN_SRCVERSION"
    say loaded_artifact "${RUN_DIR##*/}"
    R=
    [ "$RUN" = no ] || read_hooks
    say hooks "$R"
}

say_installed() {
    say installed "$CUR_ID"
    say installed_sha256 "$CUR_SHA256"
    say installed_build_id "$CUR_BUILD_ID"
    say installed_fingerprint "$CUR_FINGERPRINT"
    say installed_source "$CUR_SOURCE"
    read_options_lines
    say options "$OPTIONS"
    if options_are_ours; then say options_ours yes; else say options_ours no; fi
    say_parameters
    list_artifacts
    say artifacts "$R"
    say_persistence
    say_boot_pieces
    say_rebuild
    say_kernels
    read_boot_record
    say boot_record "$BOOT_RECORD"
    say boot_detail "$BOOT_DETAIL"
}
