/* kube scheduler: the scheduler alone, against an API server anywhere. */
#include "commands.h"
#include "process.h"

#include <kube/scheduler.h>

struct scheduler_line {
	struct process_line process;
	struct str config;
	struct scheduler_options options;
};

static size_t own_flags(struct process_line *p, struct flag *flags)
{
	struct scheduler_line *l = CONTAINER_OF(p, struct scheduler_line, process);
	const struct flag own[] = {
		FLAG_STRING("config", &l->config, NULL, "FILE",
			"A KubeSchedulerConfiguration; what it says counts more than flags."),
	};

	memcpy(flags, own, sizeof(own));
	return ARRAY_LEN(own);
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

static int read_config(
	struct arena *a, struct process_line *p, const struct flag *flags, struct err *err)
{
	struct scheduler_line *l = CONTAINER_OF(p, struct scheduler_line, process);
	struct scheduler_surroundings around;
	struct str text;
	int code;

	(void)flags;
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

static struct part *begin(struct process_line *p, const struct component_base *base)
{
	return scheduler_new(base, &CONTAINER_OF(p, struct scheduler_line, process)->options);
}

int scheduler_run(int argc, char **argv)
{
	static const struct process_command command = {.name = "scheduler",
		.user_agent = "kube-scheduler/v1.36.0",
		.lease = "kube-scheduler",
		.burst = "100",
		.flags = own_flags,
		.read = read_config,
		.begin = begin};
	struct scheduler_line line = {0};

	return process_main(&command, &line.process, argc, argv);
}
