/* kube scheduler: the scheduler alone, against an API server anywhere. */
#include "commands.h"
#include "process.h"

#include <kube/scheduler.h>

#include <stdio.h>

struct scheduler_line {
	struct process_line process;
	struct str config;
	struct scheduler_options options;
};

static struct flag *line_flags(struct arena *a, struct scheduler_line *l)
{
	const struct flag own[] = {
		FLAG_STRING("config", &l->config, NULL, "FILE",
			"A KubeSchedulerConfiguration; what it says counts more than flags."),
		FLAG_END,
	};
	const struct process_defaults defaults = {.lease = "kube-scheduler", .burst = "100"};
	struct flag *all = arena_alloc(a, PROCESS_FLAGS * sizeof(*all) + sizeof(own));
	size_t count = process_flags(&l->process, all, &defaults);

	memcpy(all + count, own, sizeof(own));
	return all;
}

static void surround(struct process_line *p, const struct scheduler_surroundings *around)
{
	if (around->kubeconfig.len)
		p->kubeconfig = around->kubeconfig;
	if (around->says_leader_elect)
		p->leader_elect = around->leader_elect;
	if (around->lease_name.len)
		p->lease_name = around->lease_name;
	if (around->lease_namespace.len)
		p->lease_namespace = around->lease_namespace;
	p->lease_duration = around->lease_duration ? around->lease_duration : p->lease_duration;
	p->renew_deadline = around->renew_deadline ? around->renew_deadline : p->renew_deadline;
	p->retry_period = around->retry_period ? around->retry_period : p->retry_period;
	p->qps = around->qps > 0 ? around->qps : p->qps;
	p->burst = around->burst > 0 ? around->burst : p->burst;
}

static int read_config(struct arena *a, struct scheduler_line *l, struct err *err)
{
	struct scheduler_surroundings around;
	struct str text;
	int code;

	if (!l->config.len)
		return 0;
	code = process_read_file(a, "config", l->config, &text, err);
	if (code)
		return code;
	code = scheduler_configure(a, text, &l->options, &around, err);
	if (code)
		return err_wrap(err, err->code, "--config %.*s", STRF(l->config));
	surround(&l->process, &around);
	return 0;
}

static struct part *begin(void *ctx, const struct component_base *base)
{
	return scheduler_new(base, ctx);
}

int scheduler_run(int argc, char **argv)
{
	_cleanup_(arena_done) struct arena a;
	_cleanup_(err_done) struct err err = {0};
	struct scheduler_line line = {0};
	struct client_config config = {0};

	arena_init(&a);
	struct flag *flags = line_flags(&a, &line);
	flags_init(flags, &a);
	int code = flags_parse(flags, &a, argc - 1, argv + 1, NULL, &err);
	if (!code && line.process.help) {
		_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);
		flags_print_help(flags, &out);
		printf("Usage:\n  kube scheduler [flags]\n\nFlags:\n%s", buf_text(&out));
		return 0;
	}
	if (!code)
		code = read_config(&a, &line, &err);
	if (!code)
		code = process_server(&a, &line.process, &config, &err);
	if (code) {
		fprintf(stderr, "kube scheduler: %s\n", err_text(&err));
		return 1;
	}
	return process_run(&line.process, &config, "kube-scheduler/v1.36.0", begin, &line.options);
}
