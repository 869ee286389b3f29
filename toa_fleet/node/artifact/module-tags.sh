# SPDX-License-Identifier: GPL-2.0-only
# What is compiled into toa.ko.

read_module_tags() {
    tags=$(tr '\000' '\n' <"$1" | sed -n -e '/^toa_fingerprint=/p' -e '/^vermagic=/p' -e '/^srcversion=/p' -e '/^version=/p')
    tag_of_module "$1" toa_fingerprint && K_fingerprint=$R
    tag_of_module "$1" vermagic && trim "$R" && K_vermagic=$R
    tag_of_module "$1" srcversion && K_srcversion=$R
    tag_of_module "$1" version && K_version=$R
}

# The first tag of its section may follow bytes of another one: ask modinfo.
tag_of_module() {
    case $NL$tags in
    *"$NL$2="*)
        R=$NL$tags
        R=${R#*"$NL$2="}
        R=${R%%"$NL"*}
        ;;
    *) modinfo_tag "$1" "$2" ;;
    esac
}
