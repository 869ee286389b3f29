# SPDX-License-Identifier: GPL-2.0-only
# SELinux: whether it is there, and what the policy in the kernel says.
#
# The policy itself is asked (selinuxfs), not a copy of it in our head: policies differ,
# and operators change them.

SELINUX_MODE=
SELINUX_WAYS_OUT='see what it denies (ausearch -m avc -ts recent), and allow that by a module of the policy (audit2allow), or ask whoever keeps it'

# Sets SELINUX_MODE to enforcing, permissive or disabled, SELINUX_FS to where it is.
find_selinux() {
    [ -z "$SELINUX_MODE" ] || return 0
    SELINUX_FS=$ROOT/sys/fs/selinux
    [ -e "$SELINUX_FS/enforce" ] || SELINUX_FS=$ROOT/selinux
    first_line "$SELINUX_FS/enforce"
    case $R in
    1) SELINUX_MODE=enforcing ;;
    0) SELINUX_MODE=permissive ;;
    *) SELINUX_MODE=disabled ;;
    esac
}

# The context of a process or of a file (of what a link leads to); fails where it has none.
context_of_process() {
    R=$(tr -d '\000\n' <"$ROOT/proc/$1/attr/current" 2>/dev/null)
    is_context "$R"
}

context_of_file() {
    R=$(stat -L -c %C "$ROOT$1" 2>/dev/null)
    is_context "$R"
}

is_context() {
    case $1 in
    *[!A-Za-z0-9_.:,-]*) return 1 ;;
    ?*:?*:?*) return 0 ;;
    esac
    return 1
}

# The context $1 with the type $2.
with_type() {
    R=${1#*:}
    with_role=${R%%:*}
    R=${R#*:}
    case $R in
    *:*) R=${1%%:*}:$with_role:$2:${R#*:} ;;
    *) R=${1%%:*}:$with_role:$2 ;;
    esac
}

# What selinuxfs answers to the words $2 in its file $1: the same open file is
# written and read.
ask_policy() {
    R=$( (exec 3<>"$SELINUX_FS/$1" && printf '%s' "$2" >&3 && { IFS= read -r policy_said <&3 || :; } && printf '%s' "$policy_said") 2>/dev/null)
    [ -n "$R" ]
}

policy_class() {
    R=$(cat "$SELINUX_FS/class/$1/index" 2>/dev/null)
    is_number "$R"
}

# Whether the policy has the permission $2 of the class $1 at all.
policy_knows() {
    [ -e "$SELINUX_FS/class/$1/perms/$2" ]
}

# Whether the context $1 may do $4 (of the class $3) to the context $2: 0 yes, 1 no,
# 2 the policy cannot be asked. A domain that is permissive may do all.
policy_allows() {
    policy_class "$3" || return 2
    ask_policy access "$1 $2 $R" || return 2
    # allowed decided auditallow auditdeny sequence flags, hexadecimal but for the fifth
    allows_bits=${R%% *}
    allows_flags=${R##* }
    allows_bit=$(cat "$SELINUX_FS/class/$3/perms/$4" 2>/dev/null)
    is_hex "$allows_bits" && is_number "$allows_bit" || return 2
    [ $((0x$allows_bits >> (allows_bit - 1) & 1)) -eq 0 ] || return 0
    is_hex "$allows_flags" && [ $((0x$allows_flags & 1)) -eq 1 ]
}

# The context in which $1 runs a program whose file has the context $2.
context_after_exec() {
    policy_class process && ask_policy create "$1 $2 $R" || return 1
    is_context "$R"
}

# "1 1" of a boolean that is on, and stays so.
policy_boolean_is_on() {
    R=$(cat "$SELINUX_FS/booleans/$1" 2>/dev/null)
    case $R in
    1*) return 0 ;;
    esac
    return 1
}
