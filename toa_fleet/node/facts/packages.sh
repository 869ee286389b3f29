# SPDX-License-Identifier: GPL-2.0-only
# What packages are called here, for hints and for the toolchain.

# The family whose package names this node uses: from its id, else from its
# package manager (some ids exist with deb and with rpm).
find_package_family() {
    # Packages that are part of an image (CoreOS since Fedora's, Atomic) are not
    # installed one by one either.
    [ ! -e "$ROOT/run/ostree-booted" ] || { R=container && return; }
    case " $N_os_id $OS_LIKE " in
    *' kylin '*) ;;
    *' coreos '* | *' flatcar '*) R=container && return ;;
    *suse* | *' sles '* | *' sled '*) R=suse && return ;;
    *' debian '* | *' ubuntu '*) R=debian && return ;;
    *' rhel '* | *' fedora '* | *' centos '* | *' ol '* | *' amzn '* | *' openEuler '* | *' anolis '* | *' euleros '*)
        R=rhel && return
        ;;
    *' alpine '*) R=alpine && return ;;
    *' arch '*) R=arch && return ;;
    esac
    if have dnf || have yum; then
        R=rhel
    elif have apt-get; then
        R=debian
    elif have zypper; then
        R=suse
    else
        R=unknown
    fi
}

rpm_installer() {
    if have dnf; then R=dnf; else R=yum; fi
}

# What to type so that gcc or make is there.
install_tool_hint() {
    find_package_family
    case $R in
    debian) R="apt-get install $1" ;;
    rhel) rpm_installer && R="$R install $1" ;;
    suse) R="zypper install $1" ;;
    alpine) R="apk add $1 musl-dev" ;;
    arch) R="pacman -S $1" ;;
    container) R="this system has no compiler: build in a development container or on a reference node that has $1" ;;
    *) R="install $1 with the system's package manager" ;;
    esac
}

# What to type so that the headers of exactly this kernel are there.
install_headers_hint() {
    hint_release=$N_kernel_release
    find_headers_package "$hint_release"
    hint_package=$R
    find_package_family
    case $R in
    debian) R="apt-get update && apt-get install $hint_package" ;;
    rhel) rpm_installer && R="$R install $hint_package" ;;
    suse) R="zypper install '$hint_package'" && suse_hint_about_rebuild ;;
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
# takes it; empty where such packages have no rule.
find_headers_package() {
    find_package_family
    case $R in
    debian) R=linux-headers-$1 ;;
    rhel) find_kernel_rpm "$1" && R=$KERNEL_RPM-devel-$KERNEL_RPM_VERSION.$KERNEL_RPM_ARCH || rhel_headers_package "$1" ;;
    suse) suse_headers_package "$1" ;;
    *) R= ;;
    esac
}

# The package that the kernel $1 was installed from, where rpm knows it.
find_kernel_rpm() {
    R=$(in_root rpm -qf --qf '=%{NAME} %{VERSION}-%{RELEASE} %{ARCH}\n' "/boot/vmlinuz-$1" \
        "/lib/modules/$1/vmlinuz" "/usr/lib/modules/$1/vmlinuz" "/lib/modules/$1" "/usr/lib/modules/$1" 2>/dev/null |
        sed -n 's/^=\(kernel[A-Za-z0-9._-]* [^ ]* [^ ]*\)$/\1/p' | head -n 1)
    [ -n "$R" ] || return 1
    KERNEL_RPM_ARCH=${R##* }
    KERNEL_RPM=${R%% *}
    KERNEL_RPM_VERSION=${R#* }
    KERNEL_RPM_VERSION=${KERNEL_RPM_VERSION% *}
    for kernel_part in -core -modules-core -modules -image; do
        KERNEL_RPM=${KERNEL_RPM%"$kernel_part"}
    done
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
