# SPDX-License-Identifier: GPL-2.0-only
# --parameters: exactly these, at every boot and now.
#
# PARAMETERS is what was given (NAME=VALUE words, or none), WANTED_PARAMETERS the
# words alone; RESET those of the running module that get their default again.

WANTED_PARAMETERS= UNDO_PARAMETERS=
register_file /etc/modprobe.d/toa.conf

# Words that modprobe.d can hold and insmod takes as they are.
check_parameter_words() {
    set -f
    for parameter in $1; do
        case $parameter in
        [!a-z]* | *[!a-zA-Z0-9_=.,:/-]* | *=*=*) refuse_usage "$parameter is no parameter NAME=VALUE" ;;
        *=*) ;;
        *) refuse_usage "$parameter is no parameter NAME=VALUE" ;;
        esac
    done
    set +f
}

# Refused before anything is changed: what modprobe.d could not hold, what the
# module does not know (the kernel would load it all the same), and lines of
# others that would have a say too.
require_parameters() {
    [ -n "$PARAMETERS" ] || return 0
    for parameter in $WANTED_PARAMETERS; do
        grep "parm=${parameter%%=*}:" "$NEW_DIR/toa.ko" >/dev/null ||
            fail usage "this toa.ko has no parameter ${parameter%%=*}" "see modinfo toa.ko for those it has"
    done
    each_modprobe_file require_no_others
}

require_no_others() {
    options_file=$1
    if [ "$1" = "$OPTIONS_FILE" ]; then
        each_modprobe_line require_options_line "$1"
    else
        each_modprobe_line refuse_options_line "$1"
    fi
}

require_options_line() {
    case $MODPROBE_COMMAND in
    '' | '#'*) return ;;
    esac
    is_options_line ||
        fail node "${options_file#"$ROOT"} has more in it than options of toa" "move that to a file of another name, then run the same again"
}

refuse_options_line() {
    ! is_options_line ||
        fail node "${options_file#"$ROOT"} has options of toa, too" "take that line out, for ${OPTIONS_FILE#"$ROOT"} is to hold all of them"
}

options_text() {
    R="$OUR_MARK; taken away by toa-node remove.
options toa $WANTED_PARAMETERS
"
    [ -n "$WANTED_PARAMETERS" ] || R=
}

store_parameters() {
    [ -n "$PARAMETERS" ] || return 0
    options_text
    if [ -n "$R" ]; then
        put_file "$OPTIONS_FILE" 644 "$R"
    elif [ -f "$OPTIONS_FILE" ]; then
        keep_old "$OPTIONS_FILE"
        R=$(rm -f "$OPTIONS_FILE" 2>&1) || store_trouble "cannot take $OPTIONS_FILE away"
    fi
}

# Writes those that the module takes while it runs; what each was is remembered.
set_running_parameters() {
    [ -n "$PARAMETERS" ] || return 0
    for parameter in $WANTED_PARAMETERS $RESET; do
        running_parameter "${parameter%%=*}" && [ "$R" != "${parameter#*=}" ] || continue
        is_writable_parameter "${parameter%%=*}" || continue
        parameter_was=$R
        undo_with restore_parameters
        write_parameter "$parameter" || fail load "the running toa does not take $parameter: $R" \
            "see dmesg on the node, and modinfo toa.ko for what the parameter takes"
        UNDO_PARAMETERS="${parameter%%=*}=$parameter_was $UNDO_PARAMETERS"
    done
    find_pending
    [ -z "$PENDING" ] || say reload "due: running with $PENDING"
}

restore_parameters() {
    for parameter in $UNDO_PARAMETERS; do
        write_parameter "$parameter"
    done
}

# By dd, because not every shell's printf tells of a write that was refused.
write_parameter() {
    R=$(printf '%s\n' "${1#*=}" | dd of="$RUNNING_PARAMETERS/${1%%=*}" 2>&1) && return 0
    R=${R%%"$NL"*}
    return 1
}
