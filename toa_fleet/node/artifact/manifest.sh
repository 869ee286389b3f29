# SPDX-License-Identifier: GPL-2.0-only
# A manifest: read, bounded, complete.

ARTIFACT_FILES='toa.ko manifest toa-selftest'
# Those that are read into M_<field>; the others are for people.
MANIFEST_FIELDS="manifest $HARD_FIELDS fingerprint sha256 size build_id srcversion toa_version selftest_sha256 signature source"
MAX_MANIFEST=65536
MAX_FILE=16777216

forget_manifest() {
    for manifest_key in $MANIFEST_FIELDS; do
        eval "M_$manifest_key="
    done
}

set_manifest_field() {
    case " $MANIFEST_FIELDS " in
    *" $1 "*) eval "M_$1=\$2" ;;
    esac
}

manifest_field() {
    eval "R=\$M_$1"
}

# Reads a manifest into M_*; on trouble FLAW says what it is.
read_manifest() {
    forget_manifest
    FLAW=
    [ -f "$1" ] && [ -r "$1" ] || { FLAW="there is no readable manifest" && return 1; }
    file_size "$1"
    [ "$R" -le "$MAX_MANIFEST" ] || { FLAW="the manifest is larger than $MAX_MANIFEST bytes" && return 1; }
    manifest_seen=' '
    manifest_line_number=0
    while IFS= read -r manifest_line || [ -n "$manifest_line" ]; do
        manifest_line_number=$((manifest_line_number + 1))
        [ -n "$manifest_line" ] || continue
        manifest_line_flaw "$manifest_line" && return 1
        set_manifest_field "${manifest_line%%=*}" "${manifest_line#*=}"
    done <"$1"
    manifest_is_complete
}

manifest_line_flaw() {
    line_key=${1%%=*}
    case $1 in
    *=*) ;;
    *) line_key= ;;
    esac
    case $line_key in
    '' | [!a-z]* | *[!a-z0-9_.-]*) FLAW="line $manifest_line_number of the manifest is not key=value" && return 0 ;;
    esac
    case $1 in
    *[$CONTROLS]*) FLAW="line $manifest_line_number of the manifest has control characters" && return 0 ;;
    esac
    case $manifest_seen in
    *" $line_key "*) FLAW="the manifest gives $line_key twice" && return 0 ;;
    esac
    manifest_seen="$manifest_seen$line_key "
    return 1
}

manifest_is_complete() {
    [ "$M_manifest" = 1 ] || { FLAW="the manifest is not of version 1" && return 1; }
    for complete_field in $HARD_FIELDS; do
        manifest_field "$complete_field"
        [ -n "$R" ] || may_be_empty "$complete_field" ||
            { FLAW="the manifest lacks $complete_field" && return 1; }
    done
    is_id "$M_fingerprint" || { FLAW="the manifest's fingerprint is none" && return 1; }
    is_hex "$M_sha256" && [ "${#M_sha256}" -eq 64 ] || { FLAW="the manifest's sha256 is none" && return 1; }
    is_hex "$M_selftest_sha256" && [ "${#M_selftest_sha256}" -eq 64 ] ||
        { FLAW="the manifest's selftest_sha256 is none" && return 1; }
    is_hex "$M_build_id" && [ "${#M_build_id}" -le 128 ] || { FLAW="the manifest's build_id is none" && return 1; }
    is_number "$M_size" || { FLAW="the manifest's size is not a number" && return 1; }
    M_artifact=${M_sha256%"${M_sha256#????????????????}"}
}

artifact_is_whole() {
    for whole_file in $ARTIFACT_FILES; do
        [ -f "$1/$whole_file" ] || { FLAW="$whole_file is missing" && return 1; }
    done
    file_size "$1/toa.ko"
    [ "$R" -le "$MAX_FILE" ] || { FLAW="toa.ko is larger than $MAX_FILE bytes" && return 1; }
    read_manifest "$1/manifest"
}
