/* kube apiserver: the API server alone. */
#include "commands.h"
#include "process.h"
#include "restore_place.h"
#include "run.h"
#include "server_lock.h"
#include "server_stop.h"

#include <kube/apiserver.h>
#include <kube/log.h>
#include <kube/time.h>

#include <stdio.h>

#define GRACE (10 * SEC)

struct apiserver_run {
	struct run run;
	struct api_server *server;
	struct op started, stopped;
};

static void ended(struct op *op, struct err *err)
{
	struct apiserver_run *a = CONTAINER_OF(op, struct apiserver_run, stopped);

	(void)err;
	loop_shutdown(a->run.env->loop);
}

static void asked_to_stop(void *ctx)
{
	struct apiserver_run *a = ctx;

	log_info("stopping");
	op_init(&a->stopped, a->run.root, ended, OP_NO_DEADLINE);
	api_server_stop(a->server, &a->stopped, GRACE);
}

static void started(struct op *op, struct err *err)
{
	struct apiserver_run *a = CONTAINER_OF(op, struct apiserver_run, started);

	if (err->code) {
		log_error(err, "the API server did not start");
		a->run.status = 1;
		loop_shutdown(a->run.env->loop);
		return;
	}
	log_info("serving", LOG_INT("port", api_server_port(a->server)));
	run_hear_signals(&a->run, asked_to_stop, a);
}

static int run_server(const struct api_options *options)
{
	struct apiserver_run a = {0};

	run_init(&a.run);
	op_init(&a.started, a.run.root, started, OP_NO_DEADLINE);
	api_server_start(a.run.env, &a.started, a.run.root, options, &a.server);
	int status = run_loop(&a.run);
	api_server_free(a.server);
	run_done(&a.run);
	return status;
}

/* Whoever ends, restores or backs up what is in the directory asks for its lock. */
static int take_directory(struct arena *a, const struct flag *flags, struct err *err)
{
	struct server_trace trace; /* a cluster's that ran there */
	const struct flag *f = flags;

	while (strcmp(f->name, "data-dir") != 0)
		f++;
	const char *dir = server_stop_directory(a, *(const struct str *)f->target);
	int code = server_lock_read(a, dir, &trace, err);
	if (!code)
		code = server_lock_take(dir, &trace, err);
	return code ? code : restore_finish(dir, NULL, err);
}

int apiserver_run(int argc, char **argv)
{
	_cleanup_(arena_done) struct arena a;
	_cleanup_(err_done) struct err err = {0};

	arena_init(&a);
	struct api_options *options = api_options_new(&a);
	struct flag *flags = api_options_flags(&a, options);
	flags_init(flags, &a);
	int code = flags_parse(flags, &a, argc - 1, argv + 1, NULL, &err);
	if (!code && api_options_help(options)) {
		command_print_help("apiserver", flags);
		return 0;
	}
	if (!code && api_options_config(options).len)
		code = process_read_config(flags, &a, api_options_config(options), &err);
	if (!code)
		code = api_options_check(&a, options, &err);
	if (!code)
		code = take_directory(&a, flags, &err);
	if (code) {
		fprintf(stderr, "kube apiserver: %s\n", err_text(&err));
		return 1;
	}
	api_options_set_log(options);
	return run_server(options);
}
