# SPDX-License-Identifier: GPL-2.0-only
# Verbs: what each is to this program.
#
# A verb is a file of its own that says register_verb NAME SECONDS WHAT [ARGUMENT],
# and has verb_NAME (underscores for hyphens), which ends with finish or fail.
# SECONDS is how long a carrier waits for it at most, and carriers read it from that
# line. WHAT is for help, ARGUMENT is what has to follow the verb. The options that
# it takes stand in command-line/options.sh.

VERBS= VERBS_WITH_ARGUMENT= VERB_HELP=

register_verb() {
    VERBS="$VERBS $1"
    VERB_HELP="$VERB_HELP$1${4:+ $4}|$3$NL"
    [ -z "${4:-}" ] || VERBS_WITH_ARGUMENT="$VERBS_WITH_ARGUMENT $1"
}

is_verb() {
    case " $VERBS " in
    *" $1 "*) return 0 ;;
    esac
    return 1
}

takes_argument() {
    case " $VERBS_WITH_ARGUMENT " in
    *" $1 "*) return 0 ;;
    esac
    return 1
}
