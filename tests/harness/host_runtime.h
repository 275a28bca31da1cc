/*
 * A runtime whose containers are names for the machine itself: exec starts a process of ours, a
 * port of a pod is a port of loopback, a log is whatever file the test writes. For the kubelet's
 * server, which needs real streams.
 */
#ifndef KUBE_HOST_RUNTIME_H
#define KUBE_HOST_RUNTIME_H

#include "test.h"

#include <kube/arena.h>
#include <kube/mem.h>
#include <kube/process.h>
#include <kube/pty.h>
#include <kube/runtime.h>
#include <kube/task.h>
#include <kube/time.h>

struct host_runtime {
	struct runtime runtime;
	struct env *env;
	struct sandbox sandboxes[8];
	struct container containers[8];
	size_t sandbox_count, container_count;
	const void *list[16];
	struct list listeners;
	int sessions, resized;
	uint16_t width, height;
};

struct host_session {
	struct task task;
	struct host_runtime *host;
	struct runtime_session *session;
	struct scope *scope;
	struct process *process;
	struct pty pty;
	struct process_fd fds[3];
	struct process_options options;
	const char *argv[64];
	struct arena arena;
	int terminal;
};

enum host_step { HOST_START, HOST_STARTED };

static inline void host_started(struct host_session *h, struct err *err)
{
	struct runtime_session *s = h->session;

	if (s->tty)
		pty_close_theirs(&h->pty);
	if (err->code) {
		if (s->tty)
			pty_done(&h->pty);
		task_fail(&h->task, err);
		arena_done(&h->arena);
		mem_free(h);
		return;
	}
	if (s->tty) {
		h->terminal = dup(h->pty.ours);
		int other = dup(h->pty.ours);
		s->out = pty_take_stream(&h->pty, h->host->env->loop, h->scope);
		s->in = s->stdin ? stream_from_fd(h->host->env->loop, h->scope, other) : NULL;
		if (!s->stdin)
			close(other);
	} else {
		s->in = process_take_stream(h->process, 0);
		s->out = process_take_stream(h->process, 1);
		s->err = process_take_stream(h->process, 2);
	}
	s->private_ = h;
	h->host->sessions++;
	task_finish(&h->task, 0);
}

static inline void host_run(struct task *t, struct err *err)
{
	struct host_session *h = CONTAINER_OF(t, struct host_session, task);

	if (t->step == HOST_START)
		process_start(task_await(t, HOST_STARTED, OP_NO_DEADLINE), h->scope, &h->options,
			&h->process);
	else
		host_started(h, err);
}

static inline void host_session_start(
	struct runtime *r, struct op *op, struct scope *scope, struct runtime_session *s)
{
	static const char *const steps[] = {"start", "started"};
	static const struct task_kind kind = TASK_KIND("host session", steps, host_run);
	struct host_session *h = mem_new(sizeof(*h));

	h->host = CONTAINER_OF(r, struct host_runtime, runtime);
	h->session = s;
	h->scope = scope;
	h->terminal = -1;
	arena_init(&h->arena);
	for (size_t i = 0; i < s->command_count && i < ARRAY_LEN(h->argv) - 1; i++)
		h->argv[i] = arena_str(&h->arena, s->command[i]).at;
	if (!s->command_count) { /* attach */
		h->argv[0] = "cat";
	}
	h->options = (struct process_options){.argv = h->argv, .fds = h->fds, .fd_count = 3};
	if (s->tty) {
		const struct pty_size size = {24, 80};

		pty_open(&h->pty, NULL, &size, NULL);
		for (int i = 0; i < 3; i++)
			h->fds[i] = (struct process_fd){i, PROCESS_FD_GIVEN, h->pty.theirs};
		h->options.group = PROCESS_SESSION_NEW;
		h->options.terminal = true;
	} else {
		h->fds[0] =
			(struct process_fd){0, s->stdin ? PROCESS_FD_READS : PROCESS_FD_NULL, 0};
		h->fds[1] =
			(struct process_fd){1, s->stdout ? PROCESS_FD_WRITES : PROCESS_FD_NULL, 0};
		h->fds[2] =
			(struct process_fd){2, s->stderr ? PROCESS_FD_WRITES : PROCESS_FD_NULL, 0};
	}
	task_start(&h->task, &kind, op);
	if (op->state != OP_STARTED) { /* refused */
		if (s->tty) {
			pty_close_theirs(&h->pty);
			pty_done(&h->pty);
		}
		arena_done(&h->arena);
		mem_free(h);
	}
}

static inline void host_wait_run(struct task *t, struct err *err)
{
	struct host_session *h = CONTAINER_OF(t, struct host_session, task);

	if (t->step == HOST_START) {
		process_wait(h->process, task_await(t, HOST_STARTED, OP_NO_DEADLINE));
		return;
	}
	h->session->exit_code = (int32_t)(t->wait.n < 0 ? 128 - t->wait.n : t->wait.n);
	h->session->private_ = NULL;
	process_close(h->process);
	if (h->terminal >= 0)
		close(h->terminal);
	h->host->sessions--;
	if (err->code)
		task_fail(t, err);
	else
		task_finish(t, 0);
	arena_done(&h->arena);
	mem_free(h);
}

static inline void host_session_wait(struct runtime *r, struct op *op, struct runtime_session *s)
{
	static const char *const steps[] = {"wait", "over"};
	static const struct task_kind kind = TASK_KIND("host session wait", steps, host_wait_run);
	struct host_session *h = s->private_;

	(void)r;
	task_start(&h->task, &kind, op);
	if (op->state == OP_STARTED)
		return;
	process_close(h->process);
	if (h->terminal >= 0)
		close(h->terminal);
	h->host->sessions--;
	arena_done(&h->arena);
	mem_free(h);
}

static inline void host_session_resize(
	struct runtime *r, struct runtime_session *s, uint16_t width, uint16_t height)
{
	struct host_runtime *host = CONTAINER_OF(r, struct host_runtime, runtime);
	struct host_session *h = s->private_;
	const struct pty_size size = {.rows = height, .columns = width};

	host->resized++;
	host->width = width;
	host->height = height;
	if (h && h->terminal >= 0)
		pty_resize(h->terminal, &size, NULL);
}

static inline void host_connect(struct runtime *r, struct op *op, struct scope *scope,
	struct str sandbox, uint16_t port, struct stream **stream)
{
	struct host_runtime *host = CONTAINER_OF(r, struct host_runtime, runtime);
	struct address to = address_of(ip_v4(127, 0, 0, 1), port);

	(void)sandbox;
	net_connect(host->env, op, scope, &to, stream);
}

static inline size_t host_sandboxes(struct runtime *r, const struct sandbox *const **list)
{
	struct host_runtime *host = CONTAINER_OF(r, struct host_runtime, runtime);

	for (size_t i = 0; i < host->sandbox_count; i++)
		host->list[i] = &host->sandboxes[i];
	*list = (const struct sandbox *const *)host->list;
	return host->sandbox_count;
}

static inline size_t host_containers(struct runtime *r, const struct container *const **list)
{
	struct host_runtime *host = CONTAINER_OF(r, struct host_runtime, runtime);

	for (size_t i = 0; i < host->container_count; i++)
		host->list[8 + i] = &host->containers[i];
	*list = (const struct container *const *)(host->list + 8);
	return host->container_count;
}

static inline bool host_usage(struct runtime *r, struct str id, struct container_usage *usage)
{
	struct host_runtime *host = CONTAINER_OF(r, struct host_runtime, runtime);

	(void)id;
	/* A hundredth of a core, forever. */
	*usage = (struct container_usage){.at = env_wall(host->env),
		.cpu_ns = (int64_t)(env_wall(host->env) % (1000000 * SEC)) / 100,
		.memory_bytes = 20 * (int64_t)MIB,
		.memory_working_set = 16 * (int64_t)MIB,
		.memory_rss = 8 * (int64_t)MIB,
		.pids = 3};
	return true;
}

static inline void host_listen(struct runtime *r, struct runtime_listener *l)
{
	list_push(&CONTAINER_OF(r, struct host_runtime, runtime)->listeners, &l->in_runtime);
}

/* Tests: it has ended. */
static inline void host_runtime_end(struct host_runtime *host, size_t container, int32_t code)
{
	struct container *c = &host->containers[container];

	c->state = CONTAINER_EXITED;
	c->exit_code = code;
	list_each_safe (k, &host->listeners) {
		struct runtime_listener *l = LIST_ENTRY(k, struct runtime_listener, in_runtime);

		l->changed(l, c->sandbox, c->id);
	}
}

static inline void host_runtime_add(struct host_runtime *host, const char *pod, const char *uid,
	const char *container, const char *id, const char *log)
{
	struct sandbox *s = &host->sandboxes[host->sandbox_count++];
	struct container *c = &host->containers[host->container_count++];

	*s = (struct sandbox){.id = str_from(uid),
		.name = str_from(pod),
		.namespace = STR("default"),
		.uid = str_from(uid),
		.created = env_wall(host->env)};
	*c = (struct container){.id = str_from(id),
		.sandbox = s->id,
		.name = str_from(container),
		.image = STR("host"),
		.state = CONTAINER_RUNNING,
		.created = env_wall(host->env),
		.started = env_wall(host->env),
		.log_path = str_from(log)};
}

static const struct runtime_ops host_runtime_ops = {
	.name = "host",
	.version = "1.0",
	.session_start = host_session_start,
	.session_wait = host_session_wait,
	.session_resize = host_session_resize,
	.connect = host_connect,
	.sandboxes = host_sandboxes,
	.containers = host_containers,
	.usage = host_usage,
	.listen = host_listen,
};

static inline void host_runtime_init(struct host_runtime *host, struct env *env)
{
	*host = (struct host_runtime){.runtime.ops = &host_runtime_ops, .env = env};
	list_init(&host->listeners);
}

#endif
