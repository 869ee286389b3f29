# SPDX-License-Identifier: GPL-2.0-only
register_verb gates 60 'whether it could load a module, and what to do where it could not'

# Before anything is copied: could this node load the module at all?
verb_gates() {
    find_uid
    gather_facts
    read_running
    say_facts
    say_gates
    refuse_closed_gates
    finish 0
}
