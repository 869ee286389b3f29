# SPDX-License-Identifier: GPL-2.0-only
# What loads a TOA of others at boot, or again and again: scripts, lists of modules,
# units, crontabs; with its line.

OTHER_NAMES='\([a-z0-9_-]*toa\(_[a-z0-9]*\)\{0,1\}[0-9]*\|ip_vs_ca\)'
OTHER_COMMANDS="^[^#]*\\(insmod\\|modprobe\\)[^#]*[[:blank:]/]$OTHER_NAMES\\(\\.ko[.a-z0-9]*\\)\\{0,1\\}\\([[:blank:];&|)\"']\\|\$\\)"
OTHER_ENTRIES="^[[:blank:]]*$OTHER_NAMES\\([[:blank:]]\\|\$\\)"
OTHER_ON_BOOT="^MODULES_LOADED_ON_BOOT=\\(.*[[:blank:]\"']\\)\\{0,1\\}$OTHER_NAMES\\([[:blank:]\"']\\|\$\\)"

# Sets OTHER_LOADER to the first line that would load one ("PATH:LINE: TEXT"), and
# IDLE_LOADER to the first that would if there were one to load.
find_other_loaders() {
    OTHER_LOADER= IDLE_LOADER=
    etc=$ROOT/etc
    each_line see_loader "$(
        search_loaders "$OTHER_COMMANDS" "$etc/rc.local" "$etc/rc.d/rc.local" "$etc"/rc.d/*.local "$etc"/init.d/*.local \
            "$etc"/sysconfig/modules/*.modules "$etc"/local.d/*.start "$etc/crontab" "$etc"/cron.d/* "$ROOT"/var/spool/cron/* \
            "$ROOT"/var/spool/cron/crontabs/* "$ROOT"/var/spool/cron/tabs/* "$etc"/systemd/system/*.wants/*.service \
            "$etc"/rc[S2345].d/S* "$etc"/rc.d/rc[2345].d/S* "$etc"/init.d/rc[2345].d/S* "$etc"/runlevels/*/*
        search_loaders "$OTHER_ENTRIES" "$etc/modules" "$etc"/modules-load.d/*.conf "$ROOT"/usr/lib/modules-load.d/*.conf \
            "$ROOT"/usr/local/lib/modules-load.d/*.conf "$etc/initramfs-tools/modules"
        search_loaders "$OTHER_ON_BOOT" "$etc/sysconfig/kernel"
    )"
}

# Prints PATH:LINE:TEXT; the second file of grep has it name the first. Links in a tree
# lead to where they would lead there.
search_loaders() {
    loaders_pattern=$1
    shift
    for loaders_file in "$@"; do
        shift
        [ -h "$loaders_file" ] && [ -n "$ROOT" ] && find_real_file "${loaders_file#"$ROOT"}" && loaders_file=$R
        [ ! -f "$loaders_file" ] || set -- "$@" "$loaders_file"
    done
    [ "$#" -eq 0 ] || grep -n -s -e "$loaders_pattern" /dev/null "$@" | head -n 50
}

see_loader() {
    loader_file=${1%%:*}
    loader_text=${1#*:}
    loader_line=${loader_text%%:*}
    loader_text=${loader_text#*:}
    case $loader_text in
    *toa-node*) return 0 ;;
    esac
    [ -z "$OTHER_LOADER" ] && ! written_by_us "$loader_file" || return 0
    one_line "$loader_text"
    loader_words="${loader_file#"$ROOT"}:$loader_line: $R"
    if loads_something "$loader_text"; then
        OTHER_LOADER=$loader_words
    else
        IDLE_LOADER=${IDLE_LOADER:-$loader_words}
    fi
}

# Whether a file is there that the line would load: by its path, or by its name among
# this kernel's modules.
loads_something() {
    loads_names=
    set -f
    for loads_word in $(printf '%s\n' "$1" | tr '"();&|=' "       " | tr "'" ' '); do
        case $loads_word in
        /*.ko | /*.ko.?z | /*.ko.zst) [ ! -f "$ROOT$loads_word" ] || { set +f && return 0; } ;;
        */* | *.ko) ;;
        *toa* | ip_vs_ca) loads_names="$loads_names $loads_word" ;;
        esac
    done
    for loads_name in $loads_names; do
        R=$(find "$ROOT/lib/modules/$N_kernel_release" -name "$loads_name.ko*" -type f 2>/dev/null | head -n 1)
        [ -z "$R" ] || { set +f && return 0; }
    done
    set +f
    return 1
}
