# SPDX-License-Identifier: GPL-2.0-only
# The files that modprobe reads, and their lines as it reads them.

MODPROBE_DIRS='/etc/modprobe.d /run/modprobe.d /usr/local/lib/modprobe.d /usr/lib/modprobe.d /lib/modprobe.d'

# Calls $1 with each file that modprobe reads, by the order of their names; one in an
# earlier directory masks those of its name in the later ones.
each_modprobe_file() {
    modprobe_call=$1
    find_modprobe_kind
    modprobe_names=
    for modprobe_dir in $MODPROBE_DIRS; do
        for modprobe_file in "$ROOT$modprobe_dir"/*; do
            ! is_modprobe_name "${modprobe_file##*/}" || modprobe_names="$modprobe_names${modprobe_file##*/}$NL"
        done
    done
    modprobe_names=$(printf '%s' "$modprobe_names" | sort -u)
    set -f
    IFS=$NL
    # shellcheck disable=SC2086 # into lines
    set -- $modprobe_names
    IFS=" $TAB$NL"
    set +f
    [ "$MODPROBE_KIND" = kmod ] || for modprobe_file in "$ROOT/etc/modprobe.conf" "$ROOT/etc/modprobe.conf.local"; do
        ! is_modprobe_file "$modprobe_file" || "$modprobe_call" "$modprobe_file"
    done
    for modprobe_name in "$@"; do
        for modprobe_dir in $MODPROBE_DIRS; do
            modprobe_file=$ROOT$modprobe_dir/$modprobe_name
            [ -e "$modprobe_file" ] || [ -h "$modprobe_file" ] || continue
            ! is_modprobe_file "$modprobe_file" || "$modprobe_call" "$modprobe_file"
            break
        done
    done
}

# kmod's modprobe is one of the names of one program. What came before it (RHEL 6,
# SLES 11) reads modprobe.conf, too, and names in modprobe.d without a suffix.
find_modprobe_kind() {
    MODPROBE_KIND=
    for modprobe_file in "$ROOT/sbin/modprobe" "$ROOT/usr/sbin/modprobe"; do
        case $(readlink "$modprobe_file" 2>/dev/null) in
        kmod | */kmod) MODPROBE_KIND=kmod ;;
        esac
    done
}

is_modprobe_name() {
    case $1 in
    *.conf | *.alias) return 0 ;;
    *.* | *'~' | '*') return 1 ;;
    esac
    [ "$MODPROBE_KIND" != kmod ]
}

is_modprobe_file() {
    [ -f "$1" ] && [ -r "$1" ]
}

# Calls $1 with each line of the file $2: MODPROBE_LINE, and of it MODPROBE_COMMAND,
# MODPROBE_MODULE, MODPROBE_REST. A line that begins with # is a comment; behind a
# command's own words the rest counts for some and is nothing for others, # or not.
each_modprobe_line() {
    # A backslash takes what is special from the next character, and a line goes on
    # behind one at its end: as modprobe has it.
    # shellcheck disable=SC2162
    while IFS= read MODPROBE_LINE || [ -n "$MODPROBE_LINE" ]; do
        case $MODPROBE_LINE in
        '' | '#'*) continue ;;
        esac
        split_modprobe_line "$MODPROBE_LINE"
        "$1"
    done <"$2"
}

split_modprobe_line() {
    set -f
    # shellcheck disable=SC2086 # into words
    set -- $1
    set +f
    MODPROBE_COMMAND=${1:-}
    underscored "${2:-}"
    # In a pattern's brackets a dash is a range.
    case ${2:-} in
    *'['*) MODPROBE_MODULE=$2 ;;
    *) MODPROBE_MODULE=$R ;;
    esac
    [ "$#" -lt 2 ] || shift 2
    MODPROBE_REST=$*
}
