# SPDX-License-Identifier: GPL-2.0-only
# SELinux's types of our files: what the kernel may load, and what may be run.
#
# A policy lets no module be loaded from a file that has the type of its directory
# below /var. A relabel takes ours back, so a module gets its type before each load.
# A local rule makes it hold, where the policy's tools are there.

RULE_SECONDS=120
TYPE_OF_MODULES=modules_object_t
TYPE_OF_PROGRAMS=bin_t
# As semanage and setfiles take them; each begins with the store.
RULE_OF_MODULES='/var/lib/toa/[0-9a-f]+/[0-9a-f]+/toa\.ko'
RULE_OF_PROGRAMS='/var/lib/toa/([0-9a-f]+/[0-9a-f]+/toa-selftest|toa-node)'

# Whether files have labels here, and the program $1 is there to give them.
can_label_by() {
    [ -z "$ROOT" ] || return 1
    find_selinux
    [ "$SELINUX_MODE" != disabled ] && have "$1"
}

# Gives the file $2 the type $1. Where that is refused, what comes after it says
# what is wrong, with the policy's own words.
label_file() {
    can_label_by chcon || return 0
    # A file without a label takes a whole context only.
    R=$(chcon -t "$1" "$2" 2>&1) || R=$(chcon "system_u:object_r:$1:s0" "$2" 2>&1) ||
        { one_line "$R" && progress "$2 does not take SELinux's type $1: $R"; }
}

label_module() {
    label_file "$TYPE_OF_MODULES" "$1"
}

label_program() {
    label_file "$TYPE_OF_PROGRAMS" "$1"
}

# Files of ours outside the store: as the policy has it for their place.
label_as_the_policy_says() {
    can_label_by restorecon || return 0
    output_of restorecon -F "$1" || progress "restorecon $1: $R"
}

# The label of $1, for $2 that will take its place.
label_alike() {
    can_label_by chcon || return 0
    output_of chcon --reference="$1" "$2" || progress "$2 does not take the label of $1: $R"
}

# The file in which libsemanage keeps local rules; empty where there is none.
find_local_rules() {
    R=$(sed -n 's/^SELINUXTYPE=[[:blank:]]*\([A-Za-z0-9_-]*\).*/\1/p' "$ROOT/etc/selinux/config" 2>/dev/null | tail -n 1)
    [ -n "$R" ] && R=$ROOT/etc/selinux/$R/contexts/files/file_contexts.local
}

has_label_rules() {
    find_local_rules && grep -F -q -- "$RULE_OF_MODULES" "$R" 2>/dev/null
}

# -a or -d; both rules in one transaction, for each takes the policy's tools seconds.
# The kernel's policy stays as it is, so it is not loaded anew (-N).
change_label_rules() {
    if [ "$1" = -a ]; then
        rules_of_modules="-a -f f -t $TYPE_OF_MODULES" rules_of_programs="-a -f f -t $TYPE_OF_PROGRAMS"
    else
        rules_of_modules='-d -f f' rules_of_programs='-d -f f'
    fi
    write_file "$STAGE/label-rules" "fcontext $rules_of_modules '$RULE_OF_MODULES'${NL}fcontext $rules_of_programs '$RULE_OF_PROGRAMS'$NL"
    output_of run_bounded "$RULE_SECONDS" semanage import -N -f "$STAGE/label-rules"
}

# Kernels before 4.7 do not ask what type a module's file has.
add_label_rules() {
    can_label_by semanage && policy_knows system module_load || return 0
    ! has_label_rules || return 0
    undo_with drop_label_rules
    change_label_rules -a || progress "semanage takes no rule for toa.ko, so each load gives it its type anew: $R"
}

drop_label_rules() {
    [ -z "$ROOT" ] && has_label_rules && have semanage || return 0
    change_label_rules -d || progress "semanage keeps the rules for /var/lib/toa: $R"
}
