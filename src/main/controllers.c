/* kube controllers: the controllers alone, against an API server anywhere. */
#include "commands.h"
#include "process.h"

#include <kube/controllers.h>

#include <stdio.h>

struct controllers_line {
	struct process_line process;
	struct flag_list controllers;
	struct str root_ca_file, signing_cert_file, signing_key_file;
	int64_t node_mask, node_mask_v4, node_mask_v6, terminated_pods;
	struct controllers_options options;
};

static struct flag *line_flags(struct arena *a, struct controllers_line *l)
{
	const struct flag own[] = {
		FLAG_LIST("controllers", &l->controllers, "*", "NAMES",
			"Which to run: '*' is all that are on by default, 'foo' turns one on, "
			"'-foo' off."),
		FLAG_BOOL("use-service-account-credentials", &l->process.service_accounts, "false",
			"Each controller works as a service account of its own."),
		FLAG_BOOL("allocate-node-cidrs", &l->options.allocate_node_cidrs, "false",
			"Give nodes ranges for their pods."),
		FLAG_STRING("cluster-cidr", &l->options.cluster_cidr, NULL, "CIDRS",
			"The pods' addresses."),
		FLAG_STRING("service-cluster-ip-range", &l->options.service_cidr, NULL, "CIDRS",
			"The services' addresses."),
		FLAG_INT("node-cidr-mask-size", &l->node_mask, "0", "BITS",
			"The size of a node's range, where there is one family."),
		FLAG_INT("node-cidr-mask-size-ipv4", &l->node_mask_v4, "0", "BITS",
			"The size of a node's IPv4 range; 0: 24."),
		FLAG_INT("node-cidr-mask-size-ipv6", &l->node_mask_v6, "0", "BITS",
			"The size of a node's IPv6 range; 0: 64."),
		FLAG_DURATION("node-monitor-grace-period", &l->options.node_grace, "50s",
			"How long a node may be silent before it counts as lost."),
		FLAG_INT("terminated-pod-gc-threshold", &l->terminated_pods, "12500", "COUNT",
			"How many finished pods are kept; 0 or less: all."),
		FLAG_STRING("root-ca-file", &l->root_ca_file, NULL, "FILE",
			"The authorities that pods are to trust (PEM)."),
		FLAG_STRING("cluster-signing-cert-file", &l->signing_cert_file, NULL, "FILE",
			"The authority that signs certificates (PEM)."),
		FLAG_STRING("cluster-signing-key-file", &l->signing_key_file, NULL, "FILE",
			"That authority's key (PEM)."),
		FLAG_END,
	};
	struct flag *all = arena_alloc(a, PROCESS_FLAGS * sizeof(*all) + sizeof(own));
	const struct process_defaults defaults = {
		.lease = "kube-controller-manager", .burst = "30"};
	size_t count = process_flags(&l->process, all, &defaults);

	memcpy(all + count, own, sizeof(own));
	return all;
}

static int read_line(
	struct arena *a, struct controllers_line *l, struct client_config *config, struct err *err)
{
	struct controllers_options *o = &l->options;
	_cleanup_(buf_done) struct buf names = BUF_INIT(64 * KIB);
	int code;

	for (size_t i = 0; i < l->controllers.count; i++)
		buf_print(&names, "%s%.*s", i ? "," : "", STRF(l->controllers.items[i]));
	o->controllers = arena_str(a, buf_str(&names));
	o->node_mask_v4 = (int)(l->node_mask_v4 ? l->node_mask_v4 : l->node_mask);
	o->node_mask_v6 = (int)(l->node_mask_v6 ? l->node_mask_v6 : l->node_mask);
	o->terminated_pod_threshold = l->terminated_pods > 0 ? (int)l->terminated_pods : -1;
	if ((code = controllers_check(o, err)) ||
		(code = process_read_file(a, "root-ca-file", l->root_ca_file, &o->root_ca, err)) ||
		(code = process_read_file(a, "cluster-signing-cert-file", l->signing_cert_file,
			 &o->signing_cert, err)) ||
		(code = process_read_file(
			 a, "cluster-signing-key-file", l->signing_key_file, &o->signing_key, err)))
		return code;
	return process_server(a, &l->process, config, err);
}

static struct part *begin(void *ctx, const struct component_base *base)
{
	return controllers_new(base, ctx);
}

int controllers_run(int argc, char **argv)
{
	_cleanup_(arena_done) struct arena a;
	_cleanup_(err_done) struct err err = {0};
	struct controllers_line line = {0};
	struct client_config config = {0};

	arena_init(&a);
	struct flag *flags = line_flags(&a, &line);
	flags_init(flags, &a);
	int code = flags_parse(flags, &a, argc - 1, argv + 1, NULL, &err);
	if (!code && line.process.help) {
		_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);
		flags_print_help(flags, &out);
		printf("Usage:\n  kube controllers [flags]\n\nFlags:\n%s", buf_text(&out));
		return 0;
	}
	if (!code)
		code = read_line(&a, &line, &config, &err);
	if (code) {
		fprintf(stderr, "kube controllers: %s\n", err_text(&err));
		return 1;
	}
	return process_run(
		&line.process, &config, "kube-controller-manager/v1.36.0", begin, &line.options);
}
