# SPDX-License-Identifier: GPL-2.0-only
register_verb verify 180 'prove that the running toa is the installed one and that it works'

verb_verify() {
    require_live_system
    require_root
    gather_facts
    find_installed || fail not-installed "there is nothing to verify: $WHY_NONE" \
        "push an artifact that was built for this system"
    require_artifact_for_this_node "$CUR_DIR"
    say_artifact
    selftest_policy
    require_proof "$CUR_DIR" "$R"
    finish 0
}
