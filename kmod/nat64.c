// SPDX-License-Identifier: GPL-2.0-only
/*
 * A balancer that does NAT64 names an IPv6 client on an IPv4 connection, whom
 * no sockaddr_in holds: getpeername() tells the balancer, and
 *
 *	struct { struct in6_addr saddr; __be16 port; } peer;
 *	socklen_t len = sizeof(peer);
 *	getsockopt(fd, IPPROTO_IP, 4096, &peer, &len);
 *
 * tells the client, as the modules of DPVS and Tencent do, for which nginx and
 * others have patches. Not such a connection: ENOENT. Netfilter passes numbers
 * on that IP does not know; nothing is hooked for this.
 */
#define pr_fmt(fmt) "TOA: " fmt

#include <linux/errno.h>
#include <linux/in6.h>
#include <linux/module.h>
#include <linux/netfilter.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <net/inet_sock.h>

#include "nat64.h"
#include "store.h"

#include "compat.h"

#define TOA_SO_GET_LOOKUP 4096

struct toa_nat64_peer {
	struct in6_addr saddr;
	__be16 port;
};

/* Context: any. Return: 0 or -ENOENT. */
static int find_peer(const struct sock *sk, struct toa_nat64_peer *peer)
{
	const struct toa_addr *client;
	int err = -ENOENT;

	/* Two bytes behind the port go to user space as well. */
	memset(peer, 0, sizeof(*peer));
	rcu_read_lock();
	client = toa_store_find(sk);
	if (client && client->family == AF_INET6) {
		memcpy(&peer->saddr, client->ip, sizeof(peer->saddr));
		memcpy(&peer->port, client->port, sizeof(peer->port));
		err = 0;
	}
	rcu_read_unlock();
	return err;
}

/* Context: process; may sleep. The socket is not locked. */
static int get_peer(struct sock *sk, int option, void __user *user, int *len)
{
	struct toa_nat64_peer peer;
	int err;

	if (sk->sk_type != SOCK_STREAM || !(toa_sk_is_tcp(sk) || toa_sk_is_msk(sk)))
		return -ENOPROTOOPT;
	if (*len < (int)sizeof(peer))
		return -EINVAL;
	err = find_peer(sk, &peer);
	if (err)
		return err;
	if (copy_to_user(user, &peer, sizeof(peer)))
		return -EFAULT;
	*len = sizeof(peer);
	return 0;
}

static struct nf_sockopt_ops options = {
	.pf = PF_INET,
	.get_optmin = TOA_SO_GET_LOOKUP,
	.get_optmax = TOA_SO_GET_LOOKUP + 1,
	.get = get_peer,
	.owner = THIS_MODULE,
};

/* Context: process; may sleep. Return: 0 or a negative errno. */
int toa_nat64_init(void)
{
	int err = nf_register_sockopt(&options);

	if (err)
		pr_err("cannot offer getsockopt %d (is another TOA module loaded?): error %d\n",
		       TOA_SO_GET_LOOKUP, err);
	return err;
}

/* Context: process; sleeps until no call runs any more. */
void toa_nat64_exit(void)
{
	nf_unregister_sockopt(&options);
}
