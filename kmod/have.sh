#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Finds out which interfaces the target kernel has: compiles each CHECKS/NAME.c
# and writes into HEADER whether it compiled (TOA_HAVE_NAME). Kbuild runs it:
#
#   have.sh HEADER CHECKS COMPILER FLAGS...
#
# "Refused" means: this kernel has it not. Whatever else keeps a file from
# compiling (a compiler that crashes, headers of which half is missing) is no
# answer and ends the build: always.c must compile, and never.c must be refused.
# What the compiler said of each stays in HEADER's name with .log for .h.
#
# Most of the work is to read the kernel's headers, so the checks that include
# only what always.c does, which is there, are compiled together; the errors name
# the file. Where that gives no clear picture, each is compiled for itself.
set -u
export LC_ALL=C

header=$1
checks=$(cd "$2" && pwd) || exit
shift 2
log=${header%.h}.log
work=$header.$$
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null)
[ "${jobs:-0}" -ge 1 ] 2>/dev/null || jobs=2

# Words of a compiler that is in trouble itself.
TROUBLE='internal compiler error|terminated program|[Kk]illed|cannot execute|[Nn]o space left|[Oo]ut of memory|[Cc]annot allocate|[Uu]nrecognized|[Uu]nknown argument'

# $1: what is wrong; $2: the check whose log to show; $3: what to do
give_up() {
    {
        echo "toa: $1"
        head -n 20 "$work/$2.log" | sed 's/^/    /'
        echo "toa: $3"
    } >&2
    exit 1
}

# Compiles every $jobs'th check of $alone; the rest of the line is the compiler's.
compile_share() {
    share=$1 number=0
    shift
    for name in $alone; do
        number=$((number + 1))
        [ $((number % jobs)) -eq "$share" ] || continue
        "$@" -fsyntax-only "$checks/$name.c" >"$work/$name.log" 2>&1
        echo $? >"$work/$name.status"
    done
}

compile_alone() {
    share=0
    while [ "$share" -lt "$jobs" ]; do
        compile_share "$share" "$@" &
        share=$((share + 1))
    done
    wait
}

# Whether a check includes only headers that always.c includes.
is_sociable() {
    ! grep '^#include' "$checks/$1.c" | grep -F -x -v -f "$checks/always.c" >/dev/null
}

# Sets $together and $alone: names without .c.
sort_checks() {
    together=''
    alone=''
    for source in "$checks"/*.c; do
        name=${source##*/}
        name=${name%.c}
        if is_sociable "$name"; then together="$together $name"; else alone="$alone $name"; fi
    done
}

# never.c comes last: its error says that the compiler got as far as that.
write_together() {
    for name in $together; do
        [ "$name" = never ] || include_check "$name"
    done
    include_check never
}

include_check() {
    echo "#pragma GCC diagnostic push"
    echo "#define toa_have toa_have_$1"
    echo "#include \"$checks/$1.c\""
    echo "#undef toa_have"
    echo "#pragma GCC diagnostic pop"
}

# Fails where the compiler's words are not clearly about single checks.
compile_together() {
    write_together >"$work/together.c"
    "$@" -fsyntax-only "$work/together.c" >"$work/together.log" 2>&1
    [ $? -eq 1 ] && ! grep -E -q "$TROUBLE" "$work/together.log" || return 1
    ! grep 'error:' "$work/together.log" | grep -F -v "$checks/" >/dev/null || return 1
    for name in $together; do
        if grep -F "$checks/$name.c:" "$work/together.log" >"$work/$name.log" &&
            grep -q 'error:' "$work/$name.log"; then
            echo 1
        else
            echo 0
        fi >"$work/$name.status"
    done
    grep -q 1 "$work/never.status" && grep -q 0 "$work/always.status" && : >"$work/agreed"
}

compile_all() {
    sort_checks
    compile_together "$@" &
    compile_alone "$@"
    [ ! -f "$work/agreed" ] || return 0
    alone=$together
    compile_alone "$@"
}

# Sets R to yes, no, or broken.
answer_of() {
    status=none
    read -r status <"$work/$1.status"
    R=broken
    if [ "$status" = 0 ]; then
        R=yes
    elif [ "$status" = 1 ] && grep -q 'error:' "$work/$1.log" &&
        ! grep -E -q "$TROUBLE" "$work/$1.log"; then
        R=no
    fi
}

check_the_compiler() {
    answer_of always
    [ "$R" = yes ] || give_up "the kernel's headers do not compile with $1:" always \
        "install the complete headers of exactly this kernel, and the compiler it was built with"
    answer_of never
    [ "$R" = no ] || give_up "$1 takes a call of a function that is declared nowhere:" never \
        "so no check of this kernel means anything; build with the compiler that the kernel was built with"
}

write_header() {
    echo "/* Written by have.sh: which interfaces this kernel has. */"
    for source in "$checks"/*.c; do
        name=${source##*/}
        name=${name%.c}
        case $name in always | never) continue ;; esac
        answer_of "$name"
        echo "  HAVE    $name: $R" >&3
        case $R in
        yes) echo "#define TOA_HAVE_$(echo "$name" | tr '[:lower:]' '[:upper:]') 1" ;;
        no) echo "/* no $name */" ;;
        *) give_up "neither yes nor no from $1 for $checks/$name.c:" "$name" \
            "the compiler is in trouble, not the kernel; nothing can be built like this" ;;
        esac
    done
}

keep_log() {
    for one in "$work"/*.log; do
        echo "== ${one##*/}"
        cat "$one"
    done >"$log"
}

rm -rf "$header".[0-9]*
mkdir "$work" || exit
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
compile_all "$@"
keep_log
check_the_compiler "$1"
write_header "$1" 3>&1 >"$work/header" || exit
# Left alone when nothing changed, so that nothing is compiled again.
cmp -s "$work/header" "$header" || mv "$work/header" "$header"
