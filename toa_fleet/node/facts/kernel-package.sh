# SPDX-License-Identifier: GPL-2.0-only
# The package that a kernel was installed from, as dpkg's lists and rpm know it.

# (Who has the modules' directory itself may be anybody who put one into it.)
find_kernel_deb() {
    R=$(grep -l -x -F -e "/boot/vmlinuz-$1" "$ROOT"/var/lib/dpkg/info/*.list 2>/dev/null | head -n 1)
    [ -n "$R" ] || R=$(grep -l -x -F -e "/lib/modules/$1/kernel" -e "/usr/lib/modules/$1/kernel" "$ROOT"/var/lib/dpkg/info/*.list 2>/dev/null | head -n 1)
    R=${R##*/}
    R=${R%.list}
    R=${R%%:*}
    case $R in
    '' | [!a-z0-9]* | *[!a-z0-9+.-]*) return 1 ;;
    esac
}

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

# Whether the kernel $1 is nobody's: an image is there that no package has, or its
# release ends as that of a source that somebody has changed does.
is_built_by_hand() {
    find_package_family
    case $R in
    debian)
        ! find_kernel_deb "$1" || return 1
        [ ! -f "$ROOT/boot/vmlinuz-$1" ] || [ ! -s "$ROOT/var/lib/dpkg/status" ] || return 0
        is_raspbian && return 1
        ;;
    rhel | suse)
        ! find_kernel_rpm "$1" || return 1
        case $(in_root rpm -qf "/boot/vmlinuz-$1" 2>/dev/null) in
        *'not owned by any package'*) return 0 ;;
        esac
        ;;
    esac
    case $1 in
    *+) return 0 ;;
    esac
    return 1
}

# Raspberry Pi's kernels end with a bare + of their own.
is_raspbian() {
    [ "$N_os_id" != raspbian ] && [ ! -e "$ROOT/etc/rpi-issue" ] || return 0
    return 1
}
