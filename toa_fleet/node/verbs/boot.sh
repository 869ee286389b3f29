# SPDX-License-Identifier: GPL-2.0-only
register_verb boot 600 'what the boot unit calls'

BOOT_BUILD_SECONDS=180

# A store that cannot be written is read all the same: nobody changes it either,
# so it needs no lock.
open_store_at_boot() {
    if [ ! -f "$STORE/toa-node" ] || (: >"$STORE/.writable.$$") 2>/dev/null; then
        rm -f "$STORE/.writable.$$"
        open_store
        return
    fi
    READONLY=yes
    catch_signals
    for early_record in $EARLY_RECORDS; do
        STAGE=${early_record%/*}/.toa.$$
        R=$(mkdir -m 700 "$STAGE" 2>&1) && STAGE_IS_OURS=yes && break
        STAGE=
    done
    [ -n "$STAGE" ] || store_trouble "neither the store nor /run nor /dev can be written"
    keep_out_of_tmp
    read_running
}

# No artifact for this kernel is no failure: the kernel is new, the record says
# so and audits see it. Anything else that keeps toa out is one, so that the
# unit shows failed.
verb_boot() {
    require_live_system
    BOOTING=yes
    require_root
    open_store_at_boot
    find_boot_id
    gather_facts
    if find_installed; then
        load_at_boot
    elif [ -n "$IS_DAMAGED" ]; then
        fail mismatch "what is installed for this system cannot be used: $WHY_NONE" "push it again"
    elif rebuilds && [ -z "$READONLY" ]; then
        rebuild_at_boot
    else
        write_boot_record no-artifact "$WHY_NONE"
        say changed no
    fi
    [ -n "$READONLY" ] || record_kernels
    finish 0
}

# The machine waits for this, so not for long.
rebuild_at_boot() {
    progress "building for this kernel, as nothing that is stored is for it"
    TOA_BUILD_SECONDS=$BOOT_BUILD_SECONDS
    export TOA_BUILD_SECONDS
    if ! build_here; then
        write_boot_record no-artifact "$WHY_NONE | rebuilding failed: $R"
        say changed no
        return
    fi
    read_signature "$NEW_DIR/toa.ko"
    pass_load_gates
    place_artifact
    put_in_kernel "$ART_DIR/toa.ko"
    require_proof "$ART_DIR" lenient
    make_current
    read_manifest "$ART_DIR/manifest"
    write_boot_record loaded "artifact $M_artifact, built at this boot, build-id $M_build_id, selftest $PROOF_SELFTEST"
    say_artifact
    say_change
}

load_at_boot() {
    require_artifact_for_this_node "$CUR_DIR"
    use_installed
    pass_load_gates
    put_in_kernel "$ART_DIR/toa.ko"
    require_proof "$ART_DIR" lenient
    COMMITTED=yes
    write_boot_record loaded "artifact $M_artifact, build-id $M_build_id, selftest $PROOF_SELFTEST"
    say_artifact
    say_change
}
