/*
 * The node's own part: it forwards, and knows that what no pod has is nowhere. Routes to the pods
 * of other nodes will stand here.
 */
#include <kube/netns.h>
#include <kube/nft.h>
#include <kube/pod_network.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#include "cable.h"

/* Behind the routes of pods, which have the kernel's usual ones. */
#define NOWHERE_METRIC 1048576

/*
 * A node that forwards IPv6 no longer listens to its router, and would lose its own way out:
 * links that listened go on (2: although it forwards).
 */
static int keep_listening(struct err *err)
{
	DIR *links = opendir("/proc/sys/net/ipv6/conf");
	struct dirent *e;
	int code = 0;

	if (!links)
		return err_set_errno(err, errno, "/proc/sys/net/ipv6/conf");
	while (!code && (e = readdir(links))) {
		char setting[256], value[16];

		if (e->d_name[0] == '.' || strcmp(e->d_name, "all") == 0)
			continue;
		snprintf(setting, sizeof(setting), "ipv6/conf/%.200s/accept_ra", e->d_name);
		/* A link may go while we look. */
		if (netns_get(setting, value, sizeof(value), NULL) == 0 && strcmp(value, "1") == 0)
			code = netns_set(setting, "2", err);
		if (code == ERR_NOT_FOUND) {
			code = 0;
			if (err)
				err_done(err);
		}
	}
	closedir(links);
	return code;
}

static int forward(uint8_t family, struct err *err)
{
	char value[16];
	int code;

	if (family == 4)
		return netns_set("ipv4/ip_forward", "1", err);
	if (!route_has_ipv6())
		return err_set(err, ERR_UNSUPPORTED,
			"the pod CIDRs have one of IPv6, but this machine has no IPv6");
	code = netns_get("ipv6/conf/all/forwarding", value, sizeof(value), err);
	if (code || strcmp(value, "1") == 0)
		return code;
	code = keep_listening(err);
	return code ? code : netns_set("ipv6/conf/all/forwarding", "1", err);
}

static bool wanted(const struct route_entry *entry, const struct cidr *cidrs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (ip_eq(&entry->to.ip, &cidrs[i].ip) && entry->to.bits == cidrs[i].bits)
			return true;
	return false;
}

static int remove_others(
	struct route *node, const struct cidr *cidrs, size_t count, struct err *err)
{
	_cleanup_(arena_done) struct arena a;
	struct route_entry *entries;
	size_t found;

	arena_init(&a);
	int code = route_list(node, CABLE_ROUTE_PROTOCOL, &a, &entries, &found, err);
	for (size_t i = 0; !code && i < found; i++)
		if (entries[i].unreachable && !wanted(&entries[i], cidrs, count))
			code = route_remove(node, &entries[i], err);
	return code;
}

int cable_prepare_node(const struct cidr *cidrs, size_t count, struct err *err)
{
	struct route *node;
	int code = 0;

	for (size_t i = 0; !code && i < count; i++)
		code = forward(cidrs[i].ip.len, err);
	if (!code)
		code = route_open(&node, -1, err);
	if (code)
		return code;
	code = remove_others(node, cidrs, count, err);
	for (size_t i = 0; !code && i < count; i++) {
		struct route_entry nowhere = {.to = cidrs[i],
			.metric = NOWHERE_METRIC,
			.unreachable = true,
			.made_by = CABLE_ROUTE_PROTOCOL};

		code = route_replace(node, &nowhere, err);
	}
	route_close(node);
	return code;
}

int pod_network_clear(struct err *err)
{
	_cleanup_(arena_done) struct arena a;
	struct nft_batch gone = {.table = POD_NETWORK_TABLE, .arena = &a};
	struct route *node;
	struct str *names;
	size_t count;

	arena_init(&a);
	int code = cable_list(&a, &names, &count, err);
	if (!code)
		code = cable_cut_names(names, count, err);
	if (!code)
		code = route_open(&node, -1, err);
	if (code)
		return code;
	code = remove_others(node, NULL, 0, err);
	route_close(node);
	if (code)
		return code;
	nft_batch_add(&gone, (struct nft_change){.kind = NFT_ADD_TABLE});
	nft_batch_add(&gone, (struct nft_change){.kind = NFT_DELETE_TABLE});
	return nft_send(&gone, err);
}
