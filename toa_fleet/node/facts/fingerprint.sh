# SPDX-License-Identifier: GPL-2.0-only
# The hard fields together: what makes two systems the same.

# The one list of them on this side: answers, manifests, comparisons and the
# fingerprint go by it. Each is found by a part above, as N_<field>.
HARD_FIELDS='arch page_size kernel_release kernel_version kernel_build_id os_id os_version_id vermagic module_layout'
MAY_BE_EMPTY='kernel_build_id vermagic module_layout'

node_field() {
    eval "R=\$N_$1"
}

may_be_empty() {
    case " $MAY_BE_EMPTY " in
    *" $1 "*) return 0 ;;
    esac
    return 1
}

# The id of all hard fields; $1 is node_field or manifest_field.
fingerprint_of() {
    fingerprint_text=
    for fingerprint_field in $HARD_FIELDS; do
        "$1" "$fingerprint_field"
        fingerprint_text=$fingerprint_text$fingerprint_field=$R$NL
    done
    text_sha256 "$fingerprint_text" || return 1
    R=${R%"${R#????????????????}"}
}

gather_facts() {
    find_kernel
    find_page_size
    find_os
    find_module_facts
    fingerprint_of node_field ||
        fail node "sha256sum is missing or does not work" "install coreutils (or a busybox with sha256sum)"
    N_fingerprint=$R
}

say_facts() {
    for say_field in $HARD_FIELDS; do
        node_field "$say_field"
        say "$say_field" "$R"
    done
    say fingerprint "$N_fingerprint"
}
