# SPDX-License-Identifier: GPL-2.0-only
# Which installed kernels have an artifact.

UNCOVERED=

# Into UNCOVERED, with blanks between. Facts of the running kernel are in N_*.
find_kernels_without_artifact() {
    UNCOVERED=
    has_any_current || return 0
    remember_running_kernel
    each_installed_kernel search_artifact_of
    recall_running_kernel
}

has_any_current() {
    for any_current in "$STORE"/*/current; do
        [ ! -f "$any_current" ] || return 0
    done
    return 1
}

search_artifact_of() {
    read_kernel "$1"
    kernel_has_artifact || UNCOVERED="$UNCOVERED${UNCOVERED:+ }$1"
}

# Into COVERED: the releases for which an artifact is current, with ", " between.
find_kernels_with_artifact() {
    COVERED=
    for covered_fp in "$STORE"/*; do
        is_id "${covered_fp##*/}" && first_line "$covered_fp/current" && is_id "$R" || continue
        read_manifest "$covered_fp/$R/manifest" || continue
        case ", $COVERED, " in
        *", $M_kernel_release, "*) ;;
        *) COVERED="$COVERED${COVERED:+, }$M_kernel_release" ;;
        esac
    done
}

# By what can be seen of it; the rest shows when it boots.
kernel_has_artifact() {
    for kernel_fp in "$STORE"/*; do
        is_id "${kernel_fp##*/}" && first_line "$kernel_fp/current" && is_id "$R" || continue
        read_manifest "$kernel_fp/$R/manifest" || continue
        ! nothing_contradicts || return 0
    done
    return 1
}

nothing_contradicts() {
    for seen_field in $HARD_FIELDS; do
        node_field "$seen_field"
        seen_value=$R
        [ -n "$seen_value" ] || continue
        manifest_field "$seen_field"
        [ -n "$R" ] || ! may_be_empty "$seen_field" || continue
        [ "$R" = "$seen_value" ] || return 1
    done
}

# For those who may not read a kernel's image. Never a reason to fail.
record_kernels() {
    find_kernels_without_artifact
    [ ! -f "$STORE/kernels" ] || [ "$(cat "$STORE/kernels")" != "kernels_without_artifact=$UNCOVERED" ] || return 0
    printf 'kernels_without_artifact=%s\n' "$UNCOVERED" 2>/dev/null >"$STAGE/kernels" &&
        sync_store && mv -f "$STAGE/kernels" "$STORE/kernels" ||
        log_event "cannot write $STORE/kernels"
}

say_kernels() {
    if [ "$N_uid" = 0 ] && [ -z "$RECORDED" ]; then
        find_kernels_without_artifact
        R=$UNCOVERED
    else
        read_kernels_record
    fi
    say kernels_without_artifact "$R"
}

# As install, boot or the last kernel hook found out.
read_kernels_record() {
    first_line "$STORE/kernels"
    R=${R#kernels_without_artifact=}
}
