# SPDX-License-Identifier: GPL-2.0-only
# SELinux: would its policy let toa.ko be loaded, now and at boot?

register_gate selinux load

# By what the kernel's own policy answers; a domain that is permissive may do all.
gate_selinux() {
    find_selinux
    [ -z "$ROOT" ] && [ "$SELINUX_MODE" = enforcing ] && policy_knows system module_load || { R=open && return; }
    if ! have chcon; then
        R="closed: SELinux is enforcing and there is no chcon to give toa.ko the type $TYPE_OF_MODULES; install coreutils"
        return
    fi
    if context_of_process self && selinux_here=$R && context_of_file /var/lib; then
        selinux_store=$R
        with_type "$R" "$TYPE_OF_MODULES"
        selinux_module=$R
        R=open
        search_label_denial "$selinux_here" && search_load_denial "$selinux_here" '' && search_boot_denial
    else
        R='unknown: SELinux is enforcing, and the contexts of this process and of /var/lib cannot be read'
    fi
}

# Each leaves R as it is and succeeds, or says in R what is denied, and fails.

search_label_denial() {
    selinux_label=relabelfrom
    policy_allows "$1" "$selinux_store" file relabelfrom && selinux_label=relabelto &&
        policy_allows "$1" "$selinux_module" file relabelto && R=open && return
    tell_denial $? "this process ($1) may not give files of /var/lib the type $TYPE_OF_MODULES ($selinux_label)" "$SELINUX_WAYS_OUT"
}

# $1: who calls insmod; $2: when, in words
search_load_denial() {
    selinux_insmod=$1
    ! program_in_path insmod || ! context_of_file "$R" || ! context_after_exec "$1" "$R" || selinux_insmod=$R
    policy_allows "$selinux_insmod" "$selinux_module" system module_load && R=open && return
    selinux_answer=$?
    if policy_boolean_is_on secure_mode_insmod; then
        tell_denial "$selinux_answer" "its boolean secure_mode_insmod is on, and nobody may load modules" 'setsebool secure_mode_insmod off'
    else
        tell_denial "$selinux_answer" "insmod${2:+ $2} runs as $selinux_insmod, which may not load modules" "$SELINUX_WAYS_OUT"
    fi
}

# What systemd starts for us is a shell.
search_boot_denial() {
    [ -d /run/systemd/system ] && [ -z "$NO_PERSIST" ] || return 0
    context_of_process 1 && selinux_boot=$R && context_of_file /bin/sh && context_after_exec "$selinux_boot" "$R" || { R=open && return; }
    search_load_denial "$R" 'at boot'
}

# $1: what policy_allows answered
tell_denial() {
    if [ "$1" = 1 ]; then
        R="closed: SELinux is enforcing: $2; $3"
    else
        R="unknown: SELinux is enforcing, and its policy cannot be asked from here"
    fi
    return 1
}
