/* kube controllers: the controllers alone, against an API server anywhere. */
#include "commands.h"

#include <kube/client_transport.h>
#include <kube/controllers.h>
#include <kube/leader.h>
#include <kube/log.h>
#include <kube/random.h>
#include <kube/task.h>
#include <kube/time.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct controllers_line {
	bool help, leader_elect;
	struct str kubeconfig, context, master;
	struct flag_list controllers;
	struct str root_ca_file, signing_cert_file, signing_key_file;
	int64_t node_mask, node_mask_v4, node_mask_v6, terminated_pods;
	int64_t lease_duration, renew_deadline, retry_period;
	struct str lease_name, lease_namespace, logging_format;
	double qps;
	int64_t burst, verbosity;
	struct controllers_options options;
};

#define LINE_FLAGS 32

static struct flag *line_flags(struct arena *a, struct controllers_line *l)
{
	const struct flag flags[LINE_FLAGS] = {
		FLAG_STRING("kubeconfig", &l->kubeconfig, NULL, "FILE",
			"How to reach the API server; without it, as a pod does."),
		FLAG_STRING("context", &l->context, NULL, "NAME", "The kubeconfig's context."),
		FLAG_STRING("master", &l->master, NULL, "URL",
			"The API server's address, above the kubeconfig's."),
		FLAG_LIST("controllers", &l->controllers, "*", "NAMES",
			"Which to run: '*' is all that are on by default, 'foo' turns one on, "
			"'-foo' off."),
		FLAG_BOOL("leader-elect", &l->leader_elect, "true",
			"Only work while holding a lease, so that several can stand by."),
		FLAG_DURATION("leader-elect-lease-duration", &l->lease_duration, "15s",
			"How long others wait for a leader that does not renew."),
		FLAG_DURATION("leader-elect-renew-deadline", &l->renew_deadline, "10s",
			"How long the leader tries to renew before it gives up."),
		FLAG_DURATION("leader-elect-retry-period", &l->retry_period, "2s",
			"How long to wait between tries."),
		FLAG_STRING("leader-elect-resource-name", &l->lease_name, "kube-controller-manager",
			"NAME", "The lease."),
		FLAG_STRING("leader-elect-resource-namespace", &l->lease_namespace, "kube-system",
			"NAME", "The lease's namespace."),
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
		FLAG_DOUBLE("kube-api-qps", &l->qps, "0", "COUNT",
			"Requests a second at most; 0: as many as there are."),
		FLAG_INT("kube-api-burst", &l->burst, "30", "COUNT", "Requests at once."),
		FLAG_STRING(
			"logging-format", &l->logging_format, "text", "FORMAT", "text or json."),
		{.name = "v",
			.letter = 'v',
			.kind = FLAG_KIND_INT,
			.target = &l->verbosity,
			.fallback = "0",
			.value_name = "LEVEL",
			.help = "How much is logged."},
		{.name = "help",
			.letter = 'h',
			.kind = FLAG_KIND_BOOL,
			.target = &l->help,
			.fallback = "false",
			.help = "This text."},
		FLAG_END,
	};

	return arena_copy(a, flags, sizeof(flags));
}

/* ---- files ---- */

static int read_file(
	struct arena *a, const char *what, struct str path, struct str *text, struct err *err)
{
	_cleanup_(buf_done) struct buf all = BUF_INIT(3 * MIB);
	char chunk[4096];
	size_t got;

	if (!path.len)
		return 0;
	FILE *file = fopen(arena_str(a, path).at, "re");
	if (!file)
		return err_set_errno(err, errno, "--%s %.*s", what, STRF(path));
	while ((got = fread(chunk, 1, sizeof(chunk), file)) > 0)
		buf_add(&all, chunk, got);
	fclose(file);
	if (buf_over(&all))
		return err_set(err, ERR_TOO_LARGE, "--%s %.*s: too large", what, STRF(path));
	*text = arena_str(a, buf_str(&all));
	return 0;
}

static int read_server(struct arena *a, const struct controllers_line *l,
	struct client_config *config, struct err *err)
{
	struct str text = {0}, dir, file;
	struct kubeconfig kubeconfig = {0};

	if (!l->kubeconfig.len && !l->master.len)
		return client_config_in_cluster(a, str_from(getenv("KUBERNETES_SERVICE_HOST")),
			str_from(getenv("KUBERNETES_SERVICE_PORT")), STR(""), config, err);
	int code = read_file(a, "kubeconfig", l->kubeconfig, &text, err);
	if (code)
		return code;
	if (!str_cut_last(l->kubeconfig, '/', &dir, &file))
		dir = STR(".");
	code = kubeconfig_parse(a, text, dir, &kubeconfig, err);
	if (code)
		return code;
	if (l->kubeconfig.len) {
		const struct kubeconfig_choice choice = {.context = l->context};

		code = kubeconfig_resolve(a, &kubeconfig, &choice, config, err);
	}
	if (l->master.len)
		config->server = l->master;
	return code;
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
		(code = read_file(a, "root-ca-file", l->root_ca_file, &o->root_ca, err)) ||
		(code = read_file(a, "cluster-signing-cert-file", l->signing_cert_file,
			 &o->signing_cert, err)) ||
		(code = read_file(
			 a, "cluster-signing-key-file", l->signing_key_file, &o->signing_key, err)))
		return code;
	return read_server(a, l, config, err);
}

/* ---- running ---- */

enum end_step { END_CONTROLLERS, END_LEADER, END_INFORMERS, END_CLIENT, END_DONE };
static const char *const end_steps[] = {"controllers", "leader", "informers", "client", "done"};

struct controllers_run {
	const struct controllers_line *line;
	struct env *env;
	struct component_base base;
	struct leader *leader;
	struct part *part;
	struct op term, interrupt, ended;
	struct task ending;
	bool stopping;
	int status;
};

static void end_run(struct task *t, struct err *err)
{
	struct controllers_run *run = CONTAINER_OF(t, struct controllers_run, ending);

	(void)err;
	switch ((enum end_step)t->step) {
	case END_CONTROLLERS:
		t->step = END_LEADER;
		if (run->part) {
			part_stop(run->part, task_await(t, END_LEADER, OP_NO_DEADLINE));
			return;
		}
		/* fallthrough */
	case END_LEADER:
		/* Whoever leads next must find all of our writing over. */
		if (run->leader) {
			leader_stop(run->leader, task_await(t, END_INFORMERS, OP_NO_DEADLINE));
			return;
		}
		/* fallthrough */
	case END_INFORMERS:
		informers_stop(run->base.informers, task_await(t, END_CLIENT, OP_NO_DEADLINE));
		return;
	case END_CLIENT:
		client_stop(run->base.client, task_await(t, END_DONE, OP_NO_DEADLINE));
		return;
	case END_DONE:
		task_finish(t, 0);
		return;
	}
}

static void ended(struct op *op, struct err *err)
{
	struct controllers_run *run = CONTAINER_OF(op, struct controllers_run, ended);

	(void)err;
	loop_shutdown(run->env->loop);
}

static void asked_to_stop(struct controllers_run *run)
{
	static const struct task_kind kind = TASK_KIND("controllers end", end_steps, end_run);
	struct err none = {0};

	if (run->stopping)
		return;
	run->stopping = true;
	log_info("stopping");
	op_init(&run->ended, loop_root(run->env->loop), ended, OP_NO_DEADLINE);
	run->ending = (struct task){.op = &run->ended, .kind = &kind};
	op_begin_always(&run->ended, &kind.op, &run->ending);
	end_run(&run->ending, &none);
}

static void terminated(struct op *op, struct err *err)
{
	if (!err->code)
		asked_to_stop(CONTAINER_OF(op, struct controllers_run, term));
}

static void interrupted(struct op *op, struct err *err)
{
	if (!err->code)
		asked_to_stop(CONTAINER_OF(op, struct controllers_run, interrupt));
}

static void begin(void *ctx)
{
	struct controllers_run *run = ctx;

	if (run->stopping)
		return;
	log_info("running the controllers");
	run->part = controllers_new(&run->base, &run->line->options);
}

static void lost(void *ctx)
{
	struct controllers_run *run = ctx;

	if (run->stopping)
		return;
	log_error(NULL, "leader election lost");
	run->status = 1;
	asked_to_stop(run);
}

static void take_random(void *ctx, void *at, size_t len)
{
	env_random(ctx, at, len);
}

static void elect(struct controllers_run *run, struct arena *a)
{
	const struct controllers_line *l = run->line;
	char host[256] = "", uuid[37];
	struct leader_options options = {.client = run->base.client,
		.namespace = l->lease_namespace,
		.name = l->lease_name,
		.lease_duration = l->lease_duration,
		.renew_deadline = l->renew_deadline,
		.retry_period = l->retry_period,
		.started = begin,
		.stopped = lost,
		.ctx = run};

	gethostname(host, sizeof(host) - 1);
	uuid_make(uuid, take_random, run->env);
	options.identity = arena_print(a, "%s_%s", host, uuid);
	run->leader = leader_new(run->base.scope, &options);
}

static int run_controllers(
	struct arena *a, const struct controllers_line *line, const struct client_config *config)
{
	struct controllers_run run = {.line = line};
	struct loop *loop = loop_new();
	struct scope *root = loop_root(loop);
	_cleanup_(err_done) struct err err = {0};

	run.env = env_new(loop);
	if (loop_dump_on_signal(loop, SIGUSR1, 2, &err))
		log_warning(&err, "SIGUSR1 will not be heard");
	const struct client_options client = {.user_agent = "kube-controller-manager/v1.36.0",
		.qps = line->qps,
		.burst = (int)line->burst};
	run.base.env = run.env;
	run.base.scope = root;
	run.base.client =
		client_new(run.env, client_transport_https(run.env, root, config), &client);
	run.base.informers = informers_new(run.base.client, root);
	op_init(&run.term, root, terminated, OP_NO_DEADLINE);
	signal_wait(loop, &run.term, SIGTERM);
	op_init(&run.interrupt, root, interrupted, OP_NO_DEADLINE);
	signal_wait(loop, &run.interrupt, SIGINT);
	if (line->leader_elect)
		elect(&run, a);
	else
		begin(&run);
	if (loop_run(loop, &err))
		run.status = 1;
	part_free(run.part);
	leader_free(run.leader);
	informers_free(run.base.informers);
	client_free(run.base.client);
	env_free(run.env);
	loop_free(loop);
	return run.status;
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
	if (!code && line.help) {
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
	log_set_verbosity((int)line.verbosity);
	if (str_eq_text(line.logging_format, "json"))
		log_set_format(LOG_FORMAT_JSON);
	return run_controllers(&a, &line, &config);
}
