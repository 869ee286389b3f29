# SPDX-License-Identifier: GPL-2.0-only
# The parts of a bundle.

MAX_BUNDLE=67108864
UNPACKED=

bad_part() {
    clean "$1"
    fail usage "--part $1: $2" "give NAME:SIZE:SHA256 as docs/node-protocol.md says"
}

check_part_name() {
    case $1 in
    '' | *[!A-Za-z0-9._/-]* | /* | */ | *//*) return 1 ;;
    esac
    case /$1/ in
    */./* | */../*) return 1 ;;
    esac
}

# Cuts DIR/bundle into DIR/parts/NAME, in the order of --part.
unpack_parts() {
    [ -n "$PARTS" ] && [ -z "$UNPACKED" ] || return 0
    UNPACKED=yes
    [ -n "$STAGE" ] || fail usage "--part without --staging" "see toa-node help"
    bundle_expected=0
    bundle_names=' '
    each_line check_part "$PARTS"
    [ "$bundle_expected" -le "$MAX_BUNDLE" ] || bad_part bundle "larger than $MAX_BUNDLE bytes"
    file_size "$STAGE/bundle"
    [ "$R" = "$bundle_expected" ] || fail node \
        "the transfer was cut short: the bundle should have $bundle_expected bytes and has ${R:-none}" "push again"
    unpack_offset=0
    each_line unpack_part "$PARTS"
}

# NAME:SIZE:SHA256
split_part() {
    part_name=${1%%:*}
    part_sha256=${1##*:}
    part_size=${1#"$part_name"}
    part_size=${part_size%"$part_sha256"}
    part_size=${part_size#:}
    part_size=${part_size%:}
}

check_part() {
    split_part "$1"
    check_part_name "$part_name" || bad_part "$1" "this name is not allowed"
    is_number "$part_size" && [ "$part_size" -le "$MAX_BUNDLE" ] || bad_part "$1" "its size is none"
    is_hex "$part_sha256" && [ "${#part_sha256}" -eq 64 ] || bad_part "$1" "its SHA-256 is none"
    case $bundle_names in
    *" $part_name "*) bad_part "$1" "given twice" ;;
    esac
    bundle_names="$bundle_names$part_name "
    bundle_expected=$((bundle_expected + part_size))
}

unpack_part() {
    split_part "$1"
    part_path=$STAGE/parts/$part_name
    case $part_name in
    toa-node | toa-selftest) part_mode=755 ;;
    *) part_mode=644 ;;
    esac
    R=$(mkdir -p "${part_path%/*}" 2>&1) || store_trouble "cannot unpack $part_name"
    R=$( (tail -c "+$((unpack_offset + 1))" "$STAGE/bundle" | head -c "$part_size" >"$part_path") 2>&1 &&
        chmod "$part_mode" "$part_path" 2>&1) || store_trouble "cannot unpack $part_name"
    file_sha256 "$part_path"
    [ "$R" = "$part_sha256" ] ||
        fail node "$part_name arrived damaged (SHA-256 $R, sent $part_sha256)" "push again; see also df -h $STORE"
    unpack_offset=$((unpack_offset + part_size))
}
