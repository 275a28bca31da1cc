#include "exec_plugin.h"

#include <kube/mem.h>
#include <kube/process.h>
#include <kube/task.h>
#include <kube/time.h>

#include <unistd.h>

#define RUN_MAX     (5 * MINUTE)
#define OUTPUT_MAX  MIB
#define INFO_MAX    (2 * MIB)
#define HINTS_MAX   10 /* an hour */
#define INFO_NAME   "KUBERNETES_EXEC_INFO"
#define HINT_WINDOW HOUR

struct exec_plugin {
	struct env *env;
	struct scope *scope;
	const struct client_config *config;
	struct list waiting;
	/* What it gave. */
	struct arena kept;
	struct exec_credential credential;
	uint64_t serial, pairs;
	/* The run. */
	struct op running;
	struct task task;
	struct arena arena;
	struct process_options options;
	struct process *process;
	struct stream *out;
	struct buf text;
	int64_t deadline;
	/* Long explanations already given in this hour. */
	int64_t hints_since;
	int hints;
};

struct exec_plugin *exec_plugin_new(
	struct env *env, struct scope *scope, const struct client_config *config)
{
	struct exec_plugin *p = mem_new(sizeof(*p));

	p->env = env;
	p->scope = scope;
	p->config = config;
	list_init(&p->waiting);
	arena_init(&p->kept);
	buf_init(&p->text, OUTPUT_MAX);
	return p;
}

void exec_plugin_free(struct exec_plugin *p)
{
	if (!p)
		return;
	assert(list_empty(&p->waiting) && !op_active(&p->running));
	arena_done(&p->kept);
	mem_free(p);
}

const struct exec_credential *exec_plugin_credential(const struct exec_plugin *p)
{
	return &p->credential;
}

uint64_t exec_plugin_serial(const struct exec_plugin *p)
{
	return p->serial;
}

uint64_t exec_plugin_pairs(const struct exec_plugin *p)
{
	return p->pairs;
}

/* ---- what it is run with ---- */

static int decide_interactive(const struct client_exec *e, bool *interactive, struct err *err)
{
	struct str mode = e->interactive_mode;
	bool terminal = isatty(STDIN_FILENO);
	const char *why = NULL;

	*interactive = false;
	if (str_eq_text(mode, "Never"))
		return 0;
	if (str_eq_text(mode, "IfAvailable")) {
		*interactive = terminal && !e->stdin_unavailable;
		return 0;
	}
	*interactive = true;
	if (!str_eq_text(mode, "Always"))
		return err_set(err, ERR_INVALID,
			"exec plugin cannot support interactive mode: unknown interactiveMode: "
			"\"%.*s\"",
			STRF(mode));
	if (!terminal)
		why = "not a terminal";
	else if (e->stdin_unavailable)
		why = "unavailable";
	if (!why)
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
		"exec plugin cannot support interactive mode: standard input is %s%s%.*s", why,
		terminal && e->stdin_message.len ? ": " : "",
		terminal ? (int)e->stdin_message.len : 0,
		e->stdin_message.at ? e->stdin_message.at : "");
}

static const char *const *make_argv(struct arena *a, const struct client_exec *e)
{
	const char **argv = arena_new(a, (e->arg_count + 2) * sizeof(*argv));

	argv[0] = arena_str(a, e->command).at;
	for (size_t i = 0; i < e->arg_count; i++)
		argv[i + 1] = arena_str(a, e->args[i]).at;
	return argv;
}

static const char *const *make_env(struct exec_plugin *p, struct str ca, bool interactive)
{
	_cleanup_(buf_done) struct buf info = BUF_INIT(INFO_MAX);
	const struct client_exec *e = p->config->exec;
	const char **env = arena_new(&p->arena, (e->env_count + 2) * sizeof(*env));

	for (size_t i = 0; i < e->env_count; i++)
		env[i] = arena_print(
			&p->arena, "%.*s=%.*s", STRF(e->env[i].name), STRF(e->env[i].value))
				 .at;
	buf_add_text(&info, INFO_NAME "=");
	exec_credential_print(&info, p->config, ca, interactive);
	env[e->env_count] = arena_str(&p->arena, buf_str(&info)).at;
	return env;
}

static int prepare(struct exec_plugin *p, struct str ca, struct err *err)
{
	static const struct process_fd silent[] = {{.number = 1, .kind = PROCESS_FD_WRITES},
		{.number = 2, .kind = PROCESS_FD_GIVEN, .fd = STDERR_FILENO}};
	static const struct process_fd talking[] = {{.number = 1, .kind = PROCESS_FD_WRITES},
		{.number = 2, .kind = PROCESS_FD_GIVEN, .fd = STDERR_FILENO},
		{.number = 0, .kind = PROCESS_FD_GIVEN, .fd = STDIN_FILENO}};
	const struct client_exec *e = p->config->exec;
	bool interactive;

	if (!exec_credential_version_known(e->api_version))
		return err_set(err, ERR_INVALID, "exec plugin: invalid apiVersion \"%.*s\"",
			STRF(e->api_version));
	if (decide_interactive(e, &interactive, err))
		return err->code;
	p->options = (struct process_options){
		.argv = make_argv(&p->arena, e),
		.env_more = make_env(p, ca, interactive),
		.fds = interactive ? talking : silent,
		.fd_count = interactive ? ARRAY_LEN(talking) : ARRAY_LEN(silent),
	};
	return 0;
}

/* ---- a run ---- */

enum run_step { RUN_START, RUN_STARTED, RUN_READ, RUN_ENDED };
static const char *const run_steps[] = {"start", "started", "read", "ended"};

/* Ten times an hour the whole of it, then only that it is not there. */
static bool hint_is_due(struct exec_plugin *p)
{
	int64_t now = loop_now(p->env->loop);

	if (!p->hints_since || now - p->hints_since >= HINT_WINDOW) {
		p->hints_since = now;
		p->hints = 0;
	}
	return p->hints++ < HINTS_MAX;
}

static void tell_missing(struct exec_plugin *p, struct err *err)
{
	const struct client_exec *e = p->config->exec;
	bool whole = hint_is_due(p);

	err_set(err, ERR_IO, "exec: executable %.*s not found%s%s%.*s", STRF(e->command),
		whole ? "\n\nIt looks like you are trying to use a client-go credential plugin "
			"that is not installed.\n\nTo learn more about this feature, consult the "
			"documentation available at:\n      "
			"https://kubernetes.io/docs/reference/access-authn-authz/authentication/"
			"#client-go-credential-plugins"
		      : "",
		whole && e->install_hint.len ? "\n\n" : "", whole ? (int)e->install_hint.len : 0,
		e->install_hint.at ? e->install_hint.at : "");
}

/* client-go's words, which are Go's: looked for in vain, or found and not to be run. */
static void tell_start(struct exec_plugin *p, struct err *err)
{
	bool named = str_find_char(p->config->exec->command, '/') < 0;

	if (err->code == ERR_CANCELLED || err->code == ERR_TIMEOUT)
		return;
	if (named && (err->code == ERR_NOT_FOUND || err->code == ERR_PERMISSION))
		tell_missing(p, err);
	else if (str_starts(str_from(err_text(err)), STR("exec ")))
		err_set(err, ERR_IO, "exec: fork/%s", err_text(err));
	else
		err_set(err, ERR_IO, "exec: %s", err_text(err));
}

static void tell_run(struct exec_plugin *p, struct err *err)
{
	struct str command = p->config->exec->command;
	_cleanup_(buf_done) struct buf limit = BUF_INIT(64);

	if (err->code == ERR_TIMEOUT) {
		duration_print(&limit, RUN_MAX);
		err_set(err, ERR_TIMEOUT, "exec: executable %.*s has not ended within %s",
			STRF(command), buf_text(&limit));
	} else if (err->code == ERR_LIMIT) {
		err_set(err, ERR_TOO_LARGE, "exec: executable %.*s writes more than %zu bytes",
			STRF(command), (size_t)OUTPUT_MAX);
	}
}

static int take_answer(struct exec_plugin *p, int64_t result, struct err *err)
{
	const struct client_exec *e = p->config->exec;
	struct exec_credential c;
	int code = 0;

	if (result)
		return err_set(err, ERR_IO, "exec: executable %.*s failed with exit code %d",
			STRF(e->command), result < 0 ? -1 : (int)result);
	code = exec_credential_parse(&p->arena, buf_str(&p->text), e->api_version, &c, err);
	if (code)
		return code;
	if (!str_eq(c.cert, p->credential.cert) || !str_eq(c.key, p->credential.key))
		p->pairs++;
	arena_reset(&p->kept);
	p->credential = (struct exec_credential){.token = arena_str(&p->kept, c.token),
		.cert = arena_str(&p->kept, c.cert),
		.key = arena_str(&p->kept, c.key),
		.expires = c.expires};
	p->serial++;
	return 0;
}

static void run_run(struct task *t, struct err *err)
{
	struct exec_plugin *p = CONTAINER_OF(t, struct exec_plugin, task);

	if (err->code) {
		if (t->step == RUN_STARTED)
			tell_start(p, err);
		tell_run(p, err);
		task_fail(t, err);
		return;
	}
	switch ((enum run_step)t->step) {
	case RUN_START:
		p->deadline = loop_in(p->env->loop, RUN_MAX);
		process_start(task_await(t, RUN_STARTED, p->deadline), p->scope, &p->options,
			&p->process);
		return;
	case RUN_STARTED:
		p->out = process_take_stream(p->process, 1);
		t->wait.n = 1;
		/* fall through */
	case RUN_READ:
		if (t->wait.n)
			stream_read(
				p->out, task_await(t, RUN_READ, p->deadline), &p->text, 64 * KIB);
		else
			process_wait(p->process, task_await(t, RUN_ENDED, p->deadline));
		return;
	case RUN_ENDED:
		if (take_answer(p, t->wait.n, err))
			task_fail(t, err);
		else
			task_finish(t, 0);
		return;
	}
}

static void end_waits(struct exec_plugin *p, const struct err *err)
{
	for (struct link *k; (k = list_pop(&p->waiting));) {
		struct op *op = LIST_ENTRY(k, struct exec_wait, in_waiting)->op;
		struct err own = {0};

		if (err->code)
			err_copy(&own, err);
		if (own.code)
			op_fail(op, &own);
		else
			op_finish(op, 0);
	}
}

static void end_run(struct exec_plugin *p)
{
	stream_close(TAKE(p->out));
	process_close(TAKE(p->process));
	buf_done(&p->text);
	arena_done(&p->arena);
}

static void on_run(struct op *op, struct err *err)
{
	struct exec_plugin *p = CONTAINER_OF(op, struct exec_plugin, running);

	end_run(p);
	end_waits(p, err);
}

static void start_run(struct exec_plugin *p, struct str ca)
{
	static const struct task_kind kind = TASK_KIND("credential plugin", run_steps, run_run);
	struct err err = {0};

	if (op_active(&p->running))
		return;
	arena_init(&p->arena);
	if (prepare(p, ca, &err)) {
		arena_done(&p->arena);
		end_waits(p, &err);
		err_done(&err);
		return;
	}
	op_init(&p->running, p->scope, on_run, OP_NO_DEADLINE);
	task_start(&p->task, &kind, &p->running);
}

/* ---- waiting for one ---- */

static void wait_cancel(struct op *op)
{
	struct exec_wait *w = op->ctx;

	/* The run goes on: somebody may be logging in by it. */
	link_remove(&w->in_waiting);
	op_fail_cancelled(op);
}

static void wait_for(
	struct exec_plugin *p, struct exec_wait *w, struct op *op, struct str ca, bool there_are)
{
	static const struct op_kind kind = {.name = "credentials", .cancel = wait_cancel};

	*w = (struct exec_wait){.plugin = p, .op = op};
	if (!op_begin(op, &kind, w))
		return;
	if (there_are) {
		op_finish(op, 0);
		return;
	}
	list_push(&p->waiting, &w->in_waiting);
	start_run(p, ca);
}

void exec_plugin_get(struct exec_plugin *p, struct exec_wait *w, struct op *op, struct str ca)
{
	wait_for(p, w, op, ca, p->serial && env_wall(p->env) <= p->credential.expires);
}

void exec_plugin_renew(
	struct exec_plugin *p, struct exec_wait *w, struct op *op, struct str ca, uint64_t serial)
{
	wait_for(p, w, op, ca, p->serial != serial);
}
