# SPDX-License-Identifier: GPL-2.0-only
# Lines of modprobe.d that insmod could misread.

register_gate options load

gate_options() {
    read_options_lines
    R=${BAD_OPTION:+"closed: $BAD_OPTION; write name=value with no blanks or quotes in it"}
    R=${R:-open}
}
