# SPDX-License-Identifier: GPL-2.0-only
# An artifact against its own claims, and against this node.

REBUILD_HINT='it was cut, damaged or edited on its way: fetch the original again, or build it again'

# The manifest in hand against its own module and selftest.
check_claims() {
    forget_differences
    fingerprint_of manifest_field
    compare fingerprint "$M_fingerprint" "$R" 'its hard fields'
    file_size "$1/toa.ko"
    compare size "$M_size" "$R" 'the file toa.ko'
    file_sha256 "$1/toa.ko"
    compare sha256 "$M_sha256" "$R" 'the file toa.ko'
    file_sha256 "$1/toa-selftest"
    compare selftest_sha256 "$M_selftest_sha256" "$R" 'the file toa-selftest'
    [ -z "$DIFF_LINES" ] || return 1
    check_module_tags "$1/toa.ko"
    [ -z "$DIFF_LINES" ]
}

# What is compiled into toa.ko. The file's hash is already known to be right,
# so a difference here means a manifest that was made to fit by hand.
check_module_tags() {
    read_module_tags "$1"
    compare toa_fingerprint "$M_fingerprint" "$K_fingerprint" toa.ko
    [ -z "$M_vermagic" ] || compare vermagic "$M_vermagic" "$K_vermagic" toa.ko
    compare kernel_release "$M_kernel_release" "${K_vermagic%% *}" toa.ko
    [ -z "$M_srcversion" ] || compare srcversion "$M_srcversion" "$K_srcversion" toa.ko
    [ -z "$M_toa_version" ] || compare toa_version "$M_toa_version" "$K_version" toa.ko
    module_has_build_id "$1" "$M_build_id" || add_difference build_id "$M_build_id" another toa.ko
    case $M_signature in
    '' | none) ! is_signed "$1" || add_difference signature "$M_signature" signed toa.ko ;;
    *) is_signed "$1" || add_difference signature "$M_signature" none toa.ko ;;
    esac
}

# The manifest in hand against this node.
check_fields() {
    forget_differences
    for check_field in $HARD_FIELDS; do
        manifest_field "$check_field"
        check_artifact_value=$R
        node_field "$check_field"
        if may_be_empty "$check_field" && { [ -z "$R" ] || [ -z "$check_artifact_value" ]; }; then
            continue
        fi
        [ -n "$R" ] && [ "$R" = "$check_artifact_value" ] ||
            add_difference "$check_field" "$check_artifact_value" "$R"
    done
    [ -z "$DIFF_LINES" ]
}

# Every check before an artifact may touch this node; leaves M_* set.
require_artifact_for_this_node() {
    forget_differences
    artifact_is_whole "$1" || fail mismatch "this is no whole artifact: $FLAW" "$REBUILD_HINT"
    check_claims "$1" || fail_with_differences "the artifact contradicts itself" "$REBUILD_HINT"
    check_fields || fail_with_differences "this toa.ko is for another system" \
        "build one for this system: on a node with exactly this kernel and distribution release run \`toa-node build\` (toa-fleet build --on HOST), then push again"
}
