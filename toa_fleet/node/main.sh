# SPDX-License-Identifier: GPL-2.0-only
# Where it begins: the last line, so that a program that was cut does nothing.

main() {
    watch_for_exit
    parse_arguments "$@"
    check_arguments
    printf 'begin=%s\n' "$VERB"
    [ -z "$ROOT" ] || refuse_links_out_of_tree
    underscored "$VERB"
    "verb_$R"
}

main "$@" </dev/null
