#include "image_collector.h"

#include <kube/log.h>
#include <kube/machine.h>
#include <kube/mem.h>
#include <kube/time.h>

#include <stdlib.h>

#define LOOK_EVERY (5 * MINUTE)

int64_t images_excess(int64_t size, int64_t available, int64_t high, int64_t low)
{
	int64_t used = size - MIN(available, size);

	/* 100: never */
	if (size <= 0 || high >= 100 || used * 100 / size < high)
		return 0;
	return used - size / 100 * low;
}

static bool in_use(const struct image *image, const struct image_choice *in)
{
	for (size_t i = 0; i < in->container_count; i++)
		if (str_eq(in->containers[i]->image, image->id))
			return true;
	return false;
}

static int by_use(const void *a, const void *b)
{
	const struct image *x = *(const struct image *const *)a;
	const struct image *y = *(const struct image *const *)b;

	return (x->last_used > y->last_used) - (x->last_used < y->last_used);
}

size_t images_to_remove(struct arena *a, const struct image_choice *in, struct str **ids)
{
	const struct image **unused = arena_alloc(a, (in->count + 1) * sizeof(*unused));
	size_t found = 0, chosen = 0;
	int64_t bytes = in->bytes;

	*ids = arena_alloc(a, (in->count + 1) * sizeof(**ids));
	for (size_t i = 0; i < in->count; i++)
		if (!in->images[i]->pinned && in->now - in->images[i]->last_used >= in->min_age &&
			!in_use(in->images[i], in))
			unused[found++] = in->images[i];
	qsort(unused, found, sizeof(*unused), by_use);
	for (size_t i = 0; i < found; i++) {
		bool old = in->max_age && in->now - unused[i]->last_used > in->max_age;

		if (bytes <= 0 && !old)
			break;
		(*ids)[chosen++] = arena_str(a, unused[i]->id);
		bytes -= unused[i]->size;
	}
	return chosen;
}

/* ---- a sweep ---- */

enum sweep_step { SWEEP_CHOOSE, SWEEP_REMOVED };
static const char *const sweep_steps[] = {"choose", "removed"};

static void choose(struct image_sweep *s)
{
	struct runtime *r = s->k->runtime;
	const struct container *const *containers;
	struct image_choice in = {.bytes = s->bytes,
		.min_age = s->k->configuration.image_min_age,
		.max_age = s->k->configuration.image_max_age,
		.now = env_wall(kubelet_env(s->k))};

	arena_init(&s->arena);
	in.container_count = r->ops->containers(r, &containers);
	in.containers = arena_copy(&s->arena, in.container_count ? (const void *)containers : "",
		in.container_count * sizeof(*containers));
	in.count = r->ops->images(r, &in.images);
	s->count = images_to_remove(&s->arena, &in, &s->ids);
	if (s->count)
		log_info("unused images go", LOG_INT("images", (int64_t)s->count));
}

static void sweep_run(struct task *t, struct err *err)
{
	struct image_sweep *s = CONTAINER_OF(t, struct image_sweep, task);
	struct runtime *r = s->k->runtime;

	/* Somebody may have begun to use it. */
	if (err->code && err->code != ERR_NOT_FOUND && err->code != ERR_CONFLICT &&
		err->code != ERR_CANCELLED)
		log_warning(err, "an unused image stays");
	if (err->code == ERR_CANCELLED) {
		arena_done(&s->arena);
		task_fail(t, err);
		return;
	}
	err_done(err);
	if ((enum sweep_step)t->step == SWEEP_CHOOSE)
		choose(s);
	if (s->next < s->count) {
		r->ops->remove_image(
			r, task_await(t, SWEEP_REMOVED, OP_NO_DEADLINE), s->ids[s->next++]);
		return;
	}
	arena_done(&s->arena);
	task_finish(t, (int64_t)s->count);
}

void image_sweep_start(struct image_sweep *s, struct op *op, struct kubelet *k, int64_t bytes)
{
	static const struct task_kind kind = TASK_KIND("image sweep", sweep_steps, sweep_run);

	*s = (struct image_sweep){.k = k, .bytes = bytes};
	task_start(&s->task, &kind, op);
}

/* ---- when ---- */

enum collect_step { COLLECT_LOOK, COLLECT_SWEPT };
static const char *const collect_steps[] = {"look", "swept"};

struct image_collector {
	struct kubelet *k;
	struct op op;
	struct task task;
	struct image_sweep sweep;
};

static int64_t excess(const struct kubelet *k)
{
	struct machine_space space;

	if (k->options.machine) /* its disk does not fill up */
		return 0;
	machine_space(k->options.image_dir.at, &space);
	return images_excess(space.bytes, space.free_bytes, k->configuration.image_high,
		k->configuration.image_low);
}

static void collect_run(struct task *t, struct err *err)
{
	struct image_collector *c = CONTAINER_OF(t, struct image_collector, task);

	if (err->code == ERR_CANCELLED)
		return task_fail(t, err);
	err_done(err);
	if ((enum collect_step)t->step == COLLECT_LOOK)
		image_sweep_start(&c->sweep, task_await(t, COLLECT_SWEPT, OP_NO_DEADLINE), c->k,
			excess(c->k));
	else
		timer_wait(task_await(t, COLLECT_LOOK, OP_NO_DEADLINE),
			loop_in(op_loop(t->op), LOOK_EVERY));
}

static const struct task_kind collect_kind =
	TASK_KIND("image collector", collect_steps, collect_run);

static void over(struct op *op, struct err *err)
{
	(void)op;
	(void)err;
}

struct image_collector *image_collector_new(struct kubelet *k)
{
	struct image_collector *c = mem_new(sizeof(*c));

	c->k = k;
	op_init(&c->op, &k->scope, over, OP_NO_DEADLINE);
	task_start(&c->task, &collect_kind, &c->op);
	return c;
}

void image_collector_free(struct image_collector *c)
{
	mem_free(c);
}
