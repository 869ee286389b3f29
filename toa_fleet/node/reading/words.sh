# SPDX-License-Identifier: GPL-2.0-only
# Lines, numbers and names, without a process.

# First line of a file, without a process. Not for numbers in /proc/sys: a
# shell that reads byte by byte (dash) gets only their first digit there.
first_line() {
    R=
    [ -f "$1" ] && [ -r "$1" ] || return 1
    { IFS= read -r R || [ -n "$R" ]; } <"$1" 2>/dev/null
}

# Calls $1 with each line of $2. A here-document would do, but some shells keep
# those in files, and the disk may be full.
each_line() {
    set -f
    IFS=$NL
    # shellcheck disable=SC2086 # into lines
    set -- "$1" $2
    IFS=" $TAB$NL"
    set +f
    each_call=$1
    shift
    for each_item in "$@"; do
        "$each_call" "$each_item"
    done
}

trim() {
    R=$1
    while :; do
        case $R in
        ' '* | "$TAB"*) R=${R#?} ;;
        *' ' | *"$TAB") R=${R%?} ;;
        *) return 0 ;;
        esac
    done
}

is_number() {
    case $1 in
    '' | *[!0-9]*) return 1 ;;
    esac
    [ "${#1}" -le 10 ]
}

is_hex() {
    case $1 in
    '' | *[!0-9a-f]*) return 1 ;;
    esac
}

is_id() {
    is_hex "$1" && [ "${#1}" -eq 16 ]
}

is_release() {
    case $1 in
    [!0-9]* | *[!A-Za-z0-9._+~-]* | *..*) return 1 ;;
    esac
    [ -n "$1" ] && [ "${#1}" -le 64 ]
}

# "start-script" as a part of a function's name.
underscored() {
    R=$1
    while :; do
        case $R in
        *-*) R=${R%%-*}_${R#*-} ;;
        *) return 0 ;;
        esac
    done
}
