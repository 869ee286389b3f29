# SPDX-License-Identifier: GPL-2.0-only
# The commands that loading takes.

register_gate tools load

gate_tools() {
    R=
    for tool in insmod rmmod sha256sum od; do
        have "$tool" || R="$R${R:+, }$tool"
    done
    R=${R:+closed: $R missing from $PATH; install kmod and coreutils}
    R=${R:-open}
}
