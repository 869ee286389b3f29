# SPDX-License-Identifier: GPL-2.0-only
# What verbs can be told: the one table of options.
#
# OPTION VALUE VARIABLE VERBS WHAT. VALUE is - where the option stands alone (its
# variable becomes yes), and ends with ... where it may be repeated (one line
# each). VERBS is * where every verb takes it. Help, parsing and the protocol's
# page come from here.

# Calls $1 with each line.
each_option() {
    "$1" --root DIR ROOT '*' 'act on this system tree instead of the running system; verbs that touch the running kernel refuse it'
    "$1" --staging DIR STAGE '*' 'for carriers: work in this private directory'
    "$1" --part NAME:SIZE:SHA256... PARTS '*' 'for carriers: a part of the bundle in it'
    "$1" --recorded - RECORDED 'status' 'kernels without an artifact as recorded, not found out anew'
    "$1" --from DIR FROM 'install load deploy' 'the artifact: toa.ko, manifest and toa-selftest'
    "$1" --source 'DIR|FILE|URL|GIT' SOURCE 'build install deploy legacy-kernel' 'where the source is from: a directory with a Makefile, an archive, the address of one, a git repository (legacy-kernel: an archive)'
    "$1" --sha256 HEX... SHA256S 'build toolchain legacy-kernel' 'of that archive; of each --headers-package, in their order'
    "$1" --revision REV REVISION 'build' 'commit, tag or branch of that git repository'
    "$1" --output DIR OUTPUT 'build' 'put toa.ko, toa-selftest and manifest there'
    "$1" --emit - EMIT 'build' 'print them in the answer'
    "$1" --kerneldir DIR KERNELDIR 'build' 'where the headers are [/lib/modules/RELEASE/build]'
    "$1" --kernel RELEASE TARGET_KERNEL 'build toolchain' 'for this installed kernel instead of the running one'
    "$1" --container IMAGE CONTAINER 'build' 'run make in this container (podman, docker, systemd-nspawn)'
    "$1" --no-persist - NO_PERSIST 'install deploy' 'leave loading at boot to you: have the line /bin/sh /var/lib/toa/toa-node boot run before network services start'
    "$1" --start-script FILE START_SCRIPT 'install deploy' 'put that line into your own start script, marked'
    "$1" --rebuild - REBUILD 'install deploy' 'keep the --source, and build toa.ko here for each kernel that is installed later (needs gcc, make and its headers)'
    "$1" --replace-foreign - REPLACE_FOREIGN 'load deploy' 'take out a toa that toa-node did not install'
    "$1" --allow-unproven - ALLOW_UNPROVEN 'verify deploy' 'accept a node on which toa-selftest cannot run'
    "$1" --parameters 'LIST|none' PARAMETERS 'install deploy' 'exactly these parameters of the module, "name=value ..."'
    "$1" --reset LIST RESET 'deploy' 'parameters that get their defaults again in the running module'
    "$1" --reload - RELOAD 'deploy' 'take the module out and in again where a parameter needs that'
    "$1" --headers-package 'FILE|URL...' HEADERS_PACKAGES 'toolchain' 'the headers, where no repository has them'
    "$1" --extraversion -WORD EXTRAVERSION 'legacy-kernel' 'what the release of the new kernel ends with [-toa]'
    "$1" --jobs N JOBS 'legacy-kernel' 'compilers at a time [one a CPU]'
    "$1" --work DIR WORK 'legacy-kernel' 'where source, tree and logs lie [/usr/src/toa-legacy-kernel]'
    "$1" --reboot - REBOOT 'legacy-kernel' 'reboot into the new kernel when all is in place'
    "$1" --force - FORCE 'legacy-kernel' 'also where the procedure is not meant for the system'
    "$1" --undo - UNDO 'legacy-kernel' 'take away what loads it; boot the old kernel again'
    "$1" --dry-run - DRY_RUN 'toolchain legacy-kernel' 'say what would be done, and do nothing'
}

# Line $1 of the table, in option_*. Bundles name many parts in a row, so what was
# found last is looked at first.
option_name=

find_option() {
    [ "$1" != "$option_name" ] || return 0
    option_name= option_wanted=$1
    each_option search_option
    [ -n "$option_name" ]
}

search_option() {
    [ "$1" = "$option_wanted" ] || return 0
    option_name=$1 option_value=$2 option_variable=$3 option_verbs=$4
}

clear_option() {
    eval "$3="
}

# The names of the variables are the table's; values are never evaluated.
set_option() {
    case $option_value in
    -) eval "$option_variable=yes" ;;
    *...) eval "$option_variable=\$$option_variable\$1\$NL" ;;
    *) eval "$option_variable=\$1" ;;
    esac
}
