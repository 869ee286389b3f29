# SPDX-License-Identifier: GPL-2.0-only
# What was made, checked and described.

# Debug information is most of an unstripped module; stripping a signed one
# would break the signature.
strip_module() {
    ! is_signed "$1" || return 0
    for strip_tool in strip llvm-strip; do
        have "$strip_tool" || continue
        output_of "$strip_tool" --strip-debug "$1" || progress "$strip_tool: $R"
        return 0
    done
}

check_built_module() {
    read_module_tags "$1"
    [ "${K_vermagic%% *}" = "$N_kernel_release" ] || fail build \
        "toa.ko was built for the kernel ${K_vermagic%% *}, not for $N_kernel_release" "$headers_hint"
    [ "$K_fingerprint" = "$N_fingerprint" ] || fail build \
        "toa.ko does not carry toa_fingerprint=$N_fingerprint" "this source's Makefile must pass TOA_FINGERPRINT (other sources: KCFLAGS) on, so that it comes into .modinfo"
    build_id_of_module "$1"
    BUILT_ID=$R
    [ -n "$BUILT_ID" ] || fail build "toa.ko has no build-id" "the linker must be called with --build-id: look for LDFLAGS in the environment and the kernel's Makefile"
}

# name:crc of every imported symbol; without MODVERSIONS the names alone.
list_imports() {
    program_in_path modprobe || R=:
    # The open file, for SELinux may not let modprobe look into the directories above.
    R=$("$R" --dump-modversions /dev/stdin <"$1" 2>/dev/null | grep -v "${TAB}module_layout\$" |
        sed 's/^\(0x[0-9a-f]*\)[[:blank:]]*\(.*\)$/\2 \1/' | sort -k 1,1 | sed 's/ /:/')
    [ -n "$R" ] || R=$(nm -u "$1" 2>/dev/null | sed 's/^.* //' | sort)
    R=$(printf '%s' "$R" | tr '\n' ',')
}

add_manifest_line() {
    clean "$2"
    MANIFEST="$MANIFEST$1=$R$NL"
}

write_manifest() {
    MANIFEST="manifest=1$NL"
    for manifest_key in $HARD_FIELDS; do
        node_field "$manifest_key"
        add_manifest_line "$manifest_key" "$R"
    done
    add_manifest_line fingerprint "$N_fingerprint"
    file_sha256 "$1/toa.ko" && add_manifest_line sha256 "$R"
    file_size "$1/toa.ko" && add_manifest_line size "$R"
    add_manifest_line build_id "$BUILT_ID"
    add_manifest_line srcversion "$K_srcversion"
    add_manifest_line toa_version "$K_version"
    list_imports "$1/toa.ko"
    MANIFEST="${MANIFEST}imports=$R$NL"
    file_sha256 "$1/toa-selftest" && add_manifest_line selftest_sha256 "$R"
    add_manifest_line source "$SOURCE_HASH"
    if [ -n "$CONTAINER" ]; then
        first_line "$STAGE/compiler" && add_manifest_line compiler "$R, in the container $CONTAINER"
    else
        R=$("$BUILD_CC" --version 2>/dev/null)
        add_manifest_line compiler "${R%%"$NL"*}"
    fi
    first_line "$ROOT/proc/sys/kernel/hostname"
    add_manifest_line builder "$R"
    add_manifest_line built_at "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
    find_signer "$1/toa.ko" && add_manifest_line signature "$R"
    [ -z "$ORIGIN" ] || add_manifest_line origin "$ORIGIN"
    [ -z "$IS_FOREIGN" ] || add_manifest_line selftest none
    R=$( (printf '%s' "$MANIFEST" >"$1/manifest") 2>&1) || store_trouble "cannot write the manifest"
}

collect_products() {
    NEW_DIR=$STAGE/artifact
    R=$(mkdir "$NEW_DIR" 2>&1) || store_trouble "cannot make $NEW_DIR"
    copy_file "$MAKE_DIR/toa.ko" "$NEW_DIR/toa.ko" 644
    [ -z "$IS_FOREIGN" ] || stand_in_for_selftest
    copy_file "$MAKE_DIR/selftest/toa-selftest" "$NEW_DIR/toa-selftest" 755
    strip_module "$NEW_DIR/toa.ko"
    check_built_module "$NEW_DIR/toa.ko"
    write_manifest "$NEW_DIR"
    artifact_is_whole "$NEW_DIR" || fail build "the build made no whole artifact: $FLAW" "report this with the build log"
    check_claims "$NEW_DIR" || fail_with_differences "the build contradicts itself" "report this with the build log"
}

# Other sources bring no proof, and what would pass for one is none: an artifact
# of theirs is taken with --allow-unproven alone.
stand_in_for_selftest() {
    R=$(mkdir -p "$MAKE_DIR/selftest" 2>&1) || store_trouble "cannot make $MAKE_DIR/selftest"
    write_file "$MAKE_DIR/selftest/toa-selftest" "#!/bin/sh
# Written by toa-node build: there is nothing in here that proves anything.
echo 'skipped=this toa.ko was built from other sources, which bring no selftest'
exit 77
" 755
}
