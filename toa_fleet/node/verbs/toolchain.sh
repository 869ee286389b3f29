# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC1007,SC2015,SC2034,SC2154
#
# toa-node toolchain - gcc, make and the headers of exactly one kernel
#
# Read by toa-node, whose conventions hold here. The system's own package manager
# does the work, on a tree (--root) inside of it. It is first asked what it would
# do, so that nothing is installed where something cannot be had; and what it did
# is believed only when the headers themselves say that they are of that kernel.
#
#   PM         apt, dnf, yum or zypper
#   HEADERS    the exact headers package, as the package manager takes it
#   PACKAGES   what a build needs here; MISSING: what of it is not there
#   PM_SAID    the words of the package manager

PM_ASK_SECONDS=600
PM_INSTALL_SECONDS=3600
MAX_HEADERS_PACKAGE=536870912

verb_toolchain() {
    find_uid
    gather_facts
    find_target_kernel
    check_headers_arguments
    find_package_manager
    find_wanted
    say kernel "$TARGET_KERNEL"
    say package_manager "$PM"
    if [ -n "$MISSING" ]; then
        require_package_manager
        require_root
        open_store
        resolve_suse_version
    fi
    say packages "${PACKAGES# }"
    say missing "${MISSING# }"
    [ -z "$MISSING" ] || provide_missing
    if headers_are_right; then say headers yes; else say headers no; fi
    say_tool gcc
    say_tool make
    if [ -n "$MISSING" ]; then say changed yes; else say changed no; fi
    finish 0
}

find_target_kernel() {
    if [ -z "$TARGET_KERNEL" ]; then
        [ -z "$ROOT" ] || [ -e "$ROOT/proc/sys/kernel/osrelease" ] ||
            fail usage "$ROOT runs no kernel" "say with --kernel R for which release headers are wanted (ls $ROOT/lib/modules)"
        TARGET_KERNEL=$N_kernel_release
    fi
    case $TARGET_KERNEL in
    [!0-9]* | *[!A-Za-z0-9._+~-]*) fail usage "--kernel: $TARGET_KERNEL is no kernel release" "give what uname -r says" ;;
    esac
}

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

find_package_manager() {
    PM=
    find_package_family
    case $R in
    debian) wanted_managers=apt-get ;;
    rhel) wanted_managers='dnf yum' ;;
    suse) wanted_managers=zypper ;;
    container | alpine | arch) wanted_managers= ;;
    *) wanted_managers='apt-get dnf yum zypper' ;;
    esac
    for manager in $wanted_managers; do
        in_tree_have "$manager" && PM=${manager%-get} && return
    done
}

# A program in the usual places of the system that is worked on.
in_tree_have() {
    [ -n "$ROOT" ] || { have "$1" && return || return 1; }
    for have_dir in usr/local/bin usr/bin bin usr/sbin sbin; do
        [ ! -x "$ROOT/$have_dir/$1" ] || return 0
    done
    return 1
}

find_wanted() {
    find_headers_package "$TARGET_KERNEL"
    HEADERS=$R
    PACKAGES= MISSING=
    for tool in gcc make; do
        PACKAGES="$PACKAGES $tool"
        in_tree_have "$tool" || MISSING="$MISSING $tool"
    done
    find_libc
    want_library "$R" stdio.h
    PACKAGES="$PACKAGES $HEADERS"
    headers_are_right || MISSING="$MISSING $HEADERS"
    find_libelf
    want_library "$R" gelf.h
}

# A library's package, if there is need of one, is there when this header of its is.
want_library() {
    [ -n "$1" ] || return 0
    PACKAGES="$PACKAGES $1"
    [ -f "$ROOT/usr/include/$2" ] || MISSING="$MISSING $1"
}

# toa-selftest is an ordinary program. Debian's gcc only recommends what these
# need, everybody else's brings it along.
find_libc() {
    find_package_family
    case $R in
    debian) R=libc6-dev ;;
    *) R= ;;
    esac
}

# What a module's version magic is made from: the headers' own word.
headers_are_right() {
    headers_dir=/lib/modules/$TARGET_KERNEL/build
    R=$(in_tree sed -n 's/^#define UTS_RELEASE "\(.*\)"$/\1/p' "$headers_dir/include/generated/utsrelease.h" \
        "$headers_dir/include/linux/utsrelease.h" 2>/dev/null | head -n 1)
    [ -n "$R" ] || R=$(in_tree head -n 1 "$headers_dir/include/config/kernel.release" 2>/dev/null)
    HEADERS_SAY=$R
    [ "$HEADERS_SAY" = "$TARGET_KERNEL" ] && in_tree test -f "$headers_dir/Makefile"
}

# Before Linux 5.18 a kernel with objtool lets nothing be built without libelf's
# headers. R is the package, empty where it is not needed.
find_libelf() {
    R=
    libelf_config=$ROOT/boot/config-$TARGET_KERNEL
    [ -r "$libelf_config" ] || libelf_config=$ROOT/lib/modules/$TARGET_KERNEL/config
    grep -q -e '^CONFIG_STACK_VALIDATION=y' -e '^CONFIG_UNWINDER_ORC=y' "$libelf_config" 2>/dev/null || return 0
    case $TARGET_KERNEL in
    [0-4].* | 5.[0-9].* | 5.1[0-7].*) ;;
    *) return 0 ;;
    esac
    find_package_family
    case $R in
    debian) R=libelf-dev ;;
    rhel) R=elfutils-libelf-devel ;;
    suse) R=libelf-devel ;;
    *) R= ;;
    esac
}

say_tool() {
    R=
    ! in_tree_have "$1" || R=$(in_tree "$1" --version 2>/dev/null)
    say "$1" "${R%%"$NL"*}"
}

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

# --- asking and telling the package manager --------------------------------------

# Runs it for at most $1 seconds, in the tree; its words go to PM_SAID.
manager() {
    manager_seconds=$1
    shift
    # Stops needrestart from restarting services and debconf from asking; apt's
    # helpers are no root and cannot write to our directory for temporary files.
    # (Not just empty: dnf5 takes that for a path.)
    run_logged "$STAGE/manager.log" "$manager_seconds" ${ROOT:+chroot "$ROOT"} env -u TMPDIR LC_ALL=C LANG=C \
        DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 ZYPP_LOCK_TIMEOUT=0 "$@"
    manager_status=$?
    cat "$STAGE/manager.log" >&2
    PM_SAID=$(tail -c 100000 "$STAGE/manager.log")
    return "$manager_status"
}

# The same for what must not be cut off in its middle: a package manager that is
# killed leaves half-installed packages behind.
manager_uninterrupted() {
    trap '' HUP INT TERM PIPE
    manager "$PM_INSTALL_SECONDS" "$@"
    uninterrupted_status=$?
    catch_signals
    return "$uninterrupted_status"
}

# The paths of the staging as a command in the tree sees them.
staged() {
    R=${STAGE#"$ROOT"}/$1
}

provide_missing() {
    provide_repository= provide_headers=
    for wanted in $MISSING; do
        [ "$wanted" = "$HEADERS" ] && [ -n "$HEADERS_PACKAGES" ] && provide_headers=yes ||
            provide_repository="$provide_repository $wanted"
    done
    FILES=
    [ -z "$provide_headers" ] || fetch_headers_packages
    # shellcheck disable=SC2086 # package names without blanks
    [ -z "$provide_repository" ] || ask_for $provide_repository
    [ -z "$provide_headers" ] || ask_for_files
    [ -z "$DRY_RUN" ] || return 0
    # shellcheck disable=SC2086
    [ -z "$provide_repository" ] || install_packages $provide_repository
    [ -z "$provide_headers" ] || install_files
    check_outcome
}

# Would it install these? With what it knows already, else with fresh lists. Its
# lists and caches are all that a dry run changes.
ask_for() {
    progress "asking $PM for $*"
    "ask_$PM" "$@" && return 0
    ! is_busy && "refresh_$PM" && "ask_$PM" "$@" || package_trouble "$*"
}

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

# dnf and yum have no simulation: they are told no. Not every yum knows
# --assumeno.
ask_dnf() {
    manager "$PM_ASK_SECONDS" dnf --assumeno --setopt=exit_on_lock=1 --setopt=timeout=30 install "$@"
    would_install
}

ask_yum() {
    # shellcheck disable=SC2016 # that shell's
    manager "$PM_ASK_SECONDS" sh -c 'echo n | "$@"' sh yum --setopt=exit_on_lock=1 --setopt=timeout=30 install "$@"
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

refresh_yum() {
    refresh_dnf
}

ask_zypper() {
    manager "$PM_ASK_SECONDS" zypper --non-interactive --no-refresh install --dry-run --no-recommends "$@"
}

refresh_zypper() {
    manager "$PM_ASK_SECONDS" zypper --non-interactive refresh
}

install_packages() {
    progress "installing $*"
    case $PM in
    apt) manager_uninterrupted apt-get -q -y -o Dpkg::Use-Pty=0 --no-install-recommends install "$@" ;;
    zypper) manager_uninterrupted zypper --non-interactive --no-refresh install --no-recommends "$@" ;;
    *) manager_uninterrupted "$PM" -y --setopt=exit_on_lock=1 install "$@" ;;
    esac || package_trouble "$*"
}

check_outcome() {
    what_is_there='is not there'
    headers_are_right || {
        [ -z "$HEADERS_SAY" ] || what_is_there="is that of the kernel $HEADERS_SAY"
        outcome_is_wrong
    }
    for tool in gcc make; do
        in_tree_have "$tool" || fail node "$PM did what it was told, but there is no $tool" "see the words of $PM above (standard error)"
    done
}

outcome_is_wrong() {
    fail node \
        "$PM did what it was told, but /lib/modules/$TARGET_KERNEL/build $what_is_there" \
        "see what the package holds, and whether /lib/modules/$TARGET_KERNEL is that of the kernel's package"
}

# --- SUSE's versions ------------------------------------------------------------

# A kernel release lacks the rebuild count of its package. Where rpm does not know
# the kernel's package, the repositories may know one, and only one, that fits.
resolve_suse_version() {
    case "$PM $HEADERS" in
    zypper\ *=*.N) ;;
    *) return 0 ;;
    esac
    case " $MISSING " in
    *" $HEADERS "*) ;;
    *) return 0 ;;
    esac
    [ -z "$HEADERS_PACKAGES" ] || return 0
    suse_name=${HEADERS%%=*}
    suse_prefix=${HEADERS#*=}
    suse_prefix=${suse_prefix%N}
    manager "$PM_ASK_SECONDS" zypper --non-interactive --no-refresh search -s -t package --match-exact "$suse_name" || :
    # "| kernel-default-devel | package | 5.14.21-150400.24.81.1 | x86_64 | repo"
    suse_found=$(printf '%s\n' "$PM_SAID" | tr -d ' ' | awk -F '|' -v prefix="$suse_prefix" \
        'index($4, prefix) == 1 && substr($4, length(prefix) + 1) !~ /[^0-9]/ { print $4 }' | sort -u)
    case $suse_found in
    '') return 0 ;;
    *"$NL"*) one_line "$suse_found" && fail node "the repositories have several $suse_name for $TARGET_KERNEL: $R" \
        "install the one of the kernel's package (rpm -q kernel-${suse_name#kernel-}), or give its file with --headers-package" ;;
    esac
    suse_wanted=$suse_name=$suse_found
    replace_word "$PACKAGES" "$HEADERS" "$suse_wanted" && PACKAGES=$R
    replace_word "$MISSING" "$HEADERS" "$suse_wanted" && MISSING=$R
    HEADERS=$suse_wanted
}

replace_word() {
    R=
    for replace_item in $1; do
        [ "$replace_item" != "$2" ] || replace_item=$3
        R="$R $replace_item"
    done
}

# --- packages from elsewhere ----------------------------------------------------

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
    in_tree_have rpm || fail node "$1 cannot be read: there is no rpm here" "look for a .deb"
    check_said=$(in_tree rpm -qp --nosignature --qf '%{NAME} %{VERSION}-%{RELEASE} %{ARCH}\n' "$2" 2>&1) ||
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
    check_holds "$1" "$(in_tree rpm -qpl --nosignature "$2" 2>/dev/null)"
}

check_deb() {
    in_tree_have dpkg-deb || fail node "$1 cannot be read: there is no dpkg-deb here" "look for an .rpm"
    check_said=$(in_tree dpkg-deb -f "$2" Package 2>&1) ||
        { one_line "$check_said" && fail node "$1 is no deb package: $R" "fetch it again"; }
    check_headers_name "$1" "$check_said"
    DEB_NAMES="$DEB_NAMES $check_said"
    [ "$check_said" = "$HEADERS" ] || return 0
    check_arch=$(in_tree dpkg-deb -f "$2" Architecture)
    check_node_arch=$(in_tree dpkg --print-architecture)
    case $check_arch in
    all | "$check_node_arch") ;;
    *) wrong_package "$1" "it is for $check_arch, this is $check_node_arch" ;;
    esac
    check_holds "$1" "$(in_tree dpkg-deb -c "$2" 2>/dev/null)"
}

# Only what headers are made of: this installs nothing else.
check_headers_name() {
    case $2 in
    linux-headers-* | linux-kbuild-* | linux-compiler-* | kernel*-devel | kernel*-devel-* | kernel-source* | kernel-macros) ;;
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
    case $(in_tree apt-get --version 2>/dev/null) in
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
    case $PM:$(in_tree zypper help install </dev/null 2>/dev/null) in
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

# --- what went wrong --------------------------------------------------------------

is_busy() {
    case $PM_SAID in
    *'ould not get lock'* | *'nable to lock'* | *'nother app is currently holding'* | *'nother copy is running'* | \
        *'already running as pid'* | *'aiting for process with pid'* | *'ystem management is locked'* | \
        *'already locked by'* | *'btain the transaction lock'* | *'ransaction lock. Another'* | *"create transaction lock"* | *'is another process using it'*) return 0 ;;
    esac
    return 1
}

is_not_found() {
    case $PM_SAID in
    *'nable to locate package'* | *'no installation candidate'* | *'No package '*' available'* | \
        *'nable to find a match'* | *'o match for argument'* | *'ouldn'?'t find any package'* | \
        *"No provider of"* | *"' not found."* | *'ersion '*' for '*' was not found'* | *'Nothing to do'*) return 0 ;;
    esac
    return 1
}

# The file that somebody has to look for, where no repository has it.
headers_file_name() {
    case $HEADERS in
    linux-headers-*) printf '%s' "${HEADERS}_VERSION_ARCH.deb (with the linux-headers and linux-kbuild packages that it depends on)" ;;
    *=*) printf '%s' "${HEADERS%%=*}-${HEADERS#*=}.$N_arch.rpm (and kernel-devel of the same version)" ;;
    *) printf '%s' "$HEADERS.rpm" ;;
    esac
}

explain_not_found() {
    R="this system's repositories do not have it: a typical reason is that they keep the newest kernel only. Fetch $(headers_file_name) from the distribution's archive (vault, snapshot, history) and give it with --headers-package FILE|URL --sha256 HEX; or boot a kernel whose headers are there and build for that"
}

package_trouble() {
    trouble_words=$(printf '%s\n' "$PM_SAID" | grep -i -e '^E:' -e error -e 'no package' -e 'no match' -e 'not found' \
        -e lock -e 'no provider' -e fail -e 'cannot' -e 'no space' -e 'nothing to do' -e depend | grep -v '^Last metadata' | head -n 4)
    [ -n "$trouble_words" ] || trouble_words=$(printf '%s\n' "$PM_SAID" | tail -n 4)
    one_line "$trouble_words"
    trouble_words=${R:-it says nothing (status $manager_status)}
    case $PM_SAID in
    *'ependency problems'*) R='give the packages that it depends on as well, each with --headers-package' ;;
    *'dpkg was interrupted'*) R='an earlier installation was cut off: run dpkg --configure -a, then the same again' ;;
    *'o space left'* | *'ot enough free space'* | *'more space needed'* | *'isk usage'*'insufficient'* | *'At least '*' more space'*)
        R='make room (df -h / /var /usr), then run the same again' ;;
    *'ead-only file system'* | *'mounted read-only'* | *'mounted as read-only'* | *transactional-update*)
        R='this system changes its packages by its own means only (transactional-update, rpm-ostree): install there, or build in a container (toa-node build --container IMAGE)' ;;
    *) explain_reaching ;;
    esac
    fail node "$PM cannot install $1: $trouble_words" "$R"
}

explain_reaching() {
    if is_busy; then
        R="another package manager is at work here: wait until it is done (ps; see the words above), then run the same again"
        return
    fi
    case $PM_SAID in
    *'o enabled repos'* | *'o repositories defined'* | *'o repos are enabled'* | *'here are no enabled'* | *'ot registered'* | *'ubscription-manager register'*)
        R='no repository is set up here: register the system or add its repositories, or give the file with --headers-package' ;;
    *'ould not resolve'* | *'ouldn'?'t resolve'* | *'emporary failure resolving'* | *'ailed to fetch'* | *'ailed to download'* | *'annot download'* | \
        *'annot find a valid baseurl'* | *'annot retrieve'* | *'url error'* | *'onnection timed out'* | *'onnection refused'* | *'imeout'* | *'o more mirrors'* | \
        *'alid metadata not found'* | *'ome index files failed'* | *'rror reading from'* | *'ache-only enabled but no cache'*)
        R="the repositories cannot be reached from here: look at network, proxy and the repositories' addresses; without them give the packages with --headers-package FILE, or build on another node of this kind" ;;
    *NO_PUBKEY* | *'not signed'* | *GPG* | *'ignature verification failed'*)
        R="the repositories' signatures are not trusted here: import their key, then run the same again" ;;
    *'xpired'* | *'not valid yet'*)
        R="the repositories' lists are out of date: use the distribution's archive and set Acquire::Check-Valid-Until, or see the clock" ;;
    *)
        if is_not_found; then explain_not_found; else R="see the words of $PM above (standard error)"; fi
        ;;
    esac
}

LOADED_VERB='toolchain 0.1.0'
