/* kube scheduler: the scheduler alone, against an API server anywhere. */
#include "commands.h"
#include "process.h"

#include <kube/scheduler.h>

#include <stdio.h>

static struct part *begin(void *ctx, const struct component_base *base)
{
	return scheduler_new(base, ctx);
}

int scheduler_run(int argc, char **argv)
{
	_cleanup_(arena_done) struct arena a;
	_cleanup_(err_done) struct err err = {0};
	struct process_line line = {0};
	struct scheduler_options options = {0};
	struct client_config config = {0};
	const struct process_defaults defaults = {.lease = "kube-scheduler", .burst = "100"};
	struct flag flags[PROCESS_FLAGS + 1];

	arena_init(&a);
	flags[process_flags(&line, flags, &defaults)] = (struct flag)FLAG_END;
	flags_init(flags, &a);
	int code = flags_parse(flags, &a, argc - 1, argv + 1, NULL, &err);
	if (!code && line.help) {
		_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);
		flags_print_help(flags, &out);
		printf("Usage:\n  kube scheduler [flags]\n\nFlags:\n%s", buf_text(&out));
		return 0;
	}
	if (!code)
		code = process_server(&a, &line, &config, &err);
	if (code) {
		fprintf(stderr, "kube scheduler: %s\n", err_text(&err));
		return 1;
	}
	return process_run(&line, &config, "kube-scheduler/v1.36.0", begin, &options);
}
