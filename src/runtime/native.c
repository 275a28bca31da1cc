/* The runtime's lists, lifetimes, and what is answered from memory. */
#include "native.h"
#include "version_generated.h"

#include <kube/mem.h>

#include <unistd.h>

/* ---- who is told ---- */

void native_changed(struct native *n, struct str sandbox, struct str container)
{
	list_each_safe (k, &n->listeners) {
		struct runtime_listener *l = LIST_ENTRY(k, struct runtime_listener, in_runtime);
		l->changed(l, sandbox, container);
	}
}

static void native_listen(struct runtime *r, struct runtime_listener *l)
{
	list_push(&native_of(r)->listeners, &l->in_runtime);
}

/* ---- sandboxes ---- */

struct native_sandbox *native_sandbox_new(struct native *n, struct str id)
{
	struct native_sandbox *s = mem_new(sizeof(*s));

	*s = (struct native_sandbox){.native = n, .pidfd = -1, .holds = 1};
	arena_init_lasting(&s->arena);
	s->s.id = arena_str(&s->arena, id);
	s->s.state = SANDBOX_NOT_READY;
	s->directory = arena_print(&s->arena, "%s/sandboxes/%.*s", n->root.at, STRF(id));
	/* A socket's name has little room. */
	s->socket = arena_print(&s->arena, "%s/sockets/%.*s", n->root.at, 20, id.at);
	return s;
}

void native_sandbox_list(struct native_sandbox *s)
{
	struct native *n = s->native;

	omap_set(&n->sandboxes, s->s.id, s);
	s->listed = true;
}

void native_sandbox_hold(struct native_sandbox *s)
{
	s->holds++;
}

void native_sandbox_release(struct native_sandbox *s)
{
	if (--s->holds > 0)
		return;
	native_sandbox_let_go(s);
	link_remove(&s->in_users);
	if (s->pidfd >= 0)
		close(s->pidfd);
	arena_done(&s->arena);
	mem_free(s);
}

void native_sandbox_forget(struct native_sandbox *s)
{
	if (s->gone)
		return;
	s->gone = true;
	if (s->listed)
		omap_remove(&s->native->sandboxes, s->s.id);
	s->listed = false;
	list_each_safe (k, &s->containers)
		native_container_forget(LIST_ENTRY(k, struct native_container, in_sandbox));
	native_sandbox_release(s);
}

struct native_sandbox *native_sandbox_find(struct native *n, struct str id, struct err *err)
{
	struct native_sandbox *s = omap_get(&n->sandboxes, id);

	if (!s)
		err_set(err, ERR_NOT_FOUND, "sandbox \"%.*s\": not found", STRF(id));
	return s;
}

/* ---- containers ---- */

struct native_container *native_container_new(struct native_sandbox *s, struct str id)
{
	struct native_container *c = mem_new(sizeof(*c));

	*c = (struct native_container){.native = s->native, .sandbox = s, .holds = 1};
	arena_init_lasting(&c->arena);
	c->c.id = arena_str(&c->arena, id);
	c->c.sandbox = s->s.id;
	c->c.uid = c->c.gid = -1;
	c->directory = arena_print(&c->arena, "%s/containers/%.*s", s->native->root.at, STRF(id));
	list_push(&s->containers, &c->in_sandbox);
	native_sandbox_hold(s);
	return c;
}

void native_container_hold(struct native_container *c)
{
	c->holds++;
}

void native_container_release(struct native_container *c)
{
	struct native_sandbox *s = c->sandbox;

	if (--c->holds > 0)
		return;
	arena_done(&c->arena);
	mem_free(c);
	native_sandbox_release(s);
}

void native_container_forget(struct native_container *c)
{
	if (c->gone)
		return;
	c->gone = true;
	link_remove(&c->in_sandbox);
	if (omap_get(&c->native->containers, c->c.id) == c)
		omap_remove(&c->native->containers, c->c.id);
	native_container_release(c);
}

struct native_container *native_container_find(struct native *n, struct str id, struct err *err)
{
	struct native_container *c = omap_get(&n->containers, id);

	if (!c)
		err_set(err, ERR_NOT_FOUND, "container \"%.*s\": not found", STRF(id));
	return c;
}

struct str native_new_id(struct native *n, struct arena *a)
{
	uint8_t bytes[NATIVE_ID_LEN / 2];
	char text[NATIVE_ID_LEN];

	env_random(n->env, bytes, sizeof(bytes));
	for (size_t i = 0; i < NATIVE_ID_LEN; i++)
		text[i] = "0123456789abcdef"[(bytes[i / 2] >> (i % 2 ? 0 : 4)) & 15];
	return arena_str(a, str_make(text, sizeof(text)));
}

/* ---- at once, from memory ---- */

static size_t native_sandboxes(struct runtime *r, const struct sandbox *const **list)
{
	struct native *n = native_of(r);
	size_t count = 0;

	n->sandbox_list =
		mem_resize(n->sandbox_list, (n->sandboxes.count + 1) * sizeof(*n->sandbox_list));
	omap_each (it, &n->sandboxes)
		n->sandbox_list[count++] = &((struct native_sandbox *)it.value)->s;
	*list = n->sandbox_list;
	return count;
}

static size_t native_containers(struct runtime *r, const struct container *const **list)
{
	struct native *n = native_of(r);
	size_t count = 0;

	n->container_list = mem_resize(
		n->container_list, (n->containers.count + 1) * sizeof(*n->container_list));
	omap_each (it, &n->containers)
		n->container_list[count++] = &((struct native_container *)it.value)->c;
	*list = n->container_list;
	return count;
}

static size_t native_images(struct runtime *r, const struct image *const **list)
{
	struct runtime_images *i = native_of(r)->images;

	return i->list(i, list);
}

static const struct image *native_image(struct runtime *r, struct str reference)
{
	struct runtime_images *i = native_of(r)->images;

	return i->find(i, reference);
}

/* ---- images ---- */

static void native_pull(struct runtime *r, struct op *op, struct runtime_pull *pull)
{
	struct runtime_images *i = native_of(r)->images;

	i->pull(i, op, pull);
}

static bool uses(const struct native_container *c, struct str image)
{
	for (size_t i = 0; i < c->mounted_count; i++)
		if (str_eq(c->mounted[i], image))
			return true;
	return str_eq(c->c.image, image);
}

/* Its layers are what those containers stand on, or look into. */
static struct native_container *user_of(struct native *n, struct str image)
{
	omap_each (it, &n->containers) {
		struct native_container *c = it.value;
		if (uses(c, image))
			return c;
	}
	return NULL;
}

static void native_remove_image(struct runtime *r, struct op *op, struct str id)
{
	static const struct op_kind kind = {.name = "remove image"};
	struct native *n = native_of(r);
	const struct image *image = n->images->find(n->images, id);
	struct native_container *user = user_of(n, image ? image->id : id);

	if (!user)
		n->images->remove(n->images, op, image ? image->id : id);
	else if (op_begin(op, &kind, n))
		op_fail_with(op, ERR_CONFLICT, "image %.*s is used by container %s", STRF(id),
			user->c.id.at);
}

/* ---- the end ---- */

static void free_now(struct native *n)
{
	struct op *op = TAKE(n->stopping);

	n->stopped = true;
	op_finish(op, 0);
}

static void all_closed(struct op *op, struct err *err)
{
	(void)err;
	free_now(CONTAINER_OF(op, struct native, closed));
}

static void stop_further(struct native *n)
{
	if (!n->stopping || n->busy > 0 || op_active(&n->closed))
		return;
	native_seed_end(n->seed);
	op_init(&n->closed, n->scope.parent, all_closed, OP_NO_DEADLINE);
	scope_close(&n->scope, &n->closed);
}

void native_enter(struct native *n)
{
	n->busy++;
}

void native_leave(struct native *n)
{
	n->busy--;
	stop_further(n);
}

static void native_stop(struct runtime *r, struct op *op)
{
	static const struct op_kind kind = {.name = "stop runtime"};
	struct native *n = native_of(r);

	op_begin_always(op, &kind, n);
	n->stopping = op;
	native_gauge_free(TAKE(n->gauge));
	omap_each (it, &n->sandboxes) {
		struct native_sandbox *s = it.value;
		s->ending = true;
		native_link_close(s);
		native_sandbox_let_go(s);
	}
	stop_further(n);
}

static void native_free(struct runtime *r)
{
	struct native *n = native_of(r);

	assert(n->stopped && n->busy == 0);
	for (;;) {
		struct omap_iter it = {0};
		if (!omap_next(&n->sandboxes, &it))
			break;
		native_sandbox_forget(it.value);
	}
	native_seed_free(n->seed);
	omap_done(&n->sandboxes);
	omap_done(&n->containers);
	mem_free(n->sandbox_list);
	mem_free(n->container_list);
	cgroup_done(&n->cgroups);
	arena_done(&n->arena);
	mem_free(n);
}

const struct runtime_ops native_ops = {
	.name = "kube",
	.version = KUBE_VERSION,
	.stop = native_stop,
	.free = native_free,
	.run_sandbox = native_run_sandbox,
	.stop_sandbox = native_stop_sandbox,
	.remove_sandbox = native_remove_sandbox,
	.create_container = native_create_container,
	.start_container = native_start_container,
	.stop_container = native_stop_container,
	.remove_container = native_remove_container,
	.update_container = native_update_container,
	.reopen_log = native_reopen_log,
	.exec = native_exec,
	.session_start = native_session_start,
	.session_wait = native_session_wait,
	.session_resize = native_session_resize,
	.connect = native_connect,
	.pull = native_pull,
	.remove_image = native_remove_image,
	.sandboxes = native_sandboxes,
	.containers = native_containers,
	.images = native_images,
	.image = native_image,
	.usage = native_usage,
	.listen = native_listen,
};
