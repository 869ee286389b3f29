/* SPDX-License-Identifier: GPL-2.0-only */
/* In which network namespaces connections are looked at. */
#ifndef TOA_NETNS_H
#define TOA_NETNS_H

#include <linux/types.h>
#include <net/net_namespace.h>

int toa_netns_set(const char *list);
int toa_netns_show(char *buffer, size_t size);
void toa_netns_free(void);

bool toa_netns_is_watched(const struct net *net);

#endif
