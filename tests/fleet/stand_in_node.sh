#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A stand-in for toa-node in tests: it speaks the protocol, checks its parts,
# and keeps "the kernel" in files of $NODE_DIR. It loads nothing.
#
#   facts      key=value lines of the answer to fingerprint
#   gates      key=value lines that replace the open gates
#   state      what a deploy left: artifact, build id, sha256
#   misbehave  a word that says what to do wrong

# As in the real one: how many seconds a carrier waits for each verb.
register_verb() { :; }
register_verb fingerprint 60 ''
register_verb status 60 ''
register_verb gates 60 ''
register_verb build 1900 ''
register_verb verify 180 ''
register_verb deploy 300 ''
register_verb unload 120 ''
register_verb remove 180 ''
register_verb toolchain 7200 ''
register_verb legacy-kernel 50400 ''

main() {
    verb=$1
    shift
    wrong=$(cat "$NODE_DIR/misbehave" 2>/dev/null)
    case $wrong:$verb in
    no-end:status) echo "begin=$verb" && exit 0 ;;
    silent:status) exit 0 ;;
    hang:status) sleep 300 ;;
    flood:status) exec tr '\0' x </dev/zero ;;
    markup:status) fails node "[red]bad[/red] $(printf '\033[2J\302\233')wolf" "[link=x]" ;;
    hang-up:deploy) kill -9 "$(cat "$NODE_DIR/sshd-session")" ;;
    lie:deploy) echo "begin=deploy" && echo "changed=yes" && echo "end=0" && exit 0 ;;
    refuse:deploy) refuses ;;
    esac
    echo "begin=$verb"
    case $verb in
    fingerprint) cat "$NODE_DIR/facts" ;;
    status) cat "$NODE_DIR/facts" && tell_state ;;
    gates) cat "$NODE_DIR/facts" && tell_gates ;;
    deploy | build | toolchain | legacy-kernel) work "$@" ;;
    unload | remove) take_away ;;
    esac
    echo "end=0"
}

say_gates() {
    if [ -f "$NODE_DIR/gates" ]; then cat "$NODE_DIR/gates"; else echo "gate.root=open"; fi
}

tell_gates() {
    say_gates
    ! say_gates | grep -q =closed || ends 4 gate "$(say_gates | grep =closed)" "open it"
}

tell_state() {
    say_gates
    if [ -f "$NODE_DIR/state" ]; then
        cat "$NODE_DIR/state"
    else
        echo "loaded=no" && echo "installed=" && echo "persistent=no"
    fi
}

work() {
    staging= offset=1
    parts=
    while [ $# -gt 0 ]; do
        case $1 in
        --staging) staging=$2 && shift ;;
        --part) cut_part "$2" && shift ;;
        *) echo "$1" >>"$NODE_DIR/arguments" ;;
        esac
        shift
    done
    echo "$parts" >"$NODE_DIR/parts"
    "$(echo "$verb" | tr - _)"
}

cut_part() {
    name=${1%%:*} size=${1#*:}
    hash=${size#*:} size=${size%%:*}
    file=$staging/parts/$name
    mkdir -p "${file%/*}"
    tail -c "+$offset" "$staging/bundle" | head -c "$size" >"$file"
    offset=$((offset + size))
    [ "$(sha256sum <"$file")" = "$hash  -" ] || fails node "part $name is not what was sent" ""
    parts="$parts $name"
}

toolchain() {
    cat "$NODE_DIR/toolchain"
}

legacy_kernel() {
    cat "$NODE_DIR/legacy-kernel"
}

deploy() {
    sha=$(sha256sum <"$staging/parts/toa.ko")
    build_id=$(sed -n 's/^build_id=//p' "$staging/parts/manifest")
    artifact=$(printf '%.16s' "$sha")
    cat >"$NODE_DIR/state" <<STATE
loaded=yes
loaded_build_id=$build_id
loaded_artifact=$artifact
hooks=armed
installed=$artifact
installed_sha256=${sha%% *}
installed_build_id=$build_id
persistent=yes
STATE
    ! grep -q -x -e --rebuild "$NODE_DIR/arguments" 2>/dev/null || echo rebuild=yes >>"$NODE_DIR/state"
    echo "changed=yes"
    echo "artifact=$artifact"
    echo "build_id=$build_id"
    echo "proof.build_id=yes"
    echo "proof.selftest=yes"
}

# The test put the three files that this "compiler" makes into $NODE_DIR/built.
build() {
    for file in toa.ko manifest toa-selftest; do
        echo "base64.$file=$(base64 -w 0 <"$NODE_DIR/built/$file")"
    done
    echo "changed=no"
}

take_away() {
    [ -f "$NODE_DIR/state" ] || ends 8 not-installed "no toa here" ""
    rm "$NODE_DIR/state"
    echo "changed=yes"
}

refuses() {
    echo "begin=$verb"
    echo "mismatch.kernel_release.artifact=6.1.0-56"
    echo "mismatch.kernel_release.node=6.1.0-57"
    ends 3 mismatch "the kernel changed" "build for it"
}

fails() {
    [ "$wrong" != markup ] || echo "begin=$verb"
    ends 9 "$@"
}

ends() {
    echo "error=$2"
    echo "detail=$3"
    echo "hint=$4"
    echo "end=$1"
    exit "$1"
}

main "$@"
