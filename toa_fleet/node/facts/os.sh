# SPDX-License-Identifier: GPL-2.0-only
# The distribution and its version, from its release files.

find_os() {
    N_os_id= N_os_version_id= N_os_name= OS_LIKE=
    read_os_release "$ROOT/etc/os-release" ||
        read_os_release "$ROOT/usr/lib/os-release" ||
        read_redhat_release "$ROOT/etc/oracle-release" ||
        read_redhat_release "$ROOT/etc/redhat-release" ||
        read_suse_release "$ROOT/etc/SuSE-release" ||
        read_debian_version "$ROOT/etc/debian_version" || :
    clean "$N_os_id"
    N_os_id=$R
    clean "$N_os_version_id"
    N_os_version_id=$R
}

# os-release is shell syntax, but not ours to run: KEY=value with quotes.
read_os_release() {
    [ -f "$1" ] && [ -r "$1" ] || return 1
    os_codename= os_build=
    while IFS= read -r os_line || [ -n "$os_line" ]; do
        unquote "${os_line#*=}"
        case $os_line in
        ID=*) N_os_id=$R ;;
        ID_LIKE=*) OS_LIKE=$R ;;
        VERSION_ID=*) N_os_version_id=$R ;;
        VERSION_CODENAME=*) os_codename=$R ;;
        BUILD_ID=*) os_build=$R ;;
        PRETTY_NAME=*) N_os_name=$R ;;
        esac
    done <"$1"
    [ -n "$N_os_id" ] || return 1
    # Debian testing and sid have no VERSION_ID; rolling distributions have
    # nothing that could tell one day from another: their kernel does.
    [ -n "$N_os_version_id" ] || N_os_version_id=${os_codename:-${os_build:-rolling}}
}

unquote() {
    trim "${1%"$CR"}"
    case $R in
    \'*\') R=${R#?} && R=${R%?} ;;
    \"*\") R=${R#?} && unescape "${R%?}" ;;
    *\\*) unescape "$R" ;;
    esac
}

unescape() {
    R=
    unescape_rest=$1
    while :; do
        case $unescape_rest in
        *\\?*) ;;
        *) break ;;
        esac
        R=$R${unescape_rest%%\\*}
        unescape_rest=${unescape_rest#*\\}
        R=$R${unescape_rest%"${unescape_rest#?}"}
        unescape_rest=${unescape_rest#?}
    done
    R=$R$unescape_rest
}

# "CentOS release 6.8 (Final)"
read_redhat_release() {
    first_line "$1" || return 1
    N_os_name=$R
    case $R in
    CentOS*) N_os_id=centos ;;
    'Red Hat Enterprise'*) N_os_id=rhel ;;
    'Oracle Linux'*) N_os_id=ol ;;
    'Scientific Linux'*) N_os_id=scientific ;;
    'Amazon Linux'*) N_os_id=amzn ;;
    *) N_os_id=$(printf '%s' "${R%% *}" | tr '[:upper:]' '[:lower:]' | tr -cd 'a-z0-9._-') ;;
    esac
    OS_LIKE='rhel fedora'
    case $R in
    *' release '*) R=${R#*' release '} ;;
    *) return 1 ;;
    esac
    N_os_version_id=${R%% *}
}

# "SUSE Linux Enterprise Server 11 (x86_64)", "VERSION = 11", "PATCHLEVEL = 3"
read_suse_release() {
    first_line "$1" || return 1
    N_os_name=$R
    case $R in
    openSUSE*) N_os_id=opensuse ;;
    *Desktop*) N_os_id=sled ;;
    *) N_os_id=sles ;;
    esac
    OS_LIKE=suse
    suse_patch=
    while read -r suse_key suse_equals suse_value; do
        case $suse_key$suse_equals in
        VERSION=) N_os_version_id=$suse_value ;;
        PATCHLEVEL=) suse_patch=$suse_value ;;
        esac
    done <"$1"
    case $suse_patch in
    '' | 0) ;;
    *) N_os_version_id=$N_os_version_id.$suse_patch ;;
    esac
    [ -n "$N_os_version_id" ]
}

read_debian_version() {
    first_line "$1" && [ -n "$R" ] || return 1
    N_os_id=debian
    N_os_version_id=$R
    N_os_name="Debian GNU/Linux $R"
}
