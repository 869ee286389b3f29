# SPDX-License-Identifier: GPL-2.0-only
# What is compiled into toa.ko.

# By its strings: SELinux may not let modinfo look at it. The first tag of its section
# may follow bytes of another one; such a line comes second here.
read_module_tags() {
    tags=$(tr '\000' '\n' <"$1" | sed -n -e '/^toa_fingerprint=/p' -e '/^vermagic=/p' -e '/^srcversion=/p' -e '/^version=/p' \
        -e 's/^.*[^0-9A-Za-z_.]\(\(toa_fingerprint\|vermagic\|srcversion\|version\)=.*\)$/:\1/p')
    tag_of_module toa_fingerprint && K_fingerprint=$R
    tag_of_module vermagic && trim "$R" && K_vermagic=$R
    tag_of_module srcversion && K_srcversion=$R
    tag_of_module version && K_version=$R
}

tag_of_module() {
    R=
    for tag_begin in "$NL" "$NL:"; do
        case $NL$tags in
        *"$tag_begin$1="*)
            R=$NL$tags
            R=${R#*"$tag_begin$1="}
            R=${R%%"$NL"*}
            return
            ;;
        esac
    done
}
