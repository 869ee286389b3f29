# SPDX-License-Identifier: GPL-2.0-only
# ELF files of modules and kernels: notes, .modinfo, signature.

# The GNU build-id in the ELF notes given as hex bytes: name size 4, type 3,
# name "GNU", in either byte order. The blanks keep the search on byte bounds.
build_id_in_notes() {
    notes_rest=
    case $1 in
    *' 04 00 00 00 '??' 00 00 00 03 00 00 00 47 4e 55 00 '*)
        notes_rest=${1#*' 04 00 00 00 '??' 00 00 00 03 00 00 00 47 4e 55 00 '}
        notes_size=${1%" 00 00 00 03 00 00 00 47 4e 55 00 $notes_rest"}
        ;;
    *' 00 00 00 04 00 00 00 '??' 00 00 00 03 47 4e 55 00 '*)
        notes_rest=${1#*' 00 00 00 04 00 00 00 '??' 00 00 00 03 47 4e 55 00 '}
        notes_size=${1%" 00 00 00 03 47 4e 55 00 $notes_rest"}
        ;;
    esac
    R=
    [ -n "$notes_rest" ] || return 1
    notes_left=$((0x${notes_size##* }))
    for notes_byte in $notes_rest; do
        [ "$notes_left" -gt 0 ] || break
        R=$R$notes_byte
        notes_left=$((notes_left - 1))
    done
    [ "$notes_left" -eq 0 ] || R=
}

build_id_of_notes_file() {
    hex_of "$1"
    build_id_in_notes "$R"
}

build_id_of_module() {
    R=$(od -A n -v -t x1 "$1" | tr -d '\n' |
        sed -n 's/.*\( 0[04] 00 00 [0-9a-f][0-9a-f] [0-9a-f][0-9a-f] 00 00 [0-9a-f][0-9a-f] 0[03] 00 00 0[03] 47 4e 55 00 .*\)/\1/p' |
        cut -b 1-400)
    build_id_in_notes "$R"
}

module_has_build_id() {
    hex_pairs "$2"
    od -A n -v -t x1 "$1" | tr -d '\n' | grep -F " 47 4e 55 00$R" >/dev/null
}

# "aabb" as " aa bb"
hex_pairs() {
    R=$(printf '%s' "$1" | sed 's/../ &/g')
}

# A tag of a module's .modinfo: by modinfo, else by its strings. The first tag of its
# section may follow bytes of another one.
modinfo_tag() {
    R=
    ! program_in_path modinfo || R=$("$R" -F "$2" "$1" 2>/dev/null)
    [ -n "$R" ] || R=$(module_bytes "$1" 2>/dev/null | tr '\000' '\n' |
        sed -n -e "s/^$2=//p" -e "s/^.*[^0-9A-Za-z_.]$2=//p" | head -n 1)
    R=${R%%"$NL"*}
}

module_bytes() {
    case $1 in
    *.gz) gzip -dc <"$1" ;;
    *.xz) xz -dc <"$1" ;;
    *.zst) zstd -dc <"$1" ;;
    *) cat "$1" ;;
    esac
}

is_signed() {
    tail -c 28 "$1" | grep '~Module signature appended~' >/dev/null
}

find_signer() {
    R=none
    is_signed "$1" || return 0
    R=$(modinfo -F signer "$1" 2>/dev/null)
    R=${R:-unknown}
}
