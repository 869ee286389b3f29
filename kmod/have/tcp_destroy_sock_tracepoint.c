// SPDX-License-Identifier: GPL-2.0-only
/* 4.16 (4.15 has it with another type). Before, a kprobe sees that a connection is destroyed. */
#include <linux/tracepoint.h>
#include <trace/events/tcp.h>

static void toa_have_match(struct tracepoint *tp, void *found)
{
	*(struct tracepoint **)found = tp;
}

int toa_have(void (*on_destroy)(void *data, struct sock *sk));
int toa_have(void (*on_destroy)(void *data, struct sock *sk))
{
	struct tracepoint *tp = NULL;

	check_trace_callback_type_tcp_destroy_sock(on_destroy);
	for_each_kernel_tracepoint(toa_have_match, &tp);
	return tracepoint_probe_register(tp, on_destroy, NULL);
}
