/* The runtime's start: what lies on disk, and which helpers live. */
#include "native.h"

#include <kube/log.h>
#include <kube/mem.h>
#include <kube/mount.h>
#include <kube/time.h>

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

extern const struct runtime_ops native_ops;

struct beginning {
	struct task task;
	struct native *native;
	struct scope *scope;
	struct runtime **out;
	struct work work;
	struct native_sandbox **found; /* in the order they are looked after */
	size_t count, at;
	bool alive; /* the helper of found[at] has answered */
	struct ip ips[2];
	size_t ip_count;
};

/* ---- reading ---- */

static int read_in(const char *directory, const char *name, struct buf *text)
{
	_cleanup_(buf_done) struct buf path = BUF_INIT(8 * KIB);

	buf_clear(text);
	buf_print(&path, "%s/%s", directory, name);
	return native_read(buf_text(&path), text, NULL);
}

static bool is_id(const char *name)
{
	return strlen(name) == NATIVE_ID_LEN && strspn(name, "0123456789abcdef") == NATIVE_ID_LEN;
}

static void remove_rubbish(const struct native *n, const char *folder, const char *name)
{
	_cleanup_(buf_done) struct buf path = BUF_INIT(8 * KIB);
	_cleanup_(err_done) struct err err = {0};

	buf_print(&path, "%s/%s/%s", n->root.at, folder, name);
	if (native_remove_tree(buf_text(&path), &err))
		log_warning(&err, "cannot remove what an earlier run has left");
}

static void find_sandbox(void *ctx, const char *name)
{
	struct native *n = ctx;
	_cleanup_(buf_done) struct buf text = BUF_INIT(NATIVE_FILE_MAX);

	if (!is_id(name))
		return;
	struct native_sandbox *s = native_sandbox_new(n, str_from(name));
	if (read_in(s->directory.at, "config.json", &text) ||
		native_sandbox_parse(s, buf_str(&text), NULL)) {
		_cleanup_(buf_done) struct buf shm = BUF_INIT(8 * KIB);
		buf_print(&shm, "%s/shm", s->directory.at);
		mount_detach(buf_text(&shm), NULL);
		native_sandbox_forget(s);
		remove_rubbish(n, "sandboxes", name);
		return;
	}
	s->ended = read_in(s->directory.at, "stopped", &text) == 0;
	/* Without it the start of the sandbox did not come to its end: nobody knows of it. */
	if (read_in(s->directory.at, "ready", &text) == 0) {
		native_ips_parse(s, buf_str(&text));
		s->s.state = s->ended ? SANDBOX_NOT_READY : SANDBOX_READY;
	}
	s->attached = !s->ended;
	native_sandbox_list(s);
}

static struct cJSON *parse(struct arena *a, const struct buf *text)
{
	struct json_options options = {.limits = {.max_bytes = NATIVE_FILE_MAX}};
	struct cJSON *o;

	return json_parse(a, buf_str(text), &options, &o, NULL) ? NULL : o;
}

static void read_states(struct native_container *c, struct buf *text)
{
	_cleanup_(arena_done) struct arena a;
	struct cJSON *o;

	arena_init(&a);
	if (read_in(c->directory.at, "started", text) == 0 && (o = parse(&a, text)))
		native_container_started(c, o);
	if (read_in(c->directory.at, "exited", text) == 0 && (o = parse(&a, text))) {
		native_container_exited(c, o);
		native_container_ended(c);
	}
}

static void find_container(void *ctx, const char *name)
{
	struct native *n = ctx;
	_cleanup_(buf_done) struct buf text = BUF_INIT(NATIVE_FILE_MAX), path = BUF_INIT(8 * KIB);
	_cleanup_(arena_done) struct arena a;
	struct native_sandbox *s = NULL;
	struct cJSON *o;

	if (!is_id(name))
		return;
	arena_init(&a);
	buf_print(&path, "%s/containers/%s", n->root.at, name);
	if (read_in(buf_text(&path), "config.json", &text) == 0 && (o = parse(&a, &text)))
		s = native_sandbox_find(n, json_str(json_get(o, STR("sandbox"))), NULL);
	if (!s) {
		remove_rubbish(n, "containers", name);
		return;
	}
	struct native_container *c = native_container_new(s, str_from(name));
	if (native_container_parse(c, buf_str(&text), NULL)) {
		native_container_forget(c);
		remove_rubbish(n, "containers", name);
		return;
	}
	omap_set(&n->containers, c->c.id, c);
	read_states(c, &text);
}

/* The loop does not know of it yet: nothing is shared with it. */
static void read_disk(struct work *w)
{
	struct beginning *b = CONTAINER_OF(w, struct beginning, work);
	struct native *n = b->native;
	_cleanup_(buf_done) struct buf path = BUF_INIT(8 * KIB);
	static const char *const folders[] = {"sandboxes", "containers", "sockets", "seccomp"};
	int code = cgroup_load(&n->cgroups, &w->err);

	for (size_t i = 0; i < ARRAY_LEN(folders) && !code; i++) {
		buf_clear(&path);
		buf_print(&path, "%s/%s", n->root.at, folders[i]);
		code = native_make_dirs(buf_text(&path), i == 0 ? 0711 : 0700, &w->err);
	}
	if (code)
		return;
	buf_clear(&path);
	buf_print(&path, "%s/sandboxes", n->root.at);
	native_each_name(buf_text(&path), find_sandbox, n);
	buf_clear(&path);
	buf_print(&path, "%s/containers", n->root.at);
	native_each_name(buf_text(&path), find_container, n);
}

/* ---- looking after each ---- */

enum begin_step { BEGIN_READ, BEGIN_NEXT, BEGIN_LINKED, BEGIN_ATTACHED, BEGIN_TIDY };
static const char *const begin_steps[] = {"read", "next", "linked", "attached", "tidy"};

static void begin_next(struct beginning *b);

static void begin_free(struct beginning *b)
{
	mem_free(b->found);
	mem_free(b);
}

static void collect(struct beginning *b)
{
	struct native *n = b->native;

	b->found = mem_new((n->sandboxes.count + 1) * sizeof(struct native_sandbox *));
	omap_each (it, &n->sandboxes) {
		struct native_sandbox *s = it.value;
		if (!s->ended)
			b->found[b->count++] = s;
	}
}

static void begin_done(struct beginning *b)
{
	struct native *n = b->native;

	n->gauge = native_gauge_new(n);
	*b->out = &n->runtime;
	task_finish(&b->task, 0);
	begin_free(b);
}

static void begin_next(struct beginning *b)
{
	if (b->at == b->count) {
		begin_done(b);
		return;
	}
	native_link_open(b->found[b->at], task_await(&b->task, BEGIN_LINKED, OP_NO_DEADLINE));
}

/* Nobody ever heard of it, or its helper is dead: what is left of it is taken away. */
static void end_it(struct beginning *b)
{
	struct native_sandbox *s = b->found[b->at++];
	bool unknown = s->s.state != SANDBOX_READY;

	native_sandbox_end(s, task_await(&b->task, BEGIN_TIDY, OP_NO_DEADLINE), unknown);
}

static void attach(struct beginning *b)
{
	struct native_sandbox *s = b->found[b->at];
	struct runtime_network *network = b->native->network;
	struct op *op = task_await(&b->task, BEGIN_ATTACHED, OP_NO_DEADLINE);

	if (!network || s->network == NAMESPACE_NODE) {
		op_yield(op);
		return;
	}
	memcpy(b->ips, s->s.ips, sizeof(b->ips));
	b->ip_count = s->s.ip_count;
	network->attach(network, op, &s->s, b->ips, &b->ip_count);
}

static void linked(struct beginning *b, struct err *err)
{
	struct native_sandbox *s = b->found[b->at];

	if (err->code || s->s.state != SANDBOX_READY)
		end_it(b);
	else
		attach(b);
}

static void attached(struct beginning *b, struct err *err)
{
	struct native_sandbox *s = b->found[b->at];

	if (err->code) {
		log_error(err, "a pod that runs cannot be connected again",
			LOG_STR("pod", s->s.name), LOG_STR("namespace", s->s.namespace));
		end_it(b);
		return;
	}
	memcpy(s->s.ips, b->ips, sizeof(b->ips));
	s->s.ip_count = MIN(b->ip_count, (size_t)2);
	b->at++;
	begin_next(b);
}

static void begin_failed(struct beginning *b, struct err *err);

static void asked_to_end(struct scope *scope)
{
	/* Whoever has the runtime stops it. */
	(void)scope;
}

static void begin_run(struct task *t, struct err *err)
{
	struct beginning *b = CONTAINER_OF(t, struct beginning, task);

	if (err->code == ERR_CANCELLED || (err->code && t->step == BEGIN_NEXT)) {
		begin_failed(b, err);
		return;
	}
	switch ((enum begin_step)t->step) {
	case BEGIN_READ:
		scope_init(&b->native->scope, b->scope, "runtime", asked_to_end);
		work_start(
			&b->work, task_await(t, BEGIN_NEXT, OP_NO_DEADLINE), WORK_DISK, read_disk);
		return;
	case BEGIN_NEXT:
		collect(b);
		begin_next(b);
		return;
	case BEGIN_LINKED:
		linked(b, err);
		return;
	case BEGIN_ATTACHED:
		attached(b, err);
		return;
	case BEGIN_TIDY:
		if (err->code)
			log_error(err, "cannot take away what is left of a pod");
		begin_next(b);
	}
}

/* ---- from nothing to a runtime, and back when it fails ---- */

struct undoing {
	struct op op;
	struct op *asked;
	struct native *native;
	struct err why;
};

static void undone(struct op *op, struct err *err)
{
	struct undoing *u = CONTAINER_OF(op, struct undoing, op);

	(void)err;
	u->native->runtime.ops->free(&u->native->runtime);
	op_fail(u->asked, &u->why);
	err_done(&u->why);
	mem_free(u);
}

static void begin_failed(struct beginning *b, struct err *err)
{
	struct undoing *u = mem_new(sizeof(*u));

	*u = (struct undoing){.asked = b->task.op, .native = b->native};
	err_move(&u->why, err);
	op_init(&u->op, b->task.op->scope, undone, OP_NO_DEADLINE);
	begin_free(b);
	u->native->runtime.ops->stop(&u->native->runtime, &u->op);
}

static int check(const struct runtime_native_options *options, struct err *err)
{
	if (geteuid() != 0)
		return err_set(err, ERR_PERMISSION, "only root can run containers");
	if (options->root[0] != '/')
		return err_set(err, ERR_INVALID, "the runtime's directory \"%s\" is not absolute",
			options->root);
	/* "/sockets/", twenty digits, and the end. */
	if (strlen(options->root) + 32 > ADDRESS_PATH_MAX)
		return err_set(err, ERR_LIMIT, "the runtime's directory \"%s\" is too long",
			options->root);
	return 0;
}

void runtime_native_start(struct env *env, struct op *op, struct scope *scope,
	const struct runtime_native_options *options, struct runtime **r)
{
	static const struct op_kind refused = {.name = "start runtime"};
	static const struct task_kind kind = TASK_KIND("start runtime", begin_steps, begin_run);
	struct err err = {0};

	if (check(options, &err)) {
		if (op_begin(op, &refused, env))
			op_fail(op, &err);
		err_done(&err);
		return;
	}
	struct native *n = mem_new(sizeof(*n));
	*n = (struct native){.runtime = {.ops = &native_ops},
		.env = env,
		.images = options->images,
		.network = options->network};
	n->seed = native_seed_new(n);
	arena_init(&n->arena);
	n->root = arena_str(&n->arena, str_from(options->root));
	n->cgroup_root = arena_str(&n->arena, str_from(options->cgroup_root));
	n->program = options->program ? arena_text(&n->arena, options->program) : "/proc/self/exe";
	struct beginning *b = mem_new(sizeof(*b));
	*b = (struct beginning){.native = n, .scope = scope, .out = r};
	task_start(&b->task, &kind, op);
	if (native_begun(&b->task))
		return;
	n->stopped = true;
	native_ops.free(&n->runtime);
	begin_free(b);
}
