// SPDX-License-Identifier: GPL-2.0-only
/*
 * toa - the client's address behind a layer-4 load balancer
 *
 * The balancer writes the client's address into a TCP option; this module
 * reads it when a connection is made and lets getpeername() and accept()
 * answer with it.
 */
#define pr_fmt(fmt) "TOA: " fmt

#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "hooks.h"
#include "kinds.h"
#include "nat64.h"
#include "netns.h"
#include "proc.h"
#include "store.h"
#include "syn.h"
#include "trust.h"

#include "compat.h"

static int set_kinds(const char *value, const struct kernel_param *param)
{
	return toa_kinds_set(value);
}

static int get_kinds(char *buffer, const struct kernel_param *param)
{
	return toa_kinds_show(buffer, PAGE_SIZE);
}

static const struct kernel_param_ops kinds_ops = {
	.set = set_kinds,
	.get = get_kinds,
};
module_param_cb(kinds, &kinds_ops, NULL, 0644);
MODULE_PARM_DESC(kinds, "TCP option kinds that carry the client's address, e.g. 254,200 (default 254)");

static int set_trusted(const char *value, const struct kernel_param *param)
{
	return toa_trust_set(value);
}

static int get_trusted(char *buffer, const struct kernel_param *param)
{
	return toa_trust_show(buffer, PAGE_SIZE);
}

static void free_trusted(void *arg)
{
	toa_trust_free();
}

static const struct kernel_param_ops trusted_ops = {
	.set = set_trusted,
	.get = get_trusted,
	.free = free_trusted,
};
module_param_cb(trusted, &trusted_ops, NULL, 0644);
MODULE_PARM_DESC(trusted, "networks of the load balancers, e.g. 100.125.0.0/16,2001:db8::/32; others' options are ignored (default: everyone is believed)");

static int set_netns(const char *value, const struct kernel_param *param)
{
	return toa_netns_set(value);
}

static int get_netns(char *buffer, const struct kernel_param *param)
{
	return toa_netns_show(buffer, PAGE_SIZE);
}

static void free_netns(void *arg)
{
	toa_netns_free();
}

static const struct kernel_param_ops netns_ops = {
	.set = set_netns,
	.get = get_netns,
	.free = free_netns,
};
module_param_cb(netns, &netns_ops, NULL, 0644);
MODULE_PARM_DESC(netns, "network namespaces to look at: all (the default), or init and numbers as in readlink /proc/PID/ns/net, e.g. init,4026532281");

static bool from_syn;
module_param(from_syn, bool, 0444);
MODULE_PARM_DESC(from_syn, "believe options on SYNs, too, for balancers that send them nowhere else (default no)");

static unsigned int max_connections = 1U << 20;
module_param(max_connections, uint, 0444);
MODULE_PARM_DESC(max_connections, "connections whose client is remembered at a time; further ones show their real peer (default 1048576)");

static bool loaded;

static int get_hooks(char *buffer, const struct kernel_param *param)
{
	bool armed = READ_ONCE(loaded) && toa_hooks_armed();

	return scnprintf(buffer, PAGE_SIZE, "%s%s", armed ? "armed" : "disarmed", toa_param_end());
}

/* insmod calls it without a look whether there is one. */
static int set_hooks(const char *value, const struct kernel_param *param)
{
	pr_err("hooks: cannot be set\n");
	return -EPERM;
}

static const struct kernel_param_ops hooks_ops = {
	.set = set_hooks,
	.get = get_hooks,
};
module_param_cb(hooks, &hooks_ops, NULL, 0444);
MODULE_PARM_DESC(hooks, "read-only: armed or disarmed, found out at each read by a call through the hooks");

static int __init toa_init(void)
{
	int err;

	if (max_connections < 1 || max_connections > 1U << 26) {
		pr_err("max_connections=%u is not between 1 and %u\n",
		       max_connections, 1U << 26);
		return -EINVAL;
	}
	err = toa_proc_look();
	if (err)
		return err;
	err = toa_store_init(max_connections);
	if (err)
		return err;
	if (from_syn)
		err = toa_syn_init();
	if (err)
		goto err_store;
	err = toa_hooks_init(from_syn);
	if (err)
		goto err_syn;
	err = toa_nat64_init();
	if (err)
		goto err_hooks;
	err = toa_proc_init();
	if (err)
		goto err_nat64;

	WRITE_ONCE(loaded, true);
	if (toa_trusts_everyone())
		pr_info("every peer is believed; trusted= names the load balancers' networks\n");
	pr_info("toa loaded\n");
	return 0;

err_nat64:
	toa_nat64_exit();
err_hooks:
	toa_hooks_exit();
err_syn:
	toa_syn_exit();
err_store:
	toa_store_exit();
	return err;
}

static void __exit toa_exit(void)
{
	WRITE_ONCE(loaded, false);
	toa_proc_exit();
	toa_nat64_exit();
	toa_hooks_exit();
	toa_syn_exit();
	/* Before 2.6.36 the kernel does not call the parameters' own functions for that. */
	toa_trust_free();
	toa_netns_free();
	toa_store_exit();
	pr_info("toa unloaded\n");
}

module_init(toa_init);
module_exit(toa_exit);

MODULE_DESCRIPTION("Client addresses from the TCP option address (TOA)");
MODULE_AUTHOR("toa-fleet authors");
MODULE_VERSION(TOA_VERSION);
MODULE_LICENSE("GPL");
#ifdef TOA_FINGERPRINT
/* Of the system that this module was built on and for; see docs/node-protocol.md. */
MODULE_INFO(toa_fingerprint, TOA_FINGERPRINT);
#endif
