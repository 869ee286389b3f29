# SPDX-License-Identifier: GPL-2.0-only
# What a file is: its size, its hash, whose it is, what its path means.

file_size() {
    R=$(wc -c <"$1" 2>/dev/null) && trim "$R"
}

file_sha256() {
    R=$(sha256sum <"$1" 2>/dev/null) && R=${R%% *}
}

text_sha256() {
    R=$(printf '%s' "$1" | sha256sum 2>/dev/null) && R=${R%% *}
}

# A file's bytes as " 04 00 00 00 ..." on one line.
hex_of() {
    R=$(od -A n -v -t x1 -N 8192 "$1" 2>/dev/null | tr -d '\n')
}

# What this program writes elsewhere says so in its first lines.
written_by_us() {
    head -n 3 "$1" 2>/dev/null | grep -q "^$OUR_MARK"
}

# The file that a path of this system (or tree) means, in R.
find_real_file() {
    R=$ROOT$1
    for real_try in 1 2 3 4 5 6 7 8; do
        [ -h "$R" ] || return 0
        real_link=$(readlink "$R")
        case $real_link in
        /*) R=$ROOT$real_link ;;
        *) R=${R%/*}/$real_link ;;
        esac
    done
    : "$real_try"
    return 1
}
