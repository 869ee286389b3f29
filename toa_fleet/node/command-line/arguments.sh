# SPDX-License-Identifier: GPL-2.0-only
# The command line: read, checked.

VERB= VERB_ARGUMENT=

# Answers begin with the verb, so that is looked for before anything is said.
find_verb() {
    while [ $# -gt 0 ]; do
        case $1 in
        help | --help | -h) say_help && FINISHED=yes && exit 0 ;;
        --version) printf 'toa-node %s\n' "$NODE_VERSION" && FINISHED=yes && exit 0 ;;
        -*) ! find_option "$1" || [ "$option_value" = - ] || [ $# -eq 1 ] || shift ;;
        *) VERB=$1 && return 0 ;;
        esac
        shift
    done
    refuse_usage "no verb given"
}

parse_arguments() {
    each_option clear_option
    ROOT=${TOA_ROOT:-}
    find_verb "$@"
    is_verb "$VERB" || refuse_usage "there is no verb $VERB"
    parse_verb=
    while [ $# -gt 0 ]; do
        case $1 in
        -*)
            find_option "$1" || refuse_usage "there is no option $1"
            require_verb_that_takes_it
            if [ "$option_value" = - ]; then
                set_option
            else
                require_value "$@"
                set_option "$2"
                shift
            fi
            ;;
        *) parse_word "$1" ;;
        esac
        shift
    done
}

parse_word() {
    if [ -z "$parse_verb" ]; then
        parse_verb=$1
    elif takes_argument "$parse_verb" && [ -z "$VERB_ARGUMENT" ]; then
        VERB_ARGUMENT=$1
    else
        refuse_usage "one verb at a time: $parse_verb or $1"
    fi
}

require_value() {
    [ $# -ge 2 ] && [ -n "$2" ] || refuse_usage "$1 needs a value"
    case $2 in
    *"$NL"*) refuse_usage "the value of $1 has more than one line" ;;
    esac
}

require_verb_that_takes_it() {
    case " $option_verbs " in
    ' * ' | *" $VERB "*) ;;
    *) refuse_usage "$VERB takes no $option_name" ;;
    esac
}

check_arguments() {
    while :; do
        case $ROOT in
        */) ROOT=${ROOT%/} ;;
        *) break ;;
        esac
    done
    case $ROOT in
    '' | /*) ;;
    *) refuse_usage "--root needs an absolute path" ;;
    esac
    [ -d "$ROOT/" ] || refuse_usage "--root $ROOT is no directory"
    [ -z "$STAGE" ] || [ -d "$STAGE" ] || refuse_usage "--staging $STAGE is no directory"
    case $START_SCRIPT in
    '' | /*) ;;
    *) refuse_usage "--start-script needs an absolute path" ;;
    esac
    [ "$PARAMETERS" = none ] || WANTED_PARAMETERS=$PARAMETERS
    check_parameter_words "$WANTED_PARAMETERS $RESET"
    [ -n "$PARAMETERS" ] || [ -z "$RESET$RELOAD" ] || refuse_usage "--reset and --reload go with --parameters"
    STORE=$ROOT/var/lib/toa
    OPTIONS_FILE=$ROOT/etc/modprobe.d/toa.conf
    RUNNING_PARAMETERS=$ROOT/sys/module/toa/parameters
}
