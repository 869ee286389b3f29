# SPDX-License-Identifier: GPL-2.0-only
register_verb build 1900 'make toa.ko, toa-selftest and manifest for the running kernel, or for an installed one'

verb_build() {
    [ -n "$SOURCE$PARTS" ] || fail usage "no source given" "give --source DIR with toa's Makefile in it"
    [ -n "$OUTPUT$EMIT" ] || fail usage "where to is not said" "give --output DIR or --emit"
    find_uid
    gather_facts
    [ -z "$TARGET_KERNEL" ] || require_target_kernel
    if [ -n "$CONTAINER" ]; then
        install_headers_hint
        headers_hint=$R
        find_container_engine
    else
        require_compiler
        require_headers
    fi
    open_build_staging
    stage_source
    make_module
    collect_products
    say fingerprint "$M_fingerprint"
    say artifact "$M_artifact"
    say build_id "$M_build_id"
    say_manifest "$NEW_DIR/manifest"
    if [ -n "$EMIT" ]; then
        for emit_name in manifest toa.ko toa-selftest; do
            emit_product "$NEW_DIR" "$emit_name"
        done
    fi
    if [ -n "$OUTPUT" ]; then
        deliver_products
        say output "$OUTPUT"
    fi
    finish 0
}
