/* kube proxy: services' rules of this machine, alone, against an API server anywhere. */
#include "commands.h"
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
	int64_t min_sync;
	bool masquerade_all, dry_run, cleanup;
	/* of a dry run */
	struct part *part;
	const struct component_base *base;
	struct op look;
};

static int read_cidrs(
	const char *flag, const struct flag_list *list, struct cidr *out, struct err *err)
{
	if (list->count > CIDRS_MAX)
		return err_set(err, ERR_USAGE, "--%s: more than %d", flag, CIDRS_MAX);
	for (size_t i = 0; i < list->count; i++)
		if (!cidr_parse(list->items[i], &out[i]))
			return err_set(err, ERR_USAGE, "--%s: \"%.*s\" is no range of addresses",
				flag, STRF(list->items[i]));
	return 0;
}

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

static struct part *begin(void *ctx, const struct component_base *base)
{
	struct proxy_line *l = ctx;
	char host[256] = "";

	gethostname(host, sizeof(host) - 1);
	const struct proxy_options options = {
		.node_name = l->node_name.len ? l->node_name : str_from(host),
		.pod_cidrs = l->pods,
		.pod_cidr_count = l->cluster_cidrs.count,
		.nodeport_addresses = l->nodeports,
		.nodeport_address_count = l->nodeport_addresses.count,
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

static size_t add_flags(struct proxy_line *l, struct flag *flags)
{
	const struct process_defaults defaults = {.lease = NULL, .burst = "10"};
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
		FLAG_END,
	};
	size_t count = process_flags(&l->process, flags, &defaults);

	memcpy(flags + count, own, sizeof(own));
	return count;
}

int proxy_run(int argc, char **argv)
{
	_cleanup_(arena_done) struct arena a;
	_cleanup_(err_done) struct err err = {0};
	struct proxy_line line = {0};
	struct client_config config = {0};
	struct flag flags[PROCESS_FLAGS + 10];

	arena_init(&a);
	add_flags(&line, flags);
	flags_init(flags, &a);
	int code = flags_parse(flags, &a, argc - 1, argv + 1, NULL, &err);
	if (!code && line.process.help) {
		_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);
		flags_print_help(flags, &out);
		printf("Usage:\n  kube proxy [flags]\n\nFlags:\n%s", buf_text(&out));
		return 0;
	}
	if (!code)
		code = read_cidrs("cluster-cidr", &line.cluster_cidrs, line.pods, &err);
	if (!code && is_primary(&line.nodeport_addresses))
		line.nodeport_addresses.count = 0;
	if (!code)
		code = read_cidrs(
			"nodeport-addresses", &line.nodeport_addresses, line.nodeports, &err);
	if (!code)
		code = read_address(line.healthz, PROXY_HEALTHZ_PORT, &line.healthz_at, &err);
	if (!code)
		code = read_address(line.metrics, PROXY_METRICS_PORT, &line.metrics_at, &err);
	if (line.dry_run) /* over before anybody asks */
		line.healthz_at.port = line.metrics_at.port = 0;
	if (!code && line.cleanup && !(code = proxy_clean_up(&err)))
		return 0;
	if (!code)
		code = process_server(&a, &line.process, &config, &err);
	if (code) {
		fprintf(stderr, "kube proxy: %s\n", err_text(&err));
		return 1;
	}
	return process_run(&line.process, &config, "kube-proxy/v1.36.0", begin, &line);
}
