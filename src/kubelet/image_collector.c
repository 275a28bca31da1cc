#include "image_collector.h"

#include <kube/log.h>
#include <kube/machine.h>
#include <kube/mem.h>
#include <kube/task.h>
#include <kube/time.h>

#include <stdlib.h>

/* Upstream's: begins at 85 %, ends at 80 %, looks every five minutes, spares what is young. */
#define LOOK_EVERY   (5 * MINUTE)
#define HIGH_PERCENT 85
#define LOW_PERCENT  80
#define YOUNG        (2 * MINUTE)

enum collect_step { COLLECT_WAIT, COLLECT_LOOK, COLLECT_REMOVED };
static const char *const collect_steps[] = {"wait", "look", "removed"};

struct image_collector {
	struct kubelet *k;
	struct op op;
	struct task task;
	struct arena arena;
	struct str *ids;
	size_t count, next;
};

int64_t images_excess(int64_t size, int64_t available)
{
	int64_t used = size - MIN(available, size);

	if (size <= 0 || used * 100 / size < HIGH_PERCENT)
		return 0;
	return used - size / 100 * LOW_PERCENT;
}

static bool in_use(const struct image *image, const struct container *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(list[i]->image, image->id))
			return true;
	return false;
}

static int by_use(const void *a, const void *b)
{
	const struct image *x = *(const struct image *const *)a;
	const struct image *y = *(const struct image *const *)b;

	return (x->last_used > y->last_used) - (x->last_used < y->last_used);
}

size_t images_to_remove(struct arena *a, const struct image *const *images, size_t count,
	const struct container *const *containers, size_t container_count, int64_t bytes,
	int64_t now, struct str **ids)
{
	const struct image **unused = arena_alloc(a, (count + 1) * sizeof(*unused));
	size_t found = 0, chosen = 0;

	*ids = arena_alloc(a, (count + 1) * sizeof(**ids));
	for (size_t i = 0; i < count; i++)
		if (!images[i]->pinned && now - images[i]->last_used >= YOUNG &&
			!in_use(images[i], containers, container_count))
			unused[found++] = images[i];
	qsort(unused, found, sizeof(*unused), by_use);
	for (; chosen < found && bytes > 0; chosen++) {
		(*ids)[chosen] = arena_str(a, unused[chosen]->id);
		bytes -= unused[chosen]->size;
	}
	return chosen;
}

/* ---- the shell ---- */

static void look(struct image_collector *c)
{
	struct kubelet *k = c->k;
	const struct runtime_ops *ops = k->runtime->ops;
	const struct image *const *images;
	const struct container *const *containers;
	struct machine machine;
	struct machine_free now;

	arena_done(&c->arena);
	arena_init(&c->arena);
	c->count = c->next = 0;
	if (k->options.machine)
		return; /* its disk does not fill up */
	machine_read(&c->arena, k->options.root_dir.at, &machine);
	machine_measure(k->options.root_dir.at, &now);
	int64_t excess = images_excess(machine.disk, now.disk);
	if (!excess)
		return;
	size_t image_count = ops->images(k->runtime, &images);
	size_t container_count = ops->containers(k->runtime, &containers);
	c->count = images_to_remove(&c->arena, images, image_count, containers, container_count,
		excess, env_wall(kubelet_env(k)), &c->ids);
	log_info("the disk fills up: unused images go", LOG_INT("bytes", excess),
		LOG_INT("images", (int64_t)c->count));
}

static void collect_run(struct task *t, struct err *err)
{
	struct image_collector *c = CONTAINER_OF(t, struct image_collector, task);
	struct runtime *r = c->k->runtime;

	if (err->code == ERR_CANCELLED)
		return task_fail(t, err);
	switch ((enum collect_step)t->step) {
	case COLLECT_LOOK:
		look(c);
		break;
	case COLLECT_REMOVED:
		/* Somebody may have begun to use it. */
		if (err->code && err->code != ERR_NOT_FOUND && err->code != ERR_CONFLICT)
			log_warning(err, "an unused image stays");
		break;
	case COLLECT_WAIT:
		break;
	}
	err_done(err);
	if (c->next < c->count)
		r->ops->remove_image(
			r, task_await(t, COLLECT_REMOVED, OP_NO_DEADLINE), c->ids[c->next++]);
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
	arena_init(&c->arena);
	op_init(&c->op, &k->scope, over, OP_NO_DEADLINE);
	task_start(&c->task, &collect_kind, &c->op);
	return c;
}

void image_collector_free(struct image_collector *c)
{
	if (!c)
		return;
	arena_done(&c->arena);
	mem_free(c);
}
