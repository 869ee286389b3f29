// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module as one compilation: nearly all of what a file of it takes to
 * compile is the kernel's headers, and a node that builds may be a small one.
 */
#define pr_fmt(fmt) "TOA: " fmt

#include "option.c"
#include "kinds.c"
#include "parameter_list.c"
#include "trust.c"
#include "netns.c"
#include "count.c"
#include "reserve.c"
#include "store.c"
#include "syn.c"
#include "handshake.c"
#include "getname.c"
#include "hooks.c"
#include "proc.c"
#ifdef CONFIG_NETFILTER
#include "nat64.c"
#endif
#include "main.c"
