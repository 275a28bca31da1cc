#include "pods_end.h"

#include <kube/buf.h>
#include <kube/cgroup.h>
#include <kube/image_store.h>
#include <kube/mem.h>
#include <kube/mount.h>
#include <kube/pod_network.h>
#include <kube/proxy.h>
#include <kube/route.h>
#include <kube/time.h>

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOPBACK_LINK 1
#define GRACE_USUAL   30 /* s */
#define GRACE_MOST    (24 * 60 * 60)

struct pods_end {
	const struct pods_end_options *options;
	struct server_trace trace;
	struct arena arena;
	struct loop *loop;
	struct env *env;
	struct image_store *images;
	struct image_store_options image_options;
	struct pod_network *network;
	struct runtime *runtime;
	struct runtime_native_options runtime_options;
	struct err *err; /* the first */
	size_t pending;
	bool none_pending;
};

/* ---- one after the other, or many at once ---- */

struct pods_end_op {
	struct op op;
	struct pods_end *end;
};

static void failed(struct pods_end *e, struct err *why)
{
	fprintf(stderr, "kube: %s\n", err_text(why));
	if (!e->err->code)
		err_move(e->err, why);
	else
		err_done(why);
}

static void noted(struct op *op, struct err *err)
{
	struct pods_end *e = CONTAINER_OF(op, struct pods_end_op, op)->end;

	if (err->code)
		failed(e, err);
	e->none_pending = --e->pending == 0;
}

static struct op *begin(struct pods_end *e)
{
	struct pods_end_op *o = arena_new(&e->arena, sizeof(*o));

	o->end = e;
	e->pending++;
	e->none_pending = false;
	op_init(&o->op, loop_root(e->loop), noted, OP_NO_DEADLINE);
	return &o->op;
}

static void await_all(struct pods_end *e)
{
	if (e->pending)
		loop_run_until(e->loop, &e->none_pending, NULL);
}

static const char *path(struct pods_end *e, const char *name)
{
	return arena_print(&e->arena, "%s/%s", e->options->data_dir, name).at;
}

/* ---- the runtime, as the server had it ---- */

static void open_runtime(struct pods_end *e)
{
	const struct pod_network_options network = {.directory = path(e, "network")};
	_cleanup_(err_done) struct err err = {0};

	e->image_options = (struct image_store_options){.root = path(e, "runtime"), .drop = ""};
	image_store_open(e->env, begin(e), loop_root(e->loop), &e->image_options, &e->images);
	await_all(e);
	if (!e->images)
		return;
	if (pod_network_new(e->env, loop_root(e->loop), &network, &e->network, &err)) {
		failed(e, &err);
		return;
	}
	pod_network_start(e->network, begin(e));
	await_all(e);
	e->runtime_options = (struct runtime_native_options){.root = path(e, "runtime"),
		.images = image_store_images(e->images),
		.network = pod_network_runtime(e->network)};
	runtime_native_start(
		e->env, begin(e), loop_root(e->loop), &e->runtime_options, &e->runtime);
	await_all(e);
}

static void close_runtime(struct pods_end *e)
{
	if (e->runtime) {
		e->runtime->ops->stop(e->runtime, begin(e));
		await_all(e);
		e->runtime->ops->free(e->runtime);
	}
	if (e->images) {
		image_store_stop(e->images, begin(e));
		await_all(e);
		image_store_free(e->images);
	}
	if (e->network) {
		pod_network_stop(e->network, begin(e));
		await_all(e);
		pod_network_free(e->network);
	}
}

/* ---- pods ---- */

static int64_t grace_of(const struct pods_end *e, const struct container *c)
{
	int64_t seconds = GRACE_USUAL;

	for (size_t i = 0; i < c->annotations.count; i++)
		if (str_eq_text(c->annotations.items[i].key,
			    "io.kubernetes.pod.terminationGracePeriod"))
			str_to_i64(c->annotations.items[i].value, &seconds);
	if (e->options->grace >= 0)
		seconds = e->options->grace;
	return MIN(MAX(seconds, 0), GRACE_MOST) * SEC;
}

static void end_containers(struct pods_end *e)
{
	const struct container *const *list;
	size_t count = e->runtime->ops->containers(e->runtime, &list);
	struct str *ids = arena_alloc(&e->arena, (count + 1) * sizeof(*ids));
	int64_t *graces = arena_alloc(&e->arena, (count + 1) * sizeof(*graces));
	size_t running = 0;

	for (size_t i = 0; i < count; i++)
		if (list[i]->state == CONTAINER_RUNNING) {
			ids[running] = arena_str(&e->arena, list[i]->id);
			graces[running++] = grace_of(e, list[i]);
		}
	for (size_t i = 0; i < running; i++)
		e->runtime->ops->stop_container(e->runtime, begin(e), ids[i], graces[i]);
	await_all(e);
}

static size_t end_sandboxes(struct pods_end *e)
{
	const struct sandbox *const *list;
	size_t count = e->runtime->ops->sandboxes(e->runtime, &list), ready = 0;
	struct str *ids = arena_alloc(&e->arena, (count + 1) * sizeof(*ids));

	for (size_t i = 0; i < count; i++) {
		ids[i] = arena_str(&e->arena, list[i]->id);
		ready += list[i]->state == SANDBOX_READY;
	}
	for (size_t i = 0; i < count; i++)
		e->runtime->ops->stop_sandbox(e->runtime, begin(e), ids[i]);
	await_all(e);
	return ready;
}

/* ---- what stands outside of the directory ---- */

/* mountinfo writes what would break its columns as three octal digits. */
static struct str unescaped(struct arena *a, struct str word)
{
	char *text = arena_alloc(a, word.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < word.len; i++) {
		const char *c = word.at + i;
		if (*c == '\\' && i + 3 < word.len) {
			text[len++] = (char)(((c[1] & 3) << 6) | ((c[2] & 7) << 3) | (c[3] & 7));
			i += 3;
		} else {
			text[len++] = *c;
		}
	}
	text[len] = 0;
	return str_make(text, len);
}

/* Later mounts stand later in the list, so it is gone through from its end. */
static void end_mounts(struct pods_end *e)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * MIB);
	_cleanup_(err_done) struct err err = {0};
	struct str rest, line, word, below = str_from(path(e, ""));

	if (disk_read_file(e->env->disk, "/proc/self/mountinfo", &text, &err)) {
		failed(e, &err);
		return;
	}
	rest = str_trim(buf_str(&text));
	for (bool more = rest.len != 0; more;) {
		more = str_cut_last(rest, '\n', &rest, &line);
		if (!more)
			line = rest;
		for (int column = 0; column < 5; column++)
			str_next(&line, ' ', &word);
		word = unescaped(&e->arena, word);
		if (str_starts(word, below) && mount_detach(word.at, &err))
			failed(e, &err);
	}
}

static void end_cgroups(struct pods_end *e)
{
	_cleanup_(err_done) struct err err = {0};
	struct cgroups cgroups;

	if (cgroup_load(&cgroups, &err) || cgroup_remove(&cgroups, "/kubepods", &err))
		failed(e, &err);
	cgroup_done(&cgroups);
}

static void end_network(struct pods_end *e)
{
	const struct server_trace *t = &e->trace;
	_cleanup_(err_done) struct err err = {0};
	struct route *r;

	if (pod_network_clear(&err))
		failed(e, &err);
	if (proxy_clean_up(&err))
		failed(e, &err);
	if (route_open(&r, -1, &err)) {
		failed(e, &err);
		return;
	}
	for (size_t i = 0; i < t->dns_ip_count; i++) {
		const struct cidr whole = {
			.ip = t->dns_ips[i], .bits = (uint8_t)(8 * t->dns_ips[i].len)};
		if (route_remove_address(r, LOOPBACK_LINK, &whole, &err))
			failed(e, &err);
	}
	route_close(r);
}

/* ---- all of it ---- */

static void end_all(struct pods_end *e, size_t *ended)
{
	struct stat there;

	e->loop = loop_new();
	e->env = env_new(e->loop);
	/* Without that directory there has never been a pod. */
	if (stat(path(e, "runtime"), &there) == 0)
		open_runtime(e);
	if (e->runtime) {
		end_containers(e);
		*ended = end_sandboxes(e);
	}
	close_runtime(e);
	end_mounts(e);
	end_cgroups(e);
	end_network(e);
	loop_shutdown(e->loop);
	loop_run(e->loop, NULL);
	env_free(e->env);
	loop_free(e->loop);
}

int pods_end(const struct pods_end_options *options, size_t *ended, struct err *err)
{
	struct pods_end e = {.options = options, .err = err};

	*ended = 0;
	if (geteuid() != 0)
		return err_set(err, ERR_FORBIDDEN, "only root can end pods: begin with sudo");
	arena_init(&e.arena);
	int code = server_lock_read(&e.arena, options->data_dir, &e.trace, err);
	if (!code)
		code = server_lock_take(options->data_dir, &e.trace, err);
	if (!code) {
		end_all(&e, ended);
		code = err->code;
	}
	arena_done(&e.arena);
	return code;
}
