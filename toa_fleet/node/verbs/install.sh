# SPDX-License-Identifier: GPL-2.0-only
register_verb install 300 'check and store an artifact, load it at every boot'

verb_install() {
    [ -n "$ROOT" ] || require_root
    receive_artifact
    require_way_to_persist
    pass_gates disk
    [ -n "$NO_PERSIST" ] || pass_gates loaders
    place_artifact
    install_placed
    say_artifact
    say_persistence
    say changed "$CHANGED"
    finish 0
}
