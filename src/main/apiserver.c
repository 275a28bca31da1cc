/* kube apiserver: the API server alone. */
#include "commands.h"
#include "restore_place.h"
#include "server_lock.h"
#include "server_stop.h"

#include <kube/apiserver.h>
#include <kube/log.h>
#include <kube/time.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#define GRACE (10 * SEC)

struct apiserver_run {
	struct env *env;
	struct api_server *server;
	struct op started, term, interrupt, stopped;
	bool stopping, over;
	int status;
};

static void ended(struct op *op, struct err *err)
{
	struct apiserver_run *run = CONTAINER_OF(op, struct apiserver_run, stopped);

	(void)err;
	run->over = true;
	loop_shutdown(run->env->loop);
}

static void asked_to_stop(struct apiserver_run *run)
{
	if (run->stopping)
		return;
	run->stopping = true;
	log_info("stopping");
	op_init(&run->stopped, loop_root(run->env->loop), ended, OP_NO_DEADLINE);
	api_server_stop(run->server, &run->stopped, GRACE);
}

static void terminated(struct op *op, struct err *err)
{
	if (!err->code)
		asked_to_stop(CONTAINER_OF(op, struct apiserver_run, term));
}

static void interrupted(struct op *op, struct err *err)
{
	if (!err->code)
		asked_to_stop(CONTAINER_OF(op, struct apiserver_run, interrupt));
}

static void started(struct op *op, struct err *err)
{
	struct apiserver_run *run = CONTAINER_OF(op, struct apiserver_run, started);
	struct loop *loop = run->env->loop;

	if (err->code) {
		log_error(err, "the API server did not start");
		run->status = 1;
		run->over = true;
		loop_shutdown(loop);
		return;
	}
	log_info("serving", LOG_INT("port", api_server_port(run->server)));
	op_init(&run->term, loop_root(loop), terminated, OP_NO_DEADLINE);
	signal_wait(loop, &run->term, SIGTERM);
	op_init(&run->interrupt, loop_root(loop), interrupted, OP_NO_DEADLINE);
	signal_wait(loop, &run->interrupt, SIGINT);
}

static int run_server(const struct api_options *options)
{
	struct apiserver_run run = {0};
	struct loop *loop = loop_new();
	_cleanup_(err_done) struct err err = {0};

	run.env = env_new(loop);
	if (loop_dump_on_signal(loop, SIGUSR1, 2, &err))
		log_warning(&err, "SIGUSR1 will not be heard");
	op_init(&run.started, loop_root(loop), started, OP_NO_DEADLINE);
	api_server_start(run.env, &run.started, loop_root(loop), options, &run.server);
	if (loop_run(loop, &err))
		run.status = 1;
	api_server_free(run.server);
	env_free(run.env);
	loop_free(loop);
	return run.status;
}

static int read_config(struct flag *flags, struct arena *a, struct str path, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);
	FILE *file = fopen(arena_str(a, path).at, "re");
	char chunk[4096];
	size_t got;

	if (!file)
		return err_set_errno(err, errno, "--config %.*s", STRF(path));
	while ((got = fread(chunk, 1, sizeof(chunk), file)) > 0)
		buf_add(&text, chunk, got);
	fclose(file);
	if (buf_over(&text))
		return err_set(err, ERR_TOO_LARGE, "--config %.*s: too large", STRF(path));
	return flags_parse_config(flags, a, buf_str(&text), err);
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
		_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);
		flags_print_help(flags, &out);
		printf("Usage:\n  kube apiserver [flags]\n\nFlags:\n%s", buf_text(&out));
		return 0;
	}
	if (!code && api_options_config(options).len)
		code = read_config(flags, &a, api_options_config(options), &err);
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
