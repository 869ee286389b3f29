# SPDX-License-Identifier: GPL-2.0-only
# What is said: lines of the answer, progress, the words of commands.

# One printable line of at most 4096 bytes: what leaves this program may have
# been written by anybody.
clean() {
    R=$1
    case $R in
    *[!\ -~]*) R=$(printf '%s' "$R" | tr '\000-\037\177' '?') ;;
    esac
    [ "${#R}" -le 1024 ] || R=$(printf '%s' "$R" | cut -b 1-4096)
}

say() {
    clean "$2"
    printf '%s=%s\n' "$1" "$R"
}

progress() {
    printf 'toa-node: %s\n' "$*" >&2
}

# The words of a command on one bounded line.
one_line() {
    R=$(printf '%s' "$1" | tr -s '\n\t' '  ' | cut -b 1-800)
    R=${R# }
    R=${R% }
}

# Runs a command; R is what it said, on one line.
output_of() {
    R=$("$@" 2>&1)
    output_status=$?
    one_line "$R"
    return "$output_status"
}
