# SPDX-License-Identifier: GPL-2.0-only
# The family whose package names this node uses: debian, rhel, suse, alpine, arch,
# photon, container or unknown.
#
# Told from the system that is worked on, never from the one that does the work.

find_package_family() {
    # Packages that are part of an image (CoreOS since Fedora's, Atomic) are not
    # installed one by one either.
    [ ! -e "$ROOT/run/ostree-booted" ] || { R=container && return; }
    case " $N_os_id $OS_LIKE " in
    # These exist with deb and with rpm.
    *' kylin '* | *' uos '* | *' deepin '*) ;;
    *' coreos '* | *' flatcar '*) R=container && return ;;
    *suse* | *' sles'* | *' sled'*) R=suse && return ;;
    *' debian '* | *' ubuntu '* | *' raspbian '*) R=debian && return ;;
    *' rhel '* | *' fedora '* | *' centos '* | *' ol '* | *' amzn '* | *' openEuler '* | *' anolis '* | *' euleros '* | \
        *' hce '* | *' tencentos '* | *' opencloudos '* | *' alinux '*)
        R=rhel && return
        ;;
    *' photon '*) R=photon && return ;;
    *' alpine '*) R=alpine && return ;;
    *' arch '*) R=arch && return ;;
    esac
    find_family_of_database || find_family_of_manager
}

# What is installed is written down somewhere; a package manager may be there for
# images of others.
find_family_of_database() {
    R=
    if [ -s "$ROOT/var/lib/dpkg/status" ]; then
        R=debian
    elif [ -s "$ROOT/lib/apk/db/installed" ]; then
        R=alpine
    elif [ -d "$ROOT/var/lib/pacman/local" ]; then
        R=arch
    else
        for family_database in var/lib/rpm usr/lib/sysimage/rpm usr/share/rpm; do
            for family_file in Packages Packages.db rpmdb.sqlite; do
                [ ! -s "$ROOT/$family_database/$family_file" ] || R=rhel
            done
        done
        [ "$R" != rhel ] || [ ! -d "$ROOT/etc/zypp" ] || R=suse
    fi
    [ -n "$R" ]
}

find_family_of_manager() {
    if in_root_have dnf || in_root_have yum || in_root_have tdnf; then
        R=rhel
    elif in_root_have apt-get; then
        R=debian
    elif in_root_have zypper; then
        R=suse
    else
        R=unknown
    fi
}

rpm_installer() {
    R=yum
    for installer in tdnf dnf; do
        ! in_root_have "$installer" || R=$installer
    done
}
