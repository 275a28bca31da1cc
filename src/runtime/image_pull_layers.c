/* The layers of a pull: some at once, the same one once. */
#include "image_pull.h"

#include <kube/mem.h>

static void layers_cancel(struct op *op)
{
	struct image_pull *p = op->ctx;

	for (size_t i = 0; i < p->layer_next; i++)
		op_cancel(&p->layers[i].op);
}

static const struct op_kind layers_op = {.name = "layers", .cancel = layers_cancel};

static void layer_finished(struct op *op, struct err *err);

static void start_layers(struct image_pull *p)
{
	struct image_store *s = p->job.store;

	while (!p->layer_err.code && p->layer_next < p->document.count &&
		p->layer_running < s->parallel) {
		size_t i = p->layer_next++;
		struct layer_wait *l = &p->layers[i];
		if (l->same != i) {
			p->layer_done++;
			continue;
		}
		p->layer_running++;
		op_init(&l->op, p->all->scope, layer_finished, OP_NO_DEADLINE);
		image_fetch_start(&l->fetch, &l->op);
	}
	if (p->layer_running)
		return;
	struct op *all = TAKE(p->all);
	p->layer_err.code ? op_fail(all, &p->layer_err) : op_finish(all, 0);
}

static void layer_finished(struct op *op, struct err *err)
{
	struct image_pull *p = CONTAINER_OF(op, struct layer_wait, op)->pull;

	p->layer_running--;
	p->layer_done++;
	/* The first failure is the reason of all others. */
	if (err->code && !p->layer_err.code) {
		err_move(&p->layer_err, err);
		layers_cancel(p->all);
	}
	start_layers(p);
}

void image_pull_layers(struct image_pull *p)
{
	size_t count = p->document.count;
	struct op *all = task_await(&p->job.task, PULL_LAYERS, OP_NO_DEADLINE);

	image_pull_end_call(p);
	p->layers = mem_new(MAX(count, (size_t)1) * sizeof(p->layers[0]));
	p->state.layers = (int)count;
	for (size_t i = 0; i < count; i++) {
		struct layer_wait *l = &p->layers[i];
		l->pull = p;
		l->fetch.store = p->job.store;
		l->fetch.session = &p->session;
		l->fetch.digest = p->document.entries[i].digest;
		l->fetch.size = p->document.entries[i].size;
		l->fetch.diff = p->config.diff_ids.items[i];
		p->state.bytes_total += l->fetch.size;
		while (!str_eq(p->layers[l->same].fetch.diff, l->fetch.diff))
			l->same++;
	}
	if (!op_begin(all, &layers_op, p))
		return;
	p->all = all;
	start_layers(p);
}

/* ---- progress ---- */

static void update_state(struct image_pull *p)
{
	p->state.layers_done = (int)p->layer_done;
	p->state.bytes = 0;
	for (size_t i = 0; p->layers && i < p->document.count; i++)
		p->state.bytes +=
			p->layers[i].fetch.here ? p->layers[i].fetch.size : p->layers[i].fetch.come;
}

size_t image_store_pulls(struct image_store *s, const struct image_pull_state **states)
{
	size_t n = 0;

	mem_free(TAKE(s->pull_states));
	list_each (k, &s->pulls)
		n++;
	struct image_pull_state *all = mem_new(MAX(n, (size_t)1) * sizeof(all[0]));
	n = 0;
	list_each (k, &s->pulls) {
		struct image_pull *p = CONTAINER_OF(k, struct image_pull, in_store);
		update_state(p);
		all[n++] = p->state;
	}
	s->pull_states = all;
	*states = all;
	return n;
}
