# SPDX-License-Identifier: GPL-2.0-only
# Packages from elsewhere (--headers-package): fetched, looked into, installed.

MAX_HEADERS_PACKAGE=536870912

# Each --sha256 belongs to the --headers-package in the same place.
check_headers_arguments() {
    headers_count=0 sha256_count=0
    each_line count_headers_package "$HEADERS_PACKAGES"
    each_line count_sha256 "$SHA256S"
    [ "$sha256_count" -eq 0 ] || [ "$sha256_count" -eq "$headers_count" ] ||
        fail usage "$sha256_count --sha256 for $headers_count --headers-package" "give one for each, in the same order, or none"
}

count_headers_package() {
    headers_count=$((headers_count + 1))
    check_location --headers-package "$1" "$SHA256S"
}

count_sha256() {
    sha256_count=$((sha256_count + 1))
    check_sha256 "$1"
}

fetch_headers_packages() {
    file_number=0 file_sha256s=$SHA256S IS_FOR_KERNEL= DEB_NAMES=
    R=$(mkdir "$STAGE/headers" 2>&1) || store_trouble "cannot make $STAGE/headers"
    each_line fetch_headers_package "$HEADERS_PACKAGES"
    [ -n "$IS_FOR_KERNEL" ] || fail node "none of the packages given is $HEADERS, the one for the kernel $TARGET_KERNEL" \
        "look for the file $(headers_file_name)"
}

fetch_headers_package() {
    file_number=$((file_number + 1))
    file_sha256=${file_sha256s%%"$NL"*}
    file_sha256s=${file_sha256s#*"$NL"}
    case ${1%%[?#]*} in
    *.rpm) file_path=$STAGE/headers/$file_number.rpm ;;
    *.deb) file_path=$STAGE/headers/$file_number.deb ;;
    *) fail usage "--headers-package $1 is neither .rpm nor .deb" "look for the file $(headers_file_name)" ;;
    esac
    fetch_file "$1" "$file_path" "$file_sha256" "$MAX_HEADERS_PACKAGE"
    staged "headers/${file_path##*/}"
    FILES="$FILES $R"
    case $file_path in
    *.rpm) check_rpm "$1" "$R" ;;
    *.deb) check_deb "$1" "$R" ;;
    esac
}

wrong_package() {
    fail node "$1 is not of the headers for the kernel $TARGET_KERNEL: $2" "look for the file $(headers_file_name)"
}

# Its name, its version and what it holds: all of them have to fit.
check_rpm() {
    in_root_have rpm || fail node "$1 cannot be read: there is no rpm here" "look for a .deb"
    check_said=$(in_root rpm -qp --nosignature --qf '%{NAME} %{VERSION}-%{RELEASE} %{ARCH}\n' "$2" 2>&1) ||
        { one_line "$check_said" && fail node "$1 is no rpm package: $R" "fetch it again"; }
    check_name=${check_said%% *}
    check_arch=${check_said##* }
    check_version=${check_said#* }
    check_version=${check_version% *}
    check_headers_name "$1" "$check_name"
    case $HEADERS in
    "$check_name-$check_version.$check_arch") ;;
    "$check_name=$check_version") ;;
    "$check_name="*.N)
        check_prefix=${HEADERS#*=}
        check_prefix=${check_prefix%N}
        case $check_version in
        "$check_prefix"*[!0-9]*) wrong_package "$1" "it is $check_said" ;;
        "$check_prefix"*) ;;
        *) wrong_package "$1" "it is $check_said" ;;
        esac
        ;;
    "$check_name-"* | "$check_name="*) wrong_package "$1" "it is $check_said, wanted is $HEADERS" ;;
    *) return 0 ;;
    esac
    check_holds "$1" "$(in_root rpm -qpl --nosignature "$2" 2>/dev/null)"
}

check_deb() {
    in_root_have dpkg-deb || fail node "$1 cannot be read: there is no dpkg-deb here" "look for an .rpm"
    check_said=$(in_root dpkg-deb -f "$2" Package 2>&1) ||
        { one_line "$check_said" && fail node "$1 is no deb package: $R" "fetch it again"; }
    check_headers_name "$1" "$check_said"
    DEB_NAMES="$DEB_NAMES $check_said"
    [ "$check_said" = "$HEADERS" ] || return 0
    check_arch=$(in_root dpkg-deb -f "$2" Architecture)
    check_node_arch=$(in_root dpkg --print-architecture)
    case $check_arch in
    all | "$check_node_arch") ;;
    *) wrong_package "$1" "it is for $check_arch, this is $check_node_arch" ;;
    esac
    check_holds "$1" "$(in_root dpkg-deb -c "$2" 2>/dev/null)"
}

# Only what headers are made of: this installs nothing else.
check_headers_name() {
    case $2 in
    linux-headers-* | proxmox-headers-* | pve-headers-* | raspberrypi-kernel-headers | linux-kbuild-* | linux-compiler-* | kernel*-devel | kernel*-devel-* | kernel-source* | kernel-macros) ;;
    *) wrong_package "$1" "it is the package $2" ;;
    esac
}

check_holds() {
    case $2 in
    */"$TARGET_KERNEL"/* | */linux-headers-"$TARGET_KERNEL"/* | *"/$TARGET_KERNEL$NL"*) ;;
    */usr/src/linux-*-obj/*) ;;
    *) wrong_package "$1" "nothing in it stands under $TARGET_KERNEL" ;;
    esac
    IS_FOR_KERNEL=yes
}

ask_for_files() {
    # shellcheck disable=SC2086
    case $FILES in
    *.deb*)
        if apt_takes_files; then
            manager "$PM_ASK_SECONDS" apt-get -q -s --no-install-recommends install $FILES
        else
            manager "$PM_ASK_SECONDS" dpkg --dry-run -i $FILES
        fi
        ;;
    *) rpm_alone --test $FILES || is_missing_dependency ;;
    esac || files_trouble
}

files_trouble() {
    one_line "$HEADERS_PACKAGES"
    package_trouble "$R"
}

# From apt 1.1 on (Debian 9, Ubuntu 16.04); before, dpkg has to do, which looks
# for dependencies when it has unpacked already.
apt_takes_files() {
    case $(in_root apt-get --version 2>/dev/null) in
    'apt 0.'* | 'apt 1.0'*) return 1 ;;
    esac
}

dpkg_took_half() {
    half_said=$PM_SAID
    # shellcheck disable=SC2086
    manager_uninterrupted dpkg --remove $DEB_NAMES
    PM_SAID=$half_said
    return 1
}

# rpm alone needs no repository. Where the file needs more than is there, the
# package manager is asked to find that.
install_files() {
    progress "installing$FILES"
    # shellcheck disable=SC2086
    case $FILES in
    *.deb*)
        if apt_takes_files; then
            manager_uninterrupted apt-get -q -y -o Dpkg::Use-Pty=0 --no-install-recommends install $FILES
        else
            manager_uninterrupted dpkg -i $FILES || dpkg_took_half
        fi
        ;;
    *)
        rpm_alone --test $FILES && manager_uninterrupted rpm -ivh --oldpackage $FILES ||
            { is_missing_dependency && install_files_with_manager; }
        ;;
    esac || files_trouble
}

# Headers of several kernels live side by side; a newer one's are no reason.
rpm_alone() {
    manager "$PM_ASK_SECONDS" rpm -i --oldpackage "$@"
}

install_files_with_manager() {
    # A file that was given needs no signature; what the repositories add to it does.
    # Old zyppers know no other switch than that for all.
    zypper_trust=--no-gpg-checks zypper_trust_file=
    case $PM:$(in_root zypper help install </dev/null 2>/dev/null) in
    zypper:*--allow-unsigned-rpm*) zypper_trust= zypper_trust_file=--allow-unsigned-rpm ;;
    esac
    # shellcheck disable=SC2086
    case $PM in
    zypper) manager_uninterrupted zypper --non-interactive $zypper_trust install --no-recommends $zypper_trust_file $FILES ;;
    *) manager_uninterrupted "$PM" -y --setopt=exit_on_lock=1 install $FILES ;;
    esac
}

is_missing_dependency() {
    case $PM_SAID in
    *'ailed dependencies'* | *'is needed by'*) return 0 ;;
    esac
    return 1
}
