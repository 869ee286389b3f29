# SPDX-License-Identifier: GPL-2.0-only
# yum: what came before dnf, and has its options.

register_package_manager yum yum rhel

ask_yum() {
    # shellcheck disable=SC2016 # that shell's
    manager "$PM_ASK_SECONDS" sh -c 'echo n | "$@"' sh yum --setopt=exit_on_lock=1 --setopt=timeout=30 install "$@"
    would_install
}

refresh_yum() {
    refresh_dnf
}

install_yum() {
    install_dnf "$@"
}
