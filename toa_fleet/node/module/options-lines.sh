# SPDX-License-Identifier: GPL-2.0-only
# The options lines of modprobe.d: "options toa name=value ...".
#
# The module's parameters stand where modprobe would look for them, although
# insmod does not.

# Calls $1 with each file that may have such lines.
each_options_file() {
    for options_file in "$ROOT"/etc/modprobe.conf "$ROOT"/etc/modprobe.conf.local "$ROOT"/etc/modprobe.d/*.conf; do
        [ ! -f "$options_file" ] || "$1" "$options_file"
    done
}

# The parameters that they ask for, in OPTIONS; BAD_OPTION names one that insmod
# could misread.
read_options_lines() {
    OPTIONS= BAD_OPTION=
    each_options_file read_options_file
}

read_options_file() {
    [ -r "$1" ] || return 0
    while read -r options_word options_module options_rest || [ -n "$options_word" ]; do
        [ "$options_word $options_module" != "options toa" ] || read_options_line "$options_rest"
    done <"$1"
}

read_options_line() {
    set -f
    for option in $1; do
        case $option in
        [!a-z]* | *[!a-zA-Z0-9_=.,:/-]* | *=*=*) BAD_OPTION="${options_file#"$ROOT"}: bad option $option" ;;
        *=*) OPTIONS="$OPTIONS${OPTIONS:+ }$option" ;;
        *) BAD_OPTION="${options_file#"$ROOT"}: bad option $option" ;;
        esac
    done
    set +f
}

options_are_ours() {
    [ -f "$OPTIONS_FILE" ] && written_by_us "$OPTIONS_FILE"
}
