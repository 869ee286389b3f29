#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Installs what the lab needs on Debian: QEMU, mmdebstrap and small tools, and the
# packages that are named as arguments. Says nothing and does nothing when all of
# it is there. Needs root, or sudo.
set -eu

packages='
qemu-system-x86 qemu-utils mmdebstrap busybox-static dash bash mksh kmod
e2fsprogs openssh-client xz-utils zstd cpio util-linux binutils
debian-archive-keyring shellcheck make gcc libc6-dev ca-certificates
python3 python3-venv
'
packages="$packages $*"

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null)" = 'ii ' ]
}

# The keys of Debian 13 came with a later keyring than Debian 12's first.
has_keys_of() {
    ls /usr/share/keyrings/debian-archive-"$1"-stable.* >/dev/null 2>&1
}

missing() {
    for package in $packages; do
        is_installed "$package" || printf ' %s' "$package"
    done
    has_keys_of trixie || printf ' debian-archive-keyring'
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        echo "lab/setup.sh: not root, and no sudo here: run it as root" >&2
        return 1
    fi
}

# $1 limits the time in seconds; the rest is for apt-get.
apt() {
    limit=$1
    shift
    as_root env DEBIAN_FRONTEND=noninteractive timeout "$limit" \
        apt-get -q -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 "$@" >&2
}

install() {
    # shellcheck disable=SC2086 # a list of packages
    apt 900 install -y --no-install-recommends $wanted
}

# Whether the package lists, which may be empty, name all that is wanted.
are_known() {
    for package in $wanted; do
        apt-cache show "$package" >/dev/null 2>&1 || return 1
    done
}

wanted=$(missing)
[ -n "$wanted" ] || exit 0
if ! command -v apt-get >/dev/null 2>&1; then
    echo "lab/setup.sh: no apt-get here; install by hand:$wanted" >&2
    exit 1
fi
echo "lab/setup.sh: installing$wanted" >&2
if ! are_known; then
    echo "lab/setup.sh: fetching the package lists first" >&2
    apt 300 update
    install
# The lists may also be older than the mirror's packages.
elif ! install; then
    echo "lab/setup.sh: fetching newer package lists, then once more" >&2
    apt 300 update
    install
fi
