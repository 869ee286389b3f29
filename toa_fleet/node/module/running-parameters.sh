# SPDX-License-Identifier: GPL-2.0-only
# The parameters of the module that runs.

PENDING=

# The running module's value of a parameter; fails where it shows none.
running_parameter() {
    [ -f "$RUNNING_PARAMETERS/$1" ] && [ -r "$RUNNING_PARAMETERS/$1" ] || return 1
    R=$(cat "$RUNNING_PARAMETERS/$1" 2>/dev/null)
    R=${R%%"$NL"*}
}

# Root may open any file for writing, so the mode is what tells.
is_writable_parameter() {
    case $(ls -ld "$RUNNING_PARAMETERS/$1") in
    ??w*) return 0 ;;
    esac
    return 1
}

say_parameters() {
    for parameter_file in "$RUNNING_PARAMETERS"/*; do
        parameter=${parameter_file##*/}
        case $parameter in
        hooks | [!a-z]* | *[!a-z0-9_]*) continue ;;
        esac
        ! running_parameter "$parameter" || say "parameter.$parameter" "$R"
    done
}

# Whether a parameter that is only read at load is another in the kernel, and
# the operator allows taking the module out for it.
reload_is_due() {
    [ -n "$RELOAD" ] || return 1
    find_pending
    [ -n "$PENDING" ]
}

find_pending() {
    PENDING=
    for parameter in $WANTED_PARAMETERS $RESET; do
        running_parameter "${parameter%%=*}" && [ "$R" != "${parameter#*=}" ] || continue
        is_writable_parameter "${parameter%%=*}" || PENDING="$PENDING${PENDING:+ }${parameter%%=*}=$R"
    done
}
