# SPDX-License-Identifier: GPL-2.0-only
# Help: the verbs, and what each can be told.

say_help() {
    printf 'toa-node VERB [OPTIONS]\n\nVerbs:\n'
    each_line say_help_of_verb "$VERB_HELP"
    printf '\nOptions:\n'
    each_option say_help_of_option
}

say_help_of_verb() {
    say_help_lines "${1%%"|"*}" "${1#*"|"}"
}

say_help_of_option() {
    case $2 in
    -) help_left=$1 ;;
    *) help_left="$1 $2" ;;
    esac
    case $4 in
    '*') say_help_lines "$help_left" "$5" ;;
    *) say_help_lines "$help_left" "$4: $5" ;;
    esac
}

# What stands on the left, and words of at most 62 characters a line.
say_help_lines() {
    help_left=$1 help_line=
    if [ "${#help_left}" -gt 15 ]; then
        printf '  %s\n' "$help_left"
        help_left=
    fi
    set -f
    for help_word in $2; do
        if [ $((${#help_line} + ${#help_word})) -ge 62 ]; then
            printf '  %-16s%s\n' "$help_left" "$help_line"
            help_left= help_line=
        fi
        help_line="$help_line${help_line:+ }$help_word"
    done
    set +f
    printf '  %-16s%s\n' "$help_left" "$help_line"
}
