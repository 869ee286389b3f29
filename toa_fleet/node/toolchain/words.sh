# SPDX-License-Identifier: GPL-2.0-only
# What the words of package managers mean, and what to do then.

# The file that somebody has to look for, where no repository has it.
headers_file_name() {
    case $HEADERS in
    linux-headers-* | proxmox-headers-* | pve-headers-* | *-kernel-headers) printf '%s' "${HEADERS}_VERSION_ARCH.deb (with the linux-headers and linux-kbuild packages that it depends on)" ;;
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
