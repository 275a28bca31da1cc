/*
 * What containers use, measured on a worker thread every few seconds: reading dozens of files a
 * container, and walking what it wrote, is nothing to do while somebody waits for the loop.
 */
#include "native.h"

#include <kube/file_tree.h>
#include <kube/mem.h>
#include <kube/time.h>

#define PERIOD      (10 * SEC)
#define DISK_PERIOD (60 * SEC)
#define SOON        (250 * MSEC)

struct reading {
	struct native_container *container;
	struct container_usage usage;
	bool here;
};

struct native_gauge {
	struct native *native;
	struct op timer, working;
	struct work work;
	struct reading *readings;
	size_t count;
	int64_t disk_at;
	bool disk, hurry, over;
};

static void rest(struct native_gauge *g, int64_t time);

/* ---- on the worker ---- */

static void read_disk(struct reading *r, struct work *work)
{
	_cleanup_(buf_done) struct buf path = BUF_INIT(8 * KIB);
	struct file_tree_usage u;
	struct str logs, name;

	buf_print(&path, "%s/upper", r->container->directory.at);
	file_tree_measure(buf_text(&path), &work->cancelled, &u);
	r->usage.writable_bytes = u.bytes;
	r->usage.writable_inodes = u.inodes;
	if (!r->container->c.log_path.len)
		return;
	/* With those that were put away, and those of the ones before it. */
	str_cut_last(r->container->c.log_path, '/', &logs, &name);
	buf_clear(&path);
	buf_add_str(&path, logs);
	file_tree_measure(buf_text(&path), &work->cancelled, &u);
	r->usage.log_bytes = u.bytes;
}

static void measure(struct work *work)
{
	struct native_gauge *g = CONTAINER_OF(work, struct native_gauge, work);
	struct env *env = g->native->env;

	for (size_t i = 0; i < g->count && !work_cancelled(work); i++) {
		struct reading *r = &g->readings[i];
		struct cgroup_usage u = {0};
		r->here = cgroup_read_usage(&g->native->cgroups, r->container->cgroup.at, &u);
		r->usage.at = env_wall(env);
		r->usage.cpu_ns = u.cpu_ns;
		r->usage.memory_bytes = u.memory;
		r->usage.memory_working_set = u.working_set;
		r->usage.memory_rss = u.rss;
		r->usage.page_faults = u.page_faults;
		r->usage.major_page_faults = u.major_page_faults;
		r->usage.pids = u.pids;
		if (g->disk || r->container->usage.writable_inodes == 0)
			read_disk(r, work);
	}
}

/* ---- on the loop ---- */

static void gauge_done(struct native_gauge *g)
{
	mem_free(g->readings);
	mem_free(g);
}

static void take_reading(struct reading *r)
{
	struct native_container *c = r->container;

	if (r->here && !c->gone) {
		c->usage = r->usage;
		c->usage_known = true;
	}
	native_container_release(c);
}

static void measured(struct op *op, struct err *err)
{
	struct native_gauge *g = CONTAINER_OF(op, struct native_gauge, working);
	struct native *n = g->native;
	bool over = g->over;

	for (size_t i = 0; i < g->count; i++) {
		if (err->code)
			g->readings[i].here = false;
		take_reading(&g->readings[i]);
	}
	g->count = 0;
	if (over)
		gauge_done(g);
	else
		rest(g, g->hurry ? SOON : PERIOD);
	native_leave(n);
}

static void begin(struct native_gauge *g)
{
	struct native *n = g->native;
	int64_t now = loop_now(n->env->loop);

	g->hurry = false;
	g->disk = now - g->disk_at >= DISK_PERIOD;
	if (g->disk)
		g->disk_at = now;
	g->readings = mem_resize(g->readings, (n->containers.count + 1) * sizeof(*g->readings));
	omap_each (it, &n->containers) {
		struct native_container *c = it.value;
		if (c->c.state != CONTAINER_RUNNING)
			continue;
		native_container_hold(c);
		g->readings[g->count++] = (struct reading){.container = c, .usage = c->usage};
	}
	native_enter(n);
	op_init(&g->working, &n->scope, measured, OP_NO_DEADLINE);
	work_start(&g->work, &g->working, WORK_DISK, measure);
}

static void rested(struct op *op, struct err *err)
{
	struct native_gauge *g = CONTAINER_OF(op, struct native_gauge, timer);

	if (g->over) {
		gauge_done(g);
		return;
	}
	if (err->code)
		rest(g, SOON);
	else
		begin(g);
}

static void rest(struct native_gauge *g, int64_t time)
{
	op_init(&g->timer, &g->native->scope, rested, OP_NO_DEADLINE);
	timer_wait(&g->timer, loop_in(g->native->env->loop, time));
}

struct native_gauge *native_gauge_new(struct native *n)
{
	struct native_gauge *g = mem_new(sizeof(*g));

	*g = (struct native_gauge){.native = n};
	rest(g, SOON);
	return g;
}

void native_gauge_free(struct native_gauge *g)
{
	if (!g)
		return;
	g->over = true;
	op_cancel(&g->timer);
	op_cancel(&g->working);
}

/* Something has begun: its first figures need not wait for the next turn. */
void native_gauge_hurry(struct native_gauge *g)
{
	if (!g || g->hurry)
		return;
	g->hurry = true;
	op_cancel(&g->timer);
}

bool native_usage(struct runtime *r, struct str container, struct container_usage *usage)
{
	const struct native_container *c = native_container_find(native_of(r), container, NULL);

	if (!c || !c->usage_known || c->c.state != CONTAINER_RUNNING)
		return false;
	*usage = c->usage;
	return true;
}
