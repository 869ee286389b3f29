# SPDX-License-Identifier: GPL-2.0-only
# dnf.

register_package_manager dnf dnf rhel

# dnf and yum have no simulation: they are told no. Not every yum knows
# --assumeno.
ask_dnf() {
    manager "$PM_ASK_SECONDS" dnf --assumeno --setopt=exit_on_lock=1 --setopt=timeout=30 install "$@"
    would_install
}

# yum leaves out what it does not find and goes on with the rest.
would_install() {
    ! is_not_found || return 1
    case $PM_SAID in
    *'Operation aborted'* | *'xiting on user'* | *'Transaction Summary'*) return 0 ;;
    esac
    [ "$manager_status" -eq 0 ]
}

refresh_dnf() {
    manager "$PM_ASK_SECONDS" "$PM" --setopt=exit_on_lock=1 clean expire-cache
}

install_dnf() {
    manager_uninterrupted "$PM" -y --setopt=exit_on_lock=1 install "$@"
}
