/* Containers: made, started, changed. */
#include "native.h"

#include <kube/mem.h>
#include <kube/time.h>

#include <stdio.h>
#include <unistd.h>

#define CODE_NOT_STARTED 128

static void refuse(struct op *op, struct err *err)
{
	static const struct op_kind kind = {.name = "container"};

	if (op_begin(op, &kind, NULL))
		op_fail(op, err);
	err_done(err);
}

static struct str file_of(struct arena *a, const struct native_container *c, const char *name)
{
	return arena_print(a, "%s/%s", c->directory.at, name);
}

/* ---- making one ---- */

struct making {
	struct task task;
	struct native_container *container;
	struct runtime_container_create *create;
	struct arena arena;
	struct work work;
	struct native_build build;
	struct image_root image;
	struct str state;
};

enum make_step { MAKE_FILES, MAKE_DONE };
static const char *const make_steps[] = {"files", "done"};

static void make_free(struct making *m)
{
	struct native *n = m->container->native;

	arena_done(&m->arena);
	native_container_release(m->container);
	mem_free(m);
	native_leave(n);
}

static int write_files(struct making *m, struct err *err)
{
	struct native_container *c = m->container;
	_cleanup_(buf_done) struct buf text = BUF_INIT(SPEC_MAX);
	static const char *const directories[] = {"root", "upper", "work"};
	int code = 0;

	for (size_t i = 0; i < ARRAY_LEN(directories) && !code; i++)
		code = native_make_dirs(
			file_of(&m->arena, c, directories[i]).at, i == 1 ? 0755 : 0700, err);
	if (!code)
		code = native_spec_settle(&m->build, err);
	if (code)
		return code;
	spec_print(&text, &m->build.spec);
	if (buf_over(&text))
		return err_set(err, ERR_TOO_LARGE, "the container's spec is larger than %d bytes",
			(int)SPEC_MAX);
	code = native_write(file_of(&m->arena, c, "spec.json").at, buf_str(&text), err);
	/* Last of all: with it, there is a container. */
	if (!code)
		code = native_write(file_of(&m->arena, c, "config.json").at, m->state, err);
	return code;
}

static void make_files(struct work *w)
{
	struct making *m = CONTAINER_OF(w, struct making, work);

	if (write_files(m, &w->err))
		native_remove_tree(m->container->directory.at, NULL);
}

static void make_run(struct task *t, struct err *err)
{
	struct making *m = CONTAINER_OF(t, struct making, task);
	struct native_container *c = m->container;

	switch ((enum make_step)t->step) {
	case MAKE_FILES:
		work_start(
			&m->work, task_await(t, MAKE_DONE, OP_NO_DEADLINE), WORK_DISK, make_files);
		return;
	case MAKE_DONE:
		if (!err->code && (c->sandbox->gone || c->sandbox->busy))
			err_set(err, ERR_NOT_FOUND, "sandbox \"%s\" is being stopped",
				c->c.sandbox.at);
		if (err->code) {
			native_container_forget(c);
			task_fail(t, err);
		} else {
			omap_set(&c->native->containers, c->c.id, c);
			m->create->id = c->c.id;
			native_changed(c->native, c->c.sandbox, c->c.id);
			task_finish(t, 0);
		}
		make_free(m);
	}
}

static void note_images(struct native_container *c, const struct container_config *g)
{
	c->mounted = arena_new(&c->arena, (g->mount_count + 1) * sizeof(*c->mounted));
	for (size_t i = 0; i < g->mount_count; i++)
		if (g->mounts[i].image.len)
			c->mounted[c->mounted_count++] = arena_str(&c->arena, g->mounts[i].image);
}

static void describe(struct making *m)
{
	const struct container_config *g = &m->create->config;
	struct native_container *c = m->container;
	struct arena *a = &c->arena;
	_cleanup_(buf_done) struct buf text = BUF_INIT(NATIVE_FILE_MAX);

	c->c.name = arena_str(a, g->name);
	c->c.attempt = g->attempt;
	c->c.image = arena_str(a, g->image);
	c->c.image_ref = arena_str(a, m->image.reference.len ? m->image.reference : g->image);
	note_images(c, g);
	c->c.created = env_wall(c->native->env);
	c->c.labels = native_pairs(a, g->labels);
	c->c.annotations = native_pairs(a, g->annotations);
	if (g->log_path.len)
		c->c.log_path =
			arena_print(a, "%s/%.*s", c->sandbox->log_directory.at, STRF(g->log_path));
	c->cgroup = arena_print(a, "%s/%s", c->sandbox->cgroup_parent.at, c->c.id.at);
	c->stop_signal = arena_str(a, g->stop_signal.len ? g->stop_signal : m->image.stop_signal);
	c->termination_path = arena_str(a, g->termination_path);
	native_container_print(&text, c);
	m->state = arena_str(&m->arena, buf_str(&text));
	m->build = (struct native_build){.arena = &m->arena,
		.sandbox = c->sandbox,
		.config = g,
		.image = &m->image,
		.images = c->native->images,
		.cgroups = &c->native->cgroups,
		.id = c->c.id,
		.directory = c->directory,
		.cgroup = c->cgroup,
		.seccomp_directory = arena_print(&m->arena, "%s/seccomp", c->native->root.at),
		.log_path = c->c.log_path};
}

static int find_parts(struct native *n, struct runtime_container_create *create,
	struct native_sandbox **sandbox, struct image_root *image, struct err *err)
{
	struct native_sandbox *s = native_sandbox_find(n, create->sandbox, err);

	if (!s)
		return ERR_NOT_FOUND;
	if (s->s.state != SANDBOX_READY || s->busy)
		return err_set(
			err, ERR_CONFLICT, "sandbox container \"%s\" is not running", s->s.id.at);
	if (!n->images->root(n->images, create->config.image, image))
		return err_set(err, ERR_NOT_FOUND, "image \"%.*s\": not found",
			STRF(create->config.image));
	*sandbox = s;
	return 0;
}

void native_create_container(
	struct runtime *r, struct op *op, struct runtime_container_create *create)
{
	static const struct task_kind kind = TASK_KIND("create container", make_steps, make_run);
	struct native *n = native_of(r);
	struct native_sandbox *s;
	struct image_root image = {0};
	struct err err = {0};

	if (find_parts(n, create, &s, &image, &err)) {
		refuse(op, &err);
		return;
	}
	struct making *m = mem_new(sizeof(*m));
	*m = (struct making){.create = create, .image = image};
	arena_init(&m->arena);
	m->container = native_container_new(s, native_new_id(n, &m->arena));
	native_container_hold(m->container);
	native_enter(n);
	describe(m);
	if (native_spec_plan(&m->build, &err)) {
		refuse(op, &err);
	} else {
		task_start(&m->task, &kind, op);
		if (native_begun(&m->task))
			return;
	}
	native_container_forget(m->container);
	make_free(m);
}

/* ---- starting it ---- */

struct starting {
	struct task task;
	struct native_container *container;
	struct native_request request;
};

enum start_step { START_ASK, START_TOLD };
static const char *const start_steps[] = {"ask", "told"};

/* It ended before it began; that is how it is shown from now on. */
static void record_failure(struct native_container *c, const struct err *why)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	c->c.state = CONTAINER_EXITED;
	c->c.started = 0;
	c->c.finished = env_wall(c->native->env);
	c->c.exit_code = CODE_NOT_STARTED;
	c->c.reason = STR("StartError");
	c->c.message = arena_str(&c->arena, str_from(err_text(why)));
	buf_print(&text, "{\"finished\":%lld,\"code\":%d,\"reason\":\"StartError\",\"message\":",
		(long long)c->c.finished, CODE_NOT_STARTED);
	json_print_str(&text, c->c.message);
	buf_add_char(&text, '}');
	native_write(file_of(&a, c, "exited").at, buf_str(&text), NULL);
	native_changed(c->native, c->c.sandbox, c->c.id);
}

static void start_over(struct starting *s, struct err *err)
{
	struct native_container *c = s->container;
	struct native *n = c->native;

	c->busy = false;
	if (err->code) {
		/* Whether it runs is not known when nobody answered; the helper will tell. */
		bool answered = err->code != ERR_CANCELLED && err->code != ERR_TIMEOUT &&
				err->code != ERR_CLOSED;
		if (answered && c->c.state == CONTAINER_CREATED && !c->gone)
			record_failure(c, err);
		task_fail(&s->task, err);
	} else {
		if (c->c.state == CONTAINER_CREATED)
			native_container_started(c, s->request.answer);
		native_container_user(c, s->request.answer);
		native_gauge_hurry(n->gauge);
		native_changed(n, c->c.sandbox, c->c.id);
		task_finish(&s->task, 0);
	}
	native_request_done(&s->request);
	native_container_release(c);
	mem_free(s);
	native_leave(n);
}

static void start_run(struct task *t, struct err *err)
{
	struct starting *s = CONTAINER_OF(t, struct starting, task);
	struct native_container *c = s->container;

	switch ((enum start_step)t->step) {
	case START_ASK:
		native_ask(c->sandbox, &s->request, task_await(t, START_TOLD, OP_NO_DEADLINE),
			"\"do\":\"start\",\"container\":\"%s\",\"directory\":\"%s\"", c->c.id.at,
			c->directory.at);
		return;
	case START_TOLD:
		start_over(s, err);
	}
}

void native_start_container(struct runtime *r, struct op *op, struct str id)
{
	static const struct task_kind kind = TASK_KIND("start container", start_steps, start_run);
	struct native *n = native_of(r);
	struct err err = {0};
	struct native_container *c = native_container_find(n, id, &err);

	if (c && (c->c.state != CONTAINER_CREATED || c->busy))
		err_set(&err, ERR_CONFLICT, "container \"%s\" has been started", c->c.id.at);
	if (err.code) {
		refuse(op, &err);
		return;
	}
	struct starting *s = mem_new(sizeof(*s));
	*s = (struct starting){.container = c};
	native_request_init(&s->request);
	native_container_hold(c);
	native_enter(n);
	c->busy = true;
	task_start(&s->task, &kind, op);
	if (native_begun(&s->task))
		return;
	c->busy = false;
	native_request_done(&s->request);
	native_container_release(c);
	mem_free(s);
	native_leave(n);
}

/* ---- changing it ---- */

struct changing {
	struct work work;
	struct op op;
	struct op *asked;
	struct native_container *container;
	struct arena arena;
	struct container_limits limits;
	struct cgroup_limits written;
};

static int rewrite_spec(struct changing *g, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(SPEC_MAX);
	struct container_spec spec;
	const char *path = file_of(&g->arena, g->container, "spec.json").at;
	int code = native_read(path, &text, err);

	if (!code)
		code = spec_parse(&g->arena, buf_str(&text), &spec, err);
	if (code)
		return code;
	native_spec_limit(&g->arena, &spec, &g->limits);
	buf_clear(&text);
	spec_print(&text, &spec);
	return native_write(path, buf_str(&text), err);
}

static void change(struct work *w)
{
	struct changing *g = CONTAINER_OF(w, struct changing, work);
	struct native_container *c = g->container;
	const struct cgroups *groups = &c->native->cgroups;

	/* One that has not begun takes it from its spec. */
	if (rewrite_spec(g, &w->err) == 0 && cgroup_exists(groups, c->cgroup.at))
		cgroup_limit(groups, c->cgroup.at, &g->written, &w->err);
}

static void changed(struct op *op, struct err *err)
{
	struct changing *g = CONTAINER_OF(op, struct changing, op);
	struct native *n = g->container->native;

	if (err->code)
		op_fail(g->asked, err);
	else
		op_finish(g->asked, 0);
	native_container_release(g->container);
	arena_done(&g->arena);
	mem_free(g);
	native_leave(n);
}

void native_update_container(
	struct runtime *r, struct op *op, struct str id, const struct container_limits *limits)
{
	static const struct op_kind kind = {.name = "update container"};
	struct native *n = native_of(r);
	struct err err = {0};
	struct native_container *c = native_container_find(n, id, &err);

	if (c && c->c.state == CONTAINER_EXITED)
		err_set(&err, ERR_CONFLICT, "container \"%s\" has ended", c->c.id.at);
	if (err.code) {
		refuse(op, &err);
		return;
	}
	if (!op_begin(op, &kind, n))
		return;
	struct changing *g = mem_new(sizeof(*g));
	*g = (struct changing){.container = c, .asked = op, .limits = *limits};
	arena_init(&g->arena);
	g->limits.cpuset_cpus = arena_str(&g->arena, limits->cpuset_cpus);
	g->limits.cpuset_mems = arena_str(&g->arena, limits->cpuset_mems);
	g->limits.hugepages = native_pairs(&g->arena, limits->hugepages);
	native_limits_of(&g->limits, &g->arena, &g->written);
	native_container_hold(c);
	native_enter(n);
	op_init(&g->op, &n->scope, changed, OP_NO_DEADLINE);
	work_start(&g->work, &g->op, WORK_DISK, change);
}

/* ---- its log ---- */

struct reopening {
	struct task task;
	struct native_container *container;
	struct native_request request;
};

enum reopen_step { REOPEN_ASK, REOPEN_TOLD };
static const char *const reopen_steps[] = {"ask", "told"};

static void reopen_free(struct reopening *o)
{
	struct native *n = o->container->native;

	native_request_done(&o->request);
	native_container_release(o->container);
	mem_free(o);
	native_leave(n);
}

static void reopen_run(struct task *t, struct err *err)
{
	struct reopening *o = CONTAINER_OF(t, struct reopening, task);

	switch ((enum reopen_step)t->step) {
	case REOPEN_ASK:
		native_ask(o->container->sandbox, &o->request,
			task_await(t, REOPEN_TOLD, OP_NO_DEADLINE),
			"\"do\":\"reopen\",\"container\":\"%s\"", o->container->c.id.at);
		return;
	case REOPEN_TOLD:
		if (err->code)
			task_fail(t, err);
		else
			task_finish(t, 0);
		reopen_free(o);
	}
}

void native_reopen_log(struct runtime *r, struct op *op, struct str id)
{
	static const struct task_kind kind = TASK_KIND("reopen log", reopen_steps, reopen_run);
	struct native *n = native_of(r);
	struct err err = {0};
	struct native_container *c = native_container_find(n, id, &err);

	if (c && c->c.state != CONTAINER_RUNNING)
		err_set(&err, ERR_CONFLICT, "container \"%s\" is not running", c->c.id.at);
	if (err.code) {
		refuse(op, &err);
		return;
	}
	struct reopening *o = mem_new(sizeof(*o));
	*o = (struct reopening){.container = c};
	native_request_init(&o->request);
	native_container_hold(c);
	native_enter(n);
	task_start(&o->task, &kind, op);
	if (!native_begun(&o->task))
		reopen_free(o);
}
