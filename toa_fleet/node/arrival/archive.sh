# SPDX-License-Identifier: GPL-2.0-only
# An archive, compressed or not, into a directory.

unpack_archive() {
    unpack_magic=$(od -A n -t x1 -N 4 "$1" | tr -d ' ')
    case $unpack_magic in
    1f8b*) unpack_with=gzip ;;
    425a68*) unpack_with=bzip2 ;;
    fd377a58) unpack_with=xz ;;
    28b52ffd) unpack_with=zstd ;;
    *) unpack_with='cat' ;;
    esac
    have "$unpack_with" || fail node "$1 cannot be unpacked: $unpack_with is missing" "install $unpack_with"
    unpack_option=-dc
    [ "$unpack_with" != cat ] || unpack_option=
    # A pipe has the status of its end alone: a damaged archive shows here first.
    [ "$unpack_with" = cat ] || R=$("$unpack_with" -t <"$1" 2>&1) ||
        { one_line "$R" && fail node "the archive ${SOURCE:-$1} is damaged: $R" "fetch it again"; }
    # shellcheck disable=SC2086 # one option or none
    R=$("$unpack_with" $unpack_option <"$1" | tar -xof - -C "$2" 2>&1) ||
        { one_line "$R" && fail node "the archive ${SOURCE:-$1} cannot be unpacked: $R" "see that it is a tar archive, and df"; }
}
