# SPDX-License-Identifier: GPL-2.0-only
# The artifact that is current for this kernel, and all that are stored.

# What is current for this kernel: CUR_*. Usually it stands under this node's
# own fingerprint; under another one where builder or node lacked a field.
find_installed() {
    CUR_DIR= CUR_ID= CUR_SHA256= CUR_BUILD_ID= CUR_FINGERPRINT= CUR_SOURCE= WHY_NONE= IS_DAMAGED=
    read_current "$STORE/$N_fingerprint" && return 0
    for installed_fp in "$STORE"/*; do
        is_id "${installed_fp##*/}" && [ "${installed_fp##*/}" != "$N_fingerprint" ] || continue
        read_current "$installed_fp" && return 0
    done
    [ -n "$WHY_NONE" ] || WHY_NONE="no artifact is installed"
    return 1
}

read_current() {
    first_line "$1/current" || return 1
    is_id "$R" || { damaged "$1" "its current is none" && return 1; }
    current_dir=$1/$R
    current_id=$R
    read_manifest "$current_dir/manifest" || { damaged "$1" "$FLAW" && return 1; }
    [ "$M_fingerprint/$M_artifact" = "${1##*/}/$current_id" ] ||
        { damaged "$1" "its manifest is another's" && return 1; }
    check_fields || { why_not "$1" "$DIFF_WORDS" && return 1; }
    CUR_DIR=$current_dir CUR_ID=$current_id CUR_SHA256=$M_sha256
    CUR_BUILD_ID=$M_build_id CUR_FINGERPRINT=$M_fingerprint CUR_SOURCE=$M_source
}

why_not() {
    WHY_NONE="$WHY_NONE${WHY_NONE:+ | }${1##*/}: $2"
}

damaged() {
    why_not "$1" "$2"
    [ "${1##*/}" != "$N_fingerprint" ] || IS_DAMAGED=yes
}

list_artifacts() {
    R=
    for list_manifest in "$STORE"/*/*/manifest; do
        [ -f "$list_manifest" ] || continue
        list_dir=${list_manifest%/manifest}
        list_fp=${list_dir%/*}
        is_id "${list_fp##*/}" && is_id "${list_dir##*/}" || continue
        R="$R${R:+ }${list_fp##*/}/${list_dir##*/}"
    done
}
