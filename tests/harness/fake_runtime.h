/*
 * A runtime in memory: images are programs of a few numbers (how long they run, what they leave
 * with, whether they heed a signal), sandboxes get addresses, containers live on the env's clock.
 * It can be told to fail. What the real one refuses, this one refuses, too: a container needs a
 * living sandbox and an image that is here; names of containers are taken once an attempt.
 */
#ifndef KUBE_FAKE_RUNTIME_H
#define KUBE_FAKE_RUNTIME_H

#include "test.h"

#include <kube/arena.h>
#include <kube/map.h>
#include <kube/mem.h>
#include <kube/runtime.h>
#include <kube/time.h>

#include <stdio.h>

struct fake_program {
	const char *name;     /* the reference */
	int64_t runs;         /* ns until it leaves by itself; 0: for ever */
	int32_t code;         /* that it leaves with */
	int64_t ends;         /* ns from the stop signal to its end; < 0: does not heed it */
	bool here;            /* need not be pulled */
	int64_t pull;         /* ns */
	const char *password; /* without it, it cannot be pulled */
	const char *pull_error, *create_error, *start_error;
	int32_t exec_code;
	const char *exec_out;
	int64_t exec_takes;
	int64_t uid;
	const char *user_name;
	int64_t memory, disk; /* bytes that it uses */
};

struct fake_container {
	struct container c;
	struct arena arena;
	const struct fake_program *program;
	struct op life; /* until it leaves */
	struct fake_runtime *r;
	struct container_config config;
	struct container_limits limits; /* as updated last */
	struct op *stopping;
	bool killed;
};

struct fake_sandbox {
	struct sandbox s;
	struct arena arena;
	const char *log_directory;
};

struct fake_runtime {
	struct runtime runtime;
	struct env *env;
	struct scope *scope;
	struct fake_program *programs;
	size_t program_count;
	struct fake_container *containers[512];
	struct fake_sandbox *sandboxes[256];
	size_t container_count, sandbox_count;
	struct image images[32];
	struct str tags[32];
	const void *list[512]; /* what was given out last */
	struct list listeners;
	uint64_t ids;
	int64_t latency;           /* of each call */
	int fail_times, fail_code; /* the next calls */
	int fail_at;               /* only the one that many calls from now */
	bool stopped;
	/* what was asked */
	int started, pulled, execs, created, reopened, updated;
	char last_exec[128];
};

/* One call on its way. */
struct fake_call {
	struct fake_runtime *r;
	struct op *op;
	struct op timer;
	void (*act)(struct fake_call *call);
	struct runtime_sandbox_run *run;
	struct runtime_container_create *create;
	struct runtime_exec *exec;
	struct runtime_pull *pull;
	char id[80];
	int64_t grace;
	struct container_limits limits;
};

static inline struct str fake_id(struct fake_runtime *r, struct arena *a)
{
	return arena_print(a, "%064llx", (unsigned long long)++r->ids);
}

static inline void fake_tell(struct fake_runtime *r, struct str sandbox, struct str container)
{
	list_each_safe (k, &r->listeners) {
		struct runtime_listener *l = LIST_ENTRY(k, struct runtime_listener, in_runtime);

		l->changed(l, sandbox, container);
	}
}

static inline const struct fake_program *fake_program(struct fake_runtime *r, struct str reference)
{
	for (size_t i = 0; i < r->program_count; i++)
		if (str_eq_text(reference, r->programs[i].name))
			return &r->programs[i];
	return NULL;
}

/* Ids and names both find it. */
static inline struct fake_container *fake_container(struct fake_runtime *r, struct str id)
{
	struct fake_container *newest = NULL;

	for (size_t i = 0; i < r->container_count; i++)
		if (str_eq(r->containers[i]->c.id, id) || str_eq(r->containers[i]->c.name, id))
			newest = r->containers[i];
	return newest;
}

static inline struct fake_sandbox *fake_sandbox(struct fake_runtime *r, struct str id)
{
	for (size_t i = 0; i < r->sandbox_count; i++)
		if (str_eq(r->sandboxes[i]->s.id, id))
			return r->sandboxes[i];
	return NULL;
}

/* ---- calls ---- */

static inline void fake_call_done(struct op *op, struct err *err)
{
	struct fake_call *call = CONTAINER_OF(op, struct fake_call, timer);
	struct fake_runtime *r = call->r;

	if (err->code) {
		op_fail(call->op, err);
	} else if (r->fail_at > 0 && --r->fail_at == 0) {
		op_fail_with(call->op, r->fail_code, "the runtime is told to fail");
	} else if (r->fail_times > 0) {
		r->fail_times--;
		op_fail_with(call->op, r->fail_code, "the runtime is told to fail");
	} else {
		call->act(call);
	}
	mem_free(call);
}

static inline void fake_call_cancel(struct op *op)
{
	op_cancel(&((struct fake_call *)op->ctx)->timer);
}

static const struct op_kind fake_call_kind = {.name = "fake runtime", .cancel = fake_call_cancel};

static inline struct fake_call *fake_begin(
	struct runtime *runtime, struct op *op, void (*act)(struct fake_call *call), int64_t takes)
{
	struct fake_runtime *r = CONTAINER_OF(runtime, struct fake_runtime, runtime);
	struct fake_call *call = mem_new(sizeof(*call));

	call->r = r;
	call->op = op;
	call->act = act;
	if (!op_begin(op, &fake_call_kind, call)) {
		mem_free(call);
		return NULL;
	}
	op_init(&call->timer, r->scope, fake_call_done, OP_NO_DEADLINE);
	timer_wait(&call->timer, loop_in(r->env->loop, takes));
	return call;
}

static inline void fake_set_id(struct fake_call *call, struct str id)
{
	if (call)
		snprintf(call->id, sizeof(call->id), "%.*s", STRF(id));
}

/* ---- containers ---- */

static inline void fake_exit(struct fake_container *f, int32_t code, int32_t signal)
{
	f->c.state = CONTAINER_EXITED;
	f->c.exit_code = code;
	f->c.signal = signal;
	f->c.finished = env_wall(f->r->env);
	f->c.reason = code ? STR("Error") : STR("Completed");
	if (f->stopping)
		op_finish(TAKE(f->stopping), 0);
	fake_tell(f->r, f->c.sandbox, f->c.id);
}

static inline void fake_life_over(struct op *op, struct err *err)
{
	struct fake_container *f = CONTAINER_OF(op, struct fake_container, life);

	if (f->c.state != CONTAINER_RUNNING || (err->code && !f->killed))
		return;
	if (f->killed)
		fake_exit(f, 137, 9);
	else
		fake_exit(f, f->program->code, 0);
}

static inline void fake_live(struct fake_container *f, int64_t ns)
{
	op_init(&f->life, f->r->scope, fake_life_over, OP_NO_DEADLINE);
	timer_wait(&f->life, ns ? loop_in(f->r->env->loop, ns) : OP_NO_DEADLINE);
}

/* Tests: it leaves now. */
static inline void fake_runtime_leave(struct fake_runtime *r, const char *name, int32_t code)
{
	struct fake_container *f = fake_container(r, str_from(name));

	op_cancel(&f->life);
	fake_exit(f, code, 0);
}

static inline void fake_kill(struct fake_container *f)
{
	if (f->c.state != CONTAINER_RUNNING)
		return;
	f->killed = true;
	op_cancel(&f->life);
}

static inline struct runtime_pairs fake_pairs(struct arena *a, struct runtime_pairs pairs)
{
	struct runtime_pair *items = arena_alloc(a, (pairs.count + 1) * sizeof(*items));

	for (size_t i = 0; i < pairs.count; i++)
		items[i] = (struct runtime_pair){
			arena_str(a, pairs.items[i].key), arena_str(a, pairs.items[i].value)};
	return (struct runtime_pairs){items, pairs.count};
}

static inline void fake_create_act(struct fake_call *call)
{
	struct fake_runtime *r = call->r;
	const struct container_config *config = &call->create->config;
	const struct fake_program *program = fake_program(r, config->image);
	struct fake_sandbox *s = fake_sandbox(r, call->create->sandbox);

	if (!s || s->s.state != SANDBOX_READY || !program || !program->here) {
		op_fail_with(call->op, ERR_NOT_FOUND, "no such sandbox or image");
		return;
	}
	if (program->create_error) {
		op_fail_with(call->op, ERR_INVALID, "%s", program->create_error);
		return;
	}
	for (size_t i = 0; i < r->container_count; i++)
		EXPECT(!str_eq(r->containers[i]->c.sandbox, s->s.id) ||
			!str_eq(r->containers[i]->c.name, config->name) ||
			r->containers[i]->c.attempt != config->attempt);
	struct fake_container *f = mem_new(sizeof(*f));
	arena_init(&f->arena);
	f->r = r;
	f->program = program;
	f->config = *config;
	f->config.env.items = fake_pairs(&f->arena, config->env).items;
	f->config.mounts = arena_copy(&f->arena, config->mounts ? (const void *)config->mounts : "",
		config->mount_count * sizeof(*config->mounts));
	for (size_t i = 0; i < config->mount_count; i++) {
		struct runtime_mount *m = (struct runtime_mount *)&f->config.mounts[i];
		m->container_path = arena_str(&f->arena, m->container_path);
		m->host_path = arena_str(&f->arena, m->host_path);
	}
	f->c = (struct container){.id = fake_id(r, &f->arena),
		.sandbox = s->s.id,
		.name = arena_str(&f->arena, config->name),
		.image = str_from(program->name),
		.image_ref = str_from(program->name),
		.attempt = config->attempt,
		.state = CONTAINER_CREATED,
		.created = env_wall(r->env),
		.labels = fake_pairs(&f->arena, config->labels),
		.annotations = fake_pairs(&f->arena, config->annotations),
		.log_path =
			arena_print(&f->arena, "%s/%.*s", s->log_directory, STRF(config->log_path)),
		.uid = 0};
	assert(r->container_count < ARRAY_LEN(r->containers));
	r->containers[r->container_count++] = f;
	r->created++;
	call->create->id = f->c.id;
	op_finish(call->op, 0);
	fake_tell(r, f->c.sandbox, f->c.id);
}

static inline void fake_create(
	struct runtime *runtime, struct op *op, struct runtime_container_create *create)
{
	struct fake_runtime *r = CONTAINER_OF(runtime, struct fake_runtime, runtime);
	struct fake_call *call = fake_begin(runtime, op, fake_create_act, r->latency);

	if (call)
		call->create = create;
}

static inline void fake_start_act(struct fake_call *call)
{
	struct fake_container *f = fake_container(call->r, str_from(call->id));

	if (!f || f->c.state != CONTAINER_CREATED) {
		op_fail_with(call->op, ERR_NOT_FOUND, "no such container");
	} else if (f->program->start_error) {
		f->c.exit_code = 128;
		f->c.reason = STR("StartError");
		f->c.message = str_from(f->program->start_error);
		f->c.finished = env_wall(call->r->env);
		f->c.state = CONTAINER_EXITED;
		op_fail_with(call->op, ERR_INVALID, "%s", f->program->start_error);
		fake_tell(call->r, f->c.sandbox, f->c.id);
	} else {
		f->c.state = CONTAINER_RUNNING;
		f->c.started = env_wall(call->r->env);
		fake_live(f, f->program->runs);
		call->r->started++;
		op_finish(call->op, 0);
		fake_tell(call->r, f->c.sandbox, f->c.id);
	}
}

static inline void fake_start(struct runtime *runtime, struct op *op, struct str id)
{
	struct fake_runtime *r = CONTAINER_OF(runtime, struct fake_runtime, runtime);

	fake_set_id(fake_begin(runtime, op, fake_start_act, r->latency), id);
}

static inline void fake_stop_act(struct fake_call *call)
{
	struct fake_container *f = fake_container(call->r, str_from(call->id));

	if (!f || f->c.state != CONTAINER_RUNNING) {
		op_finish(call->op, 0);
		return;
	}
	int64_t ends = f->program->ends;
	bool killed = ends < 0 || ends > call->grace;
	/* The wait itself is another call: whoever cancels it leaves the signal sent. */
	f->killed = false;
	op_cancel(&f->life);
	fake_exit(f, killed ? 137 : 143, killed ? 9 : 15);
	op_finish(call->op, 0);
}

static inline void fake_stop(struct runtime *runtime, struct op *op, struct str id, int64_t grace)
{
	struct fake_runtime *r = CONTAINER_OF(runtime, struct fake_runtime, runtime);
	struct fake_container *f = fake_container(r, id);
	int64_t ends = f ? f->program->ends : 0;
	struct fake_call *call = fake_begin(
		runtime, op, fake_stop_act, r->latency + (ends < 0 ? grace : MIN(ends, grace)));

	fake_set_id(call, id);
	if (call)
		call->grace = grace;
}

static inline void fake_free_container(struct fake_runtime *r, size_t i)
{
	struct fake_container *f = r->containers[i];

	EXPECT(!op_active(&f->life));
	arena_done(&f->arena);
	mem_free(f);
	r->container_count--;
	memmove(&r->containers[i], &r->containers[i + 1],
		(r->container_count - i) * sizeof(r->containers[0]));
}

static inline void fake_remove_act(struct fake_call *call)
{
	for (size_t i = 0; i < call->r->container_count; i++)
		if (str_eq_text(call->r->containers[i]->c.id, call->id)) {
			EXPECT(call->r->containers[i]->c.state != CONTAINER_RUNNING);
			fake_free_container(call->r, i);
			break;
		}
	op_finish(call->op, 0);
}

static inline void fake_remove(struct runtime *runtime, struct op *op, struct str id)
{
	fake_set_id(fake_begin(runtime, op, fake_remove_act, 0), id);
}

static inline void fake_update_act(struct fake_call *call)
{
	struct fake_container *f = fake_container(call->r, str_from(call->id));

	if (!f || f->c.state != CONTAINER_RUNNING) {
		op_fail_with(call->op, ERR_NOT_FOUND, "no such container");
		return;
	}
	f->limits = call->limits;
	call->r->updated++;
	op_finish(call->op, 0);
}

static inline void fake_update(struct runtime *runtime, struct op *op, struct str id,
	const struct container_limits *limits)
{
	struct fake_runtime *r = CONTAINER_OF(runtime, struct fake_runtime, runtime);
	struct fake_call *call = fake_begin(runtime, op, fake_update_act, r->latency);

	fake_set_id(call, id);
	if (call)
		call->limits = *limits;
}

/* A file of nothing, in the place where the real one would write. */
static inline void fake_reopen_act(struct fake_call *call)
{
	struct fake_container *f = fake_container(call->r, str_from(call->id));
	FILE *file = f ? fopen(f->c.log_path.at, "a") : NULL;

	if (file)
		fclose(file);
	call->r->reopened++;
	op_finish(call->op, 0);
}

static inline void fake_reopen(struct runtime *runtime, struct op *op, struct str id)
{
	fake_set_id(fake_begin(runtime, op, fake_reopen_act, 0), id);
}

/* ---- sandboxes ---- */

static inline void fake_run_act(struct fake_call *call)
{
	struct fake_runtime *r = call->r;
	const struct sandbox_config *config = &call->run->config;
	struct fake_sandbox *f = mem_new(sizeof(*f));

	arena_init(&f->arena);
	f->s = (struct sandbox){.id = fake_id(r, &f->arena),
		.name = arena_str(&f->arena, config->name),
		.namespace = arena_str(&f->arena, config->namespace),
		.uid = arena_str(&f->arena, config->uid),
		.attempt = config->attempt,
		.created = env_wall(r->env),
		.labels = fake_pairs(&f->arena, config->labels)};
	f->log_directory = arena_str(&f->arena, config->log_directory).at;
	if (config->network == NAMESPACE_POD) {
		f->s.ips[0] = ip_v4(10, 42, (uint8_t)(r->ids >> 8), (uint8_t)r->ids);
		f->s.ip_count = 1;
	}
	assert(r->sandbox_count < ARRAY_LEN(r->sandboxes));
	r->sandboxes[r->sandbox_count++] = f;
	call->run->id = f->s.id;
	op_finish(call->op, 0);
	fake_tell(r, f->s.id, STR(""));
}

static inline void fake_run(struct runtime *runtime, struct op *op, struct runtime_sandbox_run *run)
{
	struct fake_runtime *r = CONTAINER_OF(runtime, struct fake_runtime, runtime);
	struct fake_call *call = fake_begin(runtime, op, fake_run_act, r->latency);

	if (call)
		call->run = run;
}

/* Its containers die with it. */
static inline void fake_runtime_crash(struct fake_runtime *r, struct str sandbox)
{
	struct fake_sandbox *s = fake_sandbox(r, sandbox);

	s->s.state = SANDBOX_NOT_READY;
	for (size_t i = 0; i < r->container_count; i++)
		if (str_eq(r->containers[i]->c.sandbox, s->s.id))
			fake_kill(r->containers[i]);
	fake_tell(r, s->s.id, STR(""));
}

static inline void fake_stop_sandbox_act(struct fake_call *call)
{
	if (fake_sandbox(call->r, str_from(call->id)))
		fake_runtime_crash(call->r, str_from(call->id));
	op_finish(call->op, 0);
}

static inline void fake_stop_sandbox(struct runtime *runtime, struct op *op, struct str id)
{
	struct fake_runtime *r = CONTAINER_OF(runtime, struct fake_runtime, runtime);

	fake_set_id(fake_begin(runtime, op, fake_stop_sandbox_act, r->latency), id);
}

static inline void fake_remove_sandbox_act(struct fake_call *call)
{
	struct fake_runtime *r = call->r;

	for (size_t i = 0; i < r->container_count; i++)
		EXPECT(!str_eq_text(r->containers[i]->c.sandbox, call->id));
	for (size_t i = 0; i < r->sandbox_count; i++)
		if (str_eq_text(r->sandboxes[i]->s.id, call->id)) {
			EXPECT_INT(r->sandboxes[i]->s.state, SANDBOX_NOT_READY);
			arena_done(&r->sandboxes[i]->arena);
			mem_free(r->sandboxes[i]);
			r->sandboxes[i] = r->sandboxes[--r->sandbox_count];
			break;
		}
	op_finish(call->op, 0);
}

static inline void fake_remove_sandbox(struct runtime *runtime, struct op *op, struct str id)
{
	fake_set_id(fake_begin(runtime, op, fake_remove_sandbox_act, 0), id);
}

/* ---- the rest ---- */

static inline void fake_exec_act(struct fake_call *call)
{
	struct fake_container *f = fake_container(call->r, str_from(call->id));

	if (!f || f->c.state != CONTAINER_RUNNING) {
		op_fail_with(call->op, ERR_NOT_FOUND, "container not running");
		return;
	}
	call->exec->exit_code = f->program->exec_code;
	if (call->exec->out && f->program->exec_out)
		buf_add_text(call->exec->out, f->program->exec_out);
	op_finish(call->op, 0);
}

static inline void fake_exec(struct runtime *runtime, struct op *op, struct runtime_exec *exec)
{
	struct fake_runtime *r = CONTAINER_OF(runtime, struct fake_runtime, runtime);
	struct fake_container *f = fake_container(r, exec->container);
	struct fake_call *call =
		fake_begin(runtime, op, fake_exec_act, f ? f->program->exec_takes : 0);

	r->execs++;
	snprintf(r->last_exec, sizeof(r->last_exec), "%.*s",
		STRF(exec->command_count ? exec->command[0] : STR("")));
	fake_set_id(call, exec->container);
	if (call)
		call->exec = exec;
}

static inline void fake_pull_act(struct fake_call *call)
{
	struct fake_program *program =
		(struct fake_program *)fake_program(call->r, call->pull->reference);

	call->r->pulled++;
	if (!program || program->pull_error) {
		op_fail_with(call->op, ERR_NOT_FOUND, "%s",
			program ? program->pull_error : "manifest unknown");
		return;
	}
	const struct image_auth *auth = call->pull->auth;
	if (program->password && !(auth && str_eq_text(auth->password, program->password))) {
		op_fail_with(call->op, ERR_UNAUTHORIZED,
			"authorization failed: no basic auth credentials");
		return;
	}
	program->here = true;
	call->pull->id = str_from(program->name);
	op_finish(call->op, 0);
}

static inline void fake_pull(struct runtime *runtime, struct op *op, struct runtime_pull *pull)
{
	struct fake_runtime *r = CONTAINER_OF(runtime, struct fake_runtime, runtime);
	const struct fake_program *program = fake_program(r, pull->reference);
	struct fake_call *call =
		fake_begin(runtime, op, fake_pull_act, program ? program->pull : r->latency);

	if (call)
		call->pull = pull;
}

static inline void fake_remove_image_act(struct fake_call *call)
{
	struct fake_program *program =
		(struct fake_program *)fake_program(call->r, str_from(call->id));

	for (size_t i = 0; i < call->r->container_count; i++)
		if (call->r->containers[i]->program == program) {
			op_fail_with(call->op, ERR_CONFLICT, "the image is in use");
			return;
		}
	program->here = false;
	op_finish(call->op, 0);
}

static inline void fake_remove_image(struct runtime *runtime, struct op *op, struct str id)
{
	struct fake_runtime *r = CONTAINER_OF(runtime, struct fake_runtime, runtime);

	fake_set_id(fake_begin(runtime, op, fake_remove_image_act, r->latency), id);
}

static inline const struct image *fake_image(struct runtime *runtime, struct str reference)
{
	struct fake_runtime *r = CONTAINER_OF(runtime, struct fake_runtime, runtime);
	const struct fake_program *program = fake_program(r, reference);

	if (!program || !program->here)
		return NULL;
	size_t i = (size_t)(program - r->programs);
	r->tags[i] = str_from(program->name);
	r->images[i] = (struct image){.id = str_from(program->name),
		.tags = &r->tags[i],
		.tag_count = 1,
		.size = 1000,
		.uid = program->uid,
		.user_name = str_from(program->user_name)};
	return &r->images[i];
}

static inline size_t fake_list_sandboxes(
	struct runtime *runtime, const struct sandbox *const **list)
{
	struct fake_runtime *r = CONTAINER_OF(runtime, struct fake_runtime, runtime);

	for (size_t i = 0; i < r->sandbox_count; i++)
		r->list[i] = &r->sandboxes[i]->s;
	*list = (const struct sandbox *const *)r->list;
	return r->sandbox_count;
}

static inline size_t fake_list_containers(
	struct runtime *runtime, const struct container *const **list)
{
	struct fake_runtime *r = CONTAINER_OF(runtime, struct fake_runtime, runtime);

	for (size_t i = 0; i < r->container_count; i++)
		r->list[i] = &r->containers[i]->c;
	*list = (const struct container *const *)r->list;
	return r->container_count;
}

static inline size_t fake_list_images(struct runtime *runtime, const struct image *const **list)
{
	struct fake_runtime *r = CONTAINER_OF(runtime, struct fake_runtime, runtime);
	size_t count = 0;

	for (size_t i = 0; i < r->program_count; i++)
		if (fake_image(runtime, str_from(r->programs[i].name)))
			r->list[count++] = &r->images[i];
	*list = (const struct image *const *)r->list;
	return count;
}

static inline bool fake_usage(
	struct runtime *runtime, struct str container, struct container_usage *usage)
{
	struct fake_runtime *r = CONTAINER_OF(runtime, struct fake_runtime, runtime);

	const struct fake_container *f = fake_container(r, container);

	*usage = (struct container_usage){.at = env_wall(r->env), .cpu_ns = SEC, .memory_bytes = 9};
	if (!f)
		return false;
	usage->memory_working_set = f->program->memory;
	usage->writable_bytes = f->program->disk;
	return true;
}

static inline void fake_listen(struct runtime *runtime, struct runtime_listener *l)
{
	struct fake_runtime *r = CONTAINER_OF(runtime, struct fake_runtime, runtime);

	list_push(&r->listeners, &l->in_runtime);
}

static const struct runtime_ops fake_runtime_ops = {
	.name = "fake",
	.version = "1.0",
	.run_sandbox = fake_run,
	.stop_sandbox = fake_stop_sandbox,
	.remove_sandbox = fake_remove_sandbox,
	.create_container = fake_create,
	.start_container = fake_start,
	.stop_container = fake_stop,
	.remove_container = fake_remove,
	.update_container = fake_update,
	.reopen_log = fake_reopen,
	.exec = fake_exec,
	.pull = fake_pull,
	.remove_image = fake_remove_image,
	.sandboxes = fake_list_sandboxes,
	.containers = fake_list_containers,
	.images = fake_list_images,
	.image = fake_image,
	.usage = fake_usage,
	.listen = fake_listen,
};

/* The programs are the caller's, and changed by pulls. */
static inline void fake_runtime_init(struct fake_runtime *r, struct env *env, struct scope *scope,
	struct fake_program *programs, size_t count)
{
	*r = (struct fake_runtime){.runtime.ops = &fake_runtime_ops,
		.env = env,
		.scope = scope,
		.programs = programs,
		.program_count = count,
		.latency = MSEC};
	assert(count <= ARRAY_LEN(r->images));
	list_init(&r->listeners);
}

/* Ends what lives; then let the loop turn, then fake_runtime_done. */
static inline void fake_runtime_end(struct fake_runtime *r)
{
	for (size_t i = 0; i < r->container_count; i++)
		op_cancel(&r->containers[i]->life);
}

static inline void fake_runtime_done(struct fake_runtime *r)
{
	while (r->container_count)
		fake_free_container(r, 0);
	for (size_t i = 0; i < r->sandbox_count; i++) {
		arena_done(&r->sandboxes[i]->arena);
		mem_free(r->sandboxes[i]);
	}
}

static inline size_t fake_runtime_running(const struct fake_runtime *r)
{
	size_t count = 0;

	for (size_t i = 0; i < r->container_count; i++)
		count += r->containers[i]->c.state == CONTAINER_RUNNING;
	return count;
}

#endif
