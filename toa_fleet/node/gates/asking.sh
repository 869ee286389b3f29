# SPDX-License-Identifier: GPL-2.0-only
# Gates: may this node load a module at all?
#
# A gate is a file of its own that says register_gate NAME [load [unsigned]], and has
# gate_NAME, which leaves its verdict in R: "open", "open: what else is to be known",
# "closed: why; remedy", "unknown: why". With load it is asked before each load,
# with unsigned it is closed to unsigned modules alone; the others are asked by the
# verbs that they matter to. They are told in the order of the list of contents.

GATES= LOAD_GATES= SIGNATURE_GATES=
NEW_IS_SIGNED=

register_gate() {
    GATES="$GATES $1"
    [ "${2:-}" != load ] || LOAD_GATES="$LOAD_GATES $1"
    [ "${3:-}" != unsigned ] || SIGNATURE_GATES="$SIGNATURE_GATES${SIGNATURE_GATES:+ }$1"
}

# Whether the module in hand, a toa.ko, is signed: some gates open to it then.
read_signature() {
    NEW_IS_SIGNED=no
    ! is_signed "$1" || NEW_IS_SIGNED=yes
}

# Every verdict; closed_words are those that are closed.
say_gates() {
    closed_words=
    for gate in $GATES; do
        "gate_$gate"
        case $R in
        closed:*) note_closed_gate ;;
        esac
        say "gate.$gate" "$R"
    done
    say signature_gates "$SIGNATURE_GATES"
}

# Names every closed gate, then refuses. Arguments: the gates that matter.
pass_gates() {
    closed_words=
    for gate in "$@"; do
        "gate_$gate"
        case $R in
        closed:*) note_closed_gate && say "gate.$gate" "$R" ;;
        esac
    done
    refuse_closed_gates
}

note_closed_gate() {
    closed_words="$closed_words${closed_words:+; }$gate: ${R#closed: }"
}

refuse_closed_gates() {
    [ -z "$closed_words" ] || fail gate "this node cannot load the module now: $closed_words" \
        "do what is said behind the semicolon of each gate, then run the same again"
}

# What runs already needs no gate: many a node forbids loading once it is up.
pass_load_gates() {
    [ "$RUN_BUILD_ID" != "$M_build_id" ] || reload_is_due || return 0
    # shellcheck disable=SC2086 # several
    pass_gates $LOAD_GATES
}

require_root() {
    find_uid
    pass_gates root
}

require_live_system() {
    [ -z "$ROOT" ] || fail usage "$VERB acts on the running kernel and --root $ROOT is not it" \
        "use status, fingerprint, install or remove on a tree; run $VERB on the system itself"
}
