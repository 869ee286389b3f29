# SPDX-License-Identifier: GPL-2.0-only
# The options lines of modprobe.d: "options toa name=value ...".
#
# The module's parameters stand where modprobe would look for them, although
# insmod does not.

# The parameters that they ask for, in OPTIONS; BAD_OPTION names one that insmod
# could misread.
read_options_lines() {
    OPTIONS= BAD_OPTION=
    each_modprobe_file read_options_file
}

read_options_file() {
    options_file=$1
    each_modprobe_line read_options_line "$1"
}

read_options_line() {
    is_options_line || return 0
    set -f
    for option in $MODPROBE_REST; do
        case $option in
        '#'*) BAD_OPTION="${options_file#"$ROOT"}: bad option $option (behind options, modprobe knows no comments)" ;;
        [!a-z]* | *[!a-zA-Z0-9_=.,:/-]* | *=*=*) BAD_OPTION="${options_file#"$ROOT"}: bad option $option" ;;
        *=*) OPTIONS="$OPTIONS${OPTIONS:+ }$option" ;;
        *) BAD_OPTION="${options_file#"$ROOT"}: bad option $option" ;;
        esac
    done
    set +f
}

is_options_line() {
    [ "$MODPROBE_COMMAND $MODPROBE_MODULE" = 'options toa' ]
}

options_are_ours() {
    [ -f "$OPTIONS_FILE" ] && written_by_us "$OPTIONS_FILE"
}
