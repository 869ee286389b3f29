# SPDX-License-Identifier: GPL-2.0-only
# What packages are called here, for hints and for the toolchain.

# What to type so that gcc or make is there.
install_tool_hint() {
    find_package_family
    case $R in
    debian) R="apt-get install $1" ;;
    rhel) rpm_installer && R="$R install $1" ;;
    suse) R="zypper install $1" ;;
    photon) R="tdnf install $1 binutils glibc-devel linux-api-headers" ;;
    alpine) R="apk add $1 musl-dev" ;;
    arch) R="pacman -S $1" ;;
    container) R="this system has no compiler: build in a development container or on a reference node that has $1" ;;
    *) R="install $1 with the system's package manager" ;;
    esac
}

# What to type so that the headers of exactly this kernel are there.
install_headers_hint() {
    hint_release=$N_kernel_release
    if is_built_by_hand "$hint_release"; then
        R="no package holds its headers, for this kernel was built by hand: let /lib/modules/$hint_release/build (or --kerneldir) lead to the tree that it was built in, after make modules in there"
        return
    fi
    find_headers_package "$hint_release"
    hint_package=$R
    find_package_family
    case $R in
    debian) R="apt-get update && apt-get install $hint_package" ;;
    rhel) rpm_installer && R="$R install $hint_package" ;;
    suse) R="zypper install '$hint_package'" && suse_hint_about_rebuild ;;
    photon) R="tdnf install $hint_package" ;;
    alpine) R="apk add linux-${hint_release##*-}-dev (of exactly $hint_release)" ;;
    arch) R="pacman -S linux-headers (of exactly $hint_release)" ;;
    container) R="build in a development container of exactly this release ($N_os_version_id): toa-node build --container IMAGE" ;;
    *) R="install the development files (headers) of exactly the kernel $hint_release" ;;
    esac
    R="$R; they must be of the running kernel, so where the repositories hold it no more, fetch that package from the distribution's archive (toa-node toolchain --headers-package takes it) or boot a kernel whose headers can be had"
}

suse_hint_about_rebuild() {
    case $hint_package in
    *.N) R="$R (N: see rpm -q kernel-${hint_release##*-})" ;;
    esac
}

# The package with the headers of exactly the kernel $1, as the package manager
# takes it; empty where such packages have no rule, or where there is none.
find_headers_package() {
    ! is_built_by_hand "$1" || { R= && return; }
    find_package_family
    case $R in
    debian) debian_headers_package "$1" ;;
    rhel) find_kernel_rpm "$1" && R=$KERNEL_RPM-devel-$KERNEL_RPM_VERSION.$KERNEL_RPM_ARCH || rhel_headers_package "$1" ;;
    suse) suse_headers_package "$1" ;;
    photon) photon_headers_package "$1" ;;
    *) R= ;;
    esac
}

# By the package that the kernel is from; where nobody knows that, by how Proxmox and
# Raspberry Pi OS end their releases.
debian_headers_package() {
    if find_kernel_deb "$1"; then
        case $R in
        linux-image-* | linux-modules-*)
            R=${R#linux-image-} && R=${R#linux-modules-} && R=${R#unsigned-} && R=linux-headers-${R%-unsigned} ;;
        proxmox-kernel-* | pve-kernel-*) R=${R%%-*}-headers-${R#*-kernel-} && R=${R%-signed} ;;
        *-kernel) R=$R-headers ;;
        *) R=linux-headers-$1 ;;
        esac
        return
    fi
    case $1 in
    [1-5].*-pve | 6.[0-4].*-pve) R=pve-headers-$1 ;;
    *-pve) R=proxmox-headers-$1 ;;
    *+) is_raspbian && R=raspberrypi-kernel-headers || R=linux-headers-$1 ;;
    *) R=linux-headers-$1 ;;
    esac
}

# "5.10.118-3.ph4-esx" is of the package linux-esx.
photon_headers_package() {
    case $1 in
    *.ph[0-9]-* | *.ph[0-9][0-9]-*) R=linux-${1##*-}-devel-${1%-*} ;;
    *) R=linux-devel-$1 ;;
    esac
}

# By the names that Red Hat and its kin give: a flavour is a suffix behind "+",
# or a word in the release.
rhel_headers_package() {
    case $1 in
    *uek*) R=kernel-uek-devel-$1 ;;
    *+*) R=${1##*+} && R=kernel-$R-devel-${1%+"$R"} ;;
    *.debug) R=kernel-debug-devel-${1%.debug} ;;
    *.rt[0-9]*) R=kernel-rt-devel-$1 ;;
    *) R=kernel-devel-$1 ;;
    esac
}

# A release lacks the rebuild count that its package's version ends with: N.
suse_headers_package() {
    R=kernel-${1##*-}
    if find_kernel_rpm "$1" && [ "$KERNEL_RPM" = "kernel-${1##*-}" ]; then
        R=$KERNEL_RPM-devel=$KERNEL_RPM_VERSION
    else
        R=kernel-${1##*-}-devel=${1%-*}.N
    fi
}
