/* One component against an API server: from the kubeconfig to the end by a signal. */
#include "process.h"
#include "commands.h"
#include "member.h"
#include "run.h"

#include <kube/client_transport.h>
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

/* ---- the command line ---- */

enum { COMMON_FLAGS = 16 };

static size_t common_flags(
	const struct process_command *c, struct process_line *l, struct flag *flags)
{
	const struct flag all[] = {
		FLAG_STRING("kubeconfig", &l->kubeconfig, NULL, "FILE",
			"How to reach the API server; without it, as a pod does."),
		FLAG_STRING("context", &l->context, NULL, "NAME", "The kubeconfig's context."),
		FLAG_STRING("master", &l->master, NULL, "URL",
			"The API server's address, above the kubeconfig's."),
		FLAG_DOUBLE("kube-api-qps", &l->qps, "0", "COUNT",
			"Requests a second at most; 0: as many as there are."),
		FLAG_INT("kube-api-burst", &l->burst, c->burst, "COUNT", "Requests at once."),
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
		/* of those who elect a leader */
		FLAG_BOOL("leader-elect", &l->leader_elect, "true",
			"Only work while holding a lease, so that several can stand by."),
		FLAG_DURATION("leader-elect-lease-duration", &l->lease_duration, "15s",
			"How long others wait for a leader that does not renew."),
		FLAG_DURATION("leader-elect-renew-deadline", &l->renew_deadline, "10s",
			"How long the leader tries to renew before it gives up."),
		FLAG_DURATION("leader-elect-retry-period", &l->retry_period, "2s",
			"How long to wait between tries."),
		FLAG_STRING("leader-elect-resource-name", &l->lease_name, c->lease, "NAME",
			"The lease."),
		FLAG_STRING("leader-elect-resource-namespace", &l->lease_namespace, "kube-system",
			"NAME", "The lease's namespace."),
	};
	size_t count = c->lease ? ARRAY_LEN(all) : 8;

	_Static_assert(ARRAY_LEN(all) <= COMMON_FLAGS, "room for all");
	memcpy(flags, all, count * sizeof(*flags));
	return count;
}

int process_read_file(
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

int process_read_config(struct flag *flags, struct arena *a, struct str path, struct err *err)
{
	struct str text = {0};
	int code = process_read_file(a, "config", path, &text, err);

	return code ? code : flags_parse_config(flags, a, text, err);
}

int process_server(struct arena *a, const struct process_line *l, struct client_config *config,
	struct err *err)
{
	struct str text = {0}, dir, file;
	struct kubeconfig kubeconfig = {0};
	const struct kubeconfig_choice choice = {.context = l->context};

	if (!l->kubeconfig.len && !l->master.len)
		return client_config_in_cluster(a, str_from(getenv("KUBERNETES_SERVICE_HOST")),
			str_from(getenv("KUBERNETES_SERVICE_PORT")), STR(""), config, err);
	int code = process_read_file(a, "kubeconfig", l->kubeconfig, &text, err);
	if (code)
		return code;
	if (!str_cut_last(l->kubeconfig, '/', &dir, &file))
		dir = STR(".");
	code = kubeconfig_parse(a, text, dir, &kubeconfig, err);
	if (!code && l->kubeconfig.len)
		code = kubeconfig_resolve(a, &kubeconfig, &choice, config, err);
	if (l->master.len)
		config->server = l->master;
	return code;
}

/* ---- running ---- */

struct process {
	const struct process_command *command;
	struct process_line *line;
	struct run run;
	struct member member;
	struct client_transport *below; /* of the service accounts; the member's */
	struct op ended;
};

static void ended(struct op *op, struct err *err)
{
	struct process *p = CONTAINER_OF(op, struct process, ended);

	(void)err;
	loop_shutdown(p->run.env->loop);
}

static void asked_to_stop(void *ctx)
{
	struct process *p = ctx;

	log_info("stopping");
	op_init(&p->ended, p->run.root, ended, OP_NO_DEADLINE);
	member_end(&p->member, &p->ended);
}

static void begin(void *ctx)
{
	struct process *p = ctx;

	if (p->run.stopping)
		return;
	log_info("running");
	p->member.part = p->command->begin(p->line, &p->member.base);
}

static void lost(void *ctx)
{
	struct process *p = ctx;

	if (p->run.stopping)
		return;
	log_error(NULL, "leader election lost");
	p->run.status = 1;
	run_ask(&p->run);
}

static void take_random(void *ctx, void *at, size_t len)
{
	env_random(ctx, at, len);
}

static void elect(struct process *p)
{
	const struct process_line *l = p->line;
	char host[256] = "", uuid[37], identity[300];
	struct leader_options options = {.client = p->member.base.client,
		.namespace = l->lease_namespace,
		.name = l->lease_name,
		.lease_duration = l->lease_duration,
		.renew_deadline = l->renew_deadline,
		.retry_period = l->retry_period,
		.started = begin,
		.stopped = lost,
		.ctx = p};

	gethostname(host, sizeof(host) - 1);
	uuid_make(uuid, take_random, p->run.env);
	snprintf(identity, sizeof(identity), "%s_%s", host, uuid);
	options.identity = str_from(identity);
	p->member.leader = leader_new(p->member.base.scope, &options);
}

/* ---- as service accounts ---- */

static struct client_transport *account_transport(void *ctx, const char *account)
{
	struct process *p = ctx;
	struct component_base *base = &p->member.base;

	return client_transport_account(
		base->scope, base->client, p->below, STR(IDENTITIES_NAMESPACE), str_from(account));
}

/* The way to the server is the component's own; what proves who it is stays behind. */
static void identify(
	struct process *p, const struct client_config *config, const struct client_options *options)
{
	const struct client_config anonymous = {.server = config->server,
		.ca_file = config->ca_file,
		.ca_data = config->ca_data,
		.tls_server_name = config->tls_server_name,
		.insecure = config->insecure,
		.disable_compression = config->disable_compression,
		.proxy_url = config->proxy_url,
		.no_proxy = config->no_proxy,
		.proxy_from_env = config->proxy_from_env};

	p->below = client_transport_https(p->run.env, p->member.base.scope, &anonymous);
	member_identify(&p->member, options, account_transport, p, p->below);
}

static int run_process(const struct process_command *command, struct process_line *l,
	const struct client_config *config)
{
	struct process p = {.command = command, .line = l};
	const struct client_options client = {
		.user_agent = command->user_agent, .qps = l->qps, .burst = (int)l->burst};

	log_set_verbosity((int)l->verbosity);
	if (str_eq_text(l->logging_format, "json"))
		log_set_format(LOG_FORMAT_JSON);
	run_init(&p.run);
	member_open(&p.member, p.run.env, p.run.root,
		client_transport_https(p.run.env, p.run.root, config), &client);
	if (l->service_accounts)
		identify(&p, config, &client);
	run_hear_signals(&p.run, asked_to_stop, &p);
	if (l->leader_elect)
		elect(&p);
	else
		begin(&p);
	int status = run_loop(&p.run);
	member_free(&p.member);
	run_done(&p.run);
	return status;
}

int process_main(
	const struct process_command *command, struct process_line *l, int argc, char **argv)
{
	_cleanup_(arena_done) struct arena a;
	_cleanup_(err_done) struct err err = {0};
	struct client_config config = {0};
	struct flag flags[COMMON_FLAGS + PROCESS_OWN_FLAGS + 1] = {0}; /* ends without a name */

	arena_init(&a);
	command->flags(l, flags + common_flags(command, l, flags));
	flags_init(flags, &a);
	int code = flags_parse(flags, &a, argc - 1, argv + 1, NULL, &err);
	if (!code && l->help) {
		command_print_help(command->name, flags);
		return 0;
	}
	if (!code && command->read)
		code = command->read(&a, l, flags, &err);
	if (!code && l->over)
		return 0;
	if (!code)
		code = process_server(&a, l, &config, &err);
	if (!code && command->prove)
		code = command->prove(&a, l, &config, &err);
	if (code) {
		fprintf(stderr, "kube %s: %s\n", command->name, err_text(&err));
		return 1;
	}
	return run_process(command, l, &config);
}
