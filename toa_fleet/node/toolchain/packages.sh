# SPDX-License-Identifier: GPL-2.0-only
# The packages of the repositories: first asked for, then installed.

require_package_manager() {
    [ -z "$PM" ] || return 0
    find_package_family
    case $R in
    container) fail node "this system has no package manager: a compiler cannot be installed on it" \
        "build in a development container: toa-node build --container IMAGE, with an image of exactly this release ($N_os_version_id)" ;;
    esac
    N_kernel_release=$TARGET_KERNEL
    install_headers_hint
    fail node "none of the package managers that toa-node knows (apt-get, dnf, yum, zypper) is here; missing:$MISSING" "$R"
}

# Nothing is installed where what matters most is in no package.
require_headers_package() {
    [ -z "$HEADERS" ] && ! headers_are_right || return 0
    N_kernel_release=$TARGET_KERNEL
    install_headers_hint
    fail node "there is no package with the headers of the kernel $TARGET_KERNEL" "$R"
}

# Would it install these? With what it knows already, else with fresh lists. Its
# lists and caches are all that a dry run changes.
ask_for() {
    progress "asking $PM for $*"
    "ask_$PM" "$@" && return 0
    ! is_busy && "refresh_$PM" && "ask_$PM" "$@" || package_trouble "$*"
}

install_packages() {
    progress "installing $*"
    "install_$PM" "$@" || package_trouble "$*"
}
