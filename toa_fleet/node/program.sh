#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# toa-node - everything that happens on one node
#
#   toa-node VERB [ARGS]      answers in key=value lines; docs/node-protocol.md
#   toa-node help             says what the verbs are
#
# POSIX sh: dash, bash, busybox ash and the Korn shells. Needs coreutils (or
# busybox) and insmod/rmmod. It is joined from parts: each stands below a line
# "# ==== PART ====" and calls only parts above it. Reading it changes nothing:
# what acts is its last line.
#
# Conventions
#   R          what a function gives back; set by every function that "finds"
#   N_field    a fact of this node; M_field a claim of the manifest in hand;
#              K_tag what is compiled into the toa.ko in hand
#   RUN_*      the toa in the kernel; CUR_* the artifact that is current here
#   NEW_DIR    the artifact in hand, in the staging; ART_DIR, where it is stored
#   ROOT       prefix of every path, empty on a live node
#   find_X     looks for X, answer in R (or in the names above); read_X reads
#              what stands in one known place; search_X looks at one candidate,
#              for a find_X that has several
#   Variables are global (POSIX has no others): each function's own carry its
#   name's first word. Nothing that was read is ever evaluated.

# "A= B=" empties several variables, "a && b || c" means c whichever failed:
# shellcheck disable=SC1007,SC2015

NODE_VERSION=0.1.0
PROGRAM_MARK='# toa-node - everything that happens on one node'
# In the first lines of every file that this program puts outside its store.
OUR_MARK='# Written by toa-node'
NL='
'
TAB='	'
