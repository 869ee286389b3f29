// SPDX-License-Identifier: GPL-2.0-only
/* 4.11. Before, a kernel's own socket is one that no file leads to. */
#include <net/sock.h>

int toa_have(const struct sock *sk);
int toa_have(const struct sock *sk)
{
	return sk->sk_kern_sock;
}
