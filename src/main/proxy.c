/* kube proxy: services' rules of this machine, alone, against an API server anywhere. */
#include "commands.h"
#include "node_place.h"
#include "process.h"

#include <kube/log.h>
#include <kube/proxy.h>
#include <kube/time.h>

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define CIDRS_MAX  16
#define LOOK_EVERY (20 * MSEC)

struct proxy_line {
	struct process_line process;
	struct str node_name;
	struct flag_list cluster_cidrs, nodeport_addresses;
	struct str healthz, metrics;
	struct address healthz_at, metrics_at;
	struct cidr pods[CIDRS_MAX], nodeports[CIDRS_MAX];
	size_t pod_count, nodeport_count;
	int64_t min_sync;
	bool masquerade_all, dry_run, cleanup;
	/* of a dry run */
	struct part *part;
	const struct component_base *base;
	struct op look;
};

static bool is_primary(const struct flag_list *list)
{
	return list->count == 1 && str_eq_text(list->items[0], "primary");
}

/* An address with or without its port; empty: nowhere. */
static int read_address(struct str text, uint16_t usual, struct address *at, struct err *err)
{
	struct ip ip;

	if (!text.len)
		return 0;
	if (!ip_parse(text, &ip))
		return address_parse(text, at, err);
	*at = address_of(ip, usual);
	return 0;
}

/* ---- a dry run ends by itself ---- */

static void look(struct op *op, struct err *err)
{
	struct proxy_line *l = CONTAINER_OF(op, struct proxy_line, look);
	_cleanup_(buf_done) struct buf out = BUF_INIT(512 * MIB);

	if (err->code)
		return;
	if (!proxy_synced(l->part)) {
		op_init(&l->look, l->base->scope, look, OP_NO_DEADLINE);
		timer_wait(&l->look, loop_in(l->base->env->loop, LOOK_EVERY));
		return;
	}
	proxy_print(l->part, &out);
	fwrite(out.at, 1, out.len, stdout);
	fflush(stdout);
	kill(getpid(), SIGTERM);
}

static struct part *begin(struct process_line *p, const struct component_base *base)
{
	struct proxy_line *l = CONTAINER_OF(p, struct proxy_line, process);
	const struct proxy_options options = {.node_name = l->node_name,
		.pod_cidrs = l->pods,
		.pod_cidr_count = l->pod_count,
		.nodeport_addresses = l->nodeports,
		.nodeport_address_count = l->nodeport_count,
		.min_sync = l->min_sync,
		.healthz = l->healthz_at,
		.metrics = l->metrics_at,
		.masquerade_all = l->masquerade_all,
		.print_only = l->dry_run};
	l->part = proxy_new(base, &options);
	l->base = base;
	if (l->dry_run) {
		op_init(&l->look, base->scope, look, OP_NO_DEADLINE);
		timer_wait(&l->look, loop_in(base->env->loop, 0));
	}
	return l->part;
}

/* ---- the command line ---- */

static size_t own_flags(struct process_line *p, struct flag *flags)
{
	struct proxy_line *l = CONTAINER_OF(p, struct proxy_line, process);
	const struct flag own[] = {
		FLAG_STRING("hostname-override", &l->node_name, NULL, "NAME",
			"The node's name; without it, the machine's."),
		FLAG_LIST("cluster-cidr", &l->cluster_cidrs, NULL, "CIDRS",
			"The pods' addresses: whoever else comes to a service's address is "
			"masqueraded."),
		FLAG_LIST("nodeport-addresses", &l->nodeport_addresses, NULL, "CIDRS",
			"At which of the machine's addresses node ports are; without it, or with "
			"\"primary\", at those of the Node. Never at loopback ones."),
		FLAG_STRING("healthz-bind-address", &l->healthz, "0.0.0.0:10256", "ADDRESS",
			"Where /healthz and /livez are; port 0: nowhere."),
		FLAG_STRING("metrics-bind-address", &l->metrics, "127.0.0.1:10249", "ADDRESS",
			"Where /metrics, /proxyMode and /configz are; port 0: nowhere."),
		FLAG_BOOL("masquerade-all", &l->masquerade_all, "false",
			"Masquerade all that comes to services' addresses."),
		FLAG_DURATION("nftables-min-sync-period", &l->min_sync, "20ms",
			"The time between two batches of changes."),
		FLAG_BOOL("cleanup", &l->cleanup, "false", "Take the rules away, and end."),
		FLAG_BOOL("dry-run", &l->dry_run, "false",
			"Print the rules as nft reads them, and end."),
	};

	_Static_assert(ARRAY_LEN(own) <= PROCESS_OWN_FLAGS, "room for all");
	memcpy(flags, own, sizeof(own));
	return ARRAY_LEN(own);
}

static int read_line(
	struct arena *a, struct process_line *p, const struct flag *flags, struct err *err)
{
	struct proxy_line *l = CONTAINER_OF(p, struct proxy_line, process);
	int code;

	(void)flags;
	if (is_primary(&l->nodeport_addresses))
		l->nodeport_addresses.count = 0;
	if ((code = node_place_read_ranges(
		     "cluster-cidr", &l->cluster_cidrs, l->pods, CIDRS_MAX, &l->pod_count, err)) ||
		(code = node_place_read_ranges("nodeport-addresses", &l->nodeport_addresses,
			 l->nodeports, CIDRS_MAX, &l->nodeport_count, err)) ||
		(code = read_address(l->healthz, PROXY_HEALTHZ_PORT, &l->healthz_at, err)) ||
		(code = read_address(l->metrics, PROXY_METRICS_PORT, &l->metrics_at, err)))
		return code;
	if (l->dry_run) /* over before anybody asks */
		l->healthz_at.port = l->metrics_at.port = 0;
	if (!l->node_name.len)
		l->node_name = node_place_name(a);
	p->over = l->cleanup;
	return l->cleanup ? proxy_clean_up(err) : 0;
}

int proxy_run(int argc, char **argv)
{
	static const struct process_command command = {.name = "proxy",
		.user_agent = "kube-proxy/v1.36.0",
		.burst = "10",
		.flags = own_flags,
		.read = read_line,
		.begin = begin};
	struct proxy_line line = {0};

	return process_main(&command, &line.process, argc, argv);
}
