# SPDX-License-Identifier: GPL-2.0-only
# apt.

register_package_manager apt apt-get debian

ask_apt() {
    manager "$PM_ASK_SECONDS" apt-get -q -s --no-install-recommends install "$@"
}

refresh_apt() {
    manager "$PM_ASK_SECONDS" apt-get -q -o Acquire::Retries=2 -o Acquire::http::Timeout=30 update || return 1
    # It succeeds also when it could fetch nothing and keeps what it had.
    case $PM_SAID in
    *'W: Failed to fetch'* | *'W: Some index files failed'*) return 1 ;;
    esac
}

install_apt() {
    manager_uninterrupted apt-get -q -y -o Dpkg::Use-Pty=0 --no-install-recommends install "$@"
}
