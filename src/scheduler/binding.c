/*
 * From the decision to the bound pod: what plugins want written first, until that is effective,
 * then the binding. Meanwhile the pod is assumed on its node; when anything fails that ends, and
 * it is tried again.
 */
#include "shell.h"

#include <kube/api_codec.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>

#define TIMEOUT   (30 * SEC)
#define LONG_WAIT (600 * SEC) /* for volumes, as upstream */
#define ASK_AGAIN SEC

enum bind_step { BIND_NEXT, BIND_WRITTEN, BIND_LOOK, BIND_BOUND, BIND_ASK, BIND_ASKED };
static const char *const bind_steps[] = {"next", "written", "look", "bound", "ask", "asked"};

struct run {
	struct task task;
	struct op op;
	struct link in_scheduler;
	struct scheduler *scheduler;
	struct gift gift;
	struct client_request request;
	bool requesting, waiting;
	size_t write;
	int64_t until; /* how long it waits for what was written, or for an answer */
	const char *plugin;
	int lost; /* the code, when no answer came to the binding, and the text */
	struct str why;
};

static void bind_run(struct task *t, struct err *err);
static const struct task_kind bind_kind = TASK_KIND("binding", bind_steps, bind_run);

static void request_over(struct run *r)
{
	if (r->requesting)
		client_request_done(&r->request);
	r->requesting = false;
}

/* ---- steps ---- */

static void send_write(struct run *r)
{
	const struct write *w = &r->gift.writes[r->write++];
	struct scheduler *s = r->scheduler;

	client_request_init(&r->request, CLIENT_UPDATE, w->resource, w->namespace, w->name);
	r->requesting = true;
	r->request.body = w->body;
	client_send(s->base.client,
		task_await(&r->task, BIND_WRITTEN, loop_in(s->base.env->loop, TIMEOUT)),
		&r->request);
}

static void send_binding(struct run *r)
{
	const struct gift *g = &r->gift;
	struct scheduler *s = r->scheduler;
	struct cJSON *body = NULL;

	for (size_t i = 0; i < g->profile->count && !body; i++) {
		const struct profile_plugin *use = &g->profile->plugins[i];

		if (!use->binds || !use->plugin->bind)
			continue;
		body = use->plugin->bind(g, &r->gift.arena);
		r->plugin = use->plugin->name;
	}
	if (!body) {
		_cleanup_(err_done) struct err err = {0};

		err_set(&err, ERR_UNSUPPORTED, "no plugin of the profile binds pods");
		task_fail(&r->task, &err);
		return;
	}
	client_request_init(&r->request, CLIENT_CREATE,
		resource_find(STR(""), STR("v1"), STR("pods")), g->pod->namespace, g->pod->name);
	r->requesting = true;
	r->request.subresource = STR("binding");
	r->request.body = body;
	client_send(s->base.client,
		task_await(&r->task, BIND_BOUND, loop_in(s->base.env->loop, TIMEOUT)), &r->request);
}

/* Is what was written effective? Asked again whenever something happens to volumes. */
static void look(struct run *r)
{
	struct scheduler *s = r->scheduler;
	struct err err = {0};

	r->waiting = false;
	for (size_t i = 0; i < r->gift.profile->count; i++) {
		const struct plugin *plugin = r->gift.profile->plugins[i].plugin;

		if (!plugin->pre_bind_done)
			continue;
		struct verdict v = plugin->pre_bind_done(&s->cluster, &r->gift, &r->gift.arena);
		if (v.code == VERDICT_OK)
			continue;
		if (v.code == VERDICT_WAIT && scheduler_now(s) < r->until) {
			r->waiting = true;
			timer_wait(task_await(&r->task, BIND_LOOK, OP_NO_DEADLINE), r->until);
			return;
		}
		err_set(&err, ERR_TIMEOUT, "running PreBind plugin \"%s\": %.*s", plugin->name,
			v.count ? (int)v.reasons[0].len : 0, v.count ? v.reasons[0].at : "");
		task_fail(&r->task, &err);
		return;
	}
	send_binding(r);
}

/* ---- when no answer came ---- */

/*
 * The pod may be bound or not. Taken for not bound, its room would be given to somebody else
 * until the caches tell: so it stays assumed, and the API is asked.
 */
static void ask(struct run *r)
{
	const struct gift *g = &r->gift;
	struct scheduler *s = r->scheduler;

	client_request_init(&r->request, CLIENT_GET, resource_find(STR(""), STR("v1"), STR("pods")),
		g->pod->namespace, g->pod->name);
	r->requesting = true;
	client_send(s->base.client,
		task_await(&r->task, BIND_ASKED, loop_in(s->base.env->loop, TIMEOUT)), &r->request);
}

static void begin_to_ask(struct run *r, const struct err *err)
{
	r->lost = err->code;
	r->why = arena_str(&r->gift.arena, str_from(err_text(err)));
	r->until = loop_in(r->scheduler->base.env->loop, TIMEOUT);
	ask(r);
}

static void asked(struct run *r)
{
	bool silent = !r->request.code;
	bool bound = str_eq(tree_str(r->request.object, "metadata.uid"), r->gift.pod->uid) &&
		     str_eq_text(tree_str(r->request.object, "spec.nodeName"), r->gift.node);

	request_over(r);
	if (silent && scheduler_now(r->scheduler) < r->until) {
		timer_wait(task_await(&r->task, BIND_ASK, OP_NO_DEADLINE),
			loop_in(r->scheduler->base.env->loop, ASK_AGAIN));
		return;
	}
	if (bound) {
		task_finish(&r->task, 1);
		return;
	}
	struct err err = {0};
	err_set(&err, r->lost, "running Bind plugin \"%s\": %.*s", r->plugin, STRF(r->why));
	task_fail(&r->task, &err);
}

static void next(struct run *r)
{
	if (r->write < r->gift.write_count)
		send_write(r);
	else if (r->gift.waits)
		look(r);
	else
		send_binding(r);
}

static void bind_run(struct task *t, struct err *err)
{
	struct run *r = CONTAINER_OF(t, struct run, task);

	if (scope_closing(&r->scheduler->scope)) {
		request_over(r);
		task_finish(t, 0);
		return;
	}
	switch ((enum bind_step)t->step) {
	case BIND_NEXT:
		next(r);
		return;
	case BIND_WRITTEN:
		request_over(r);
		if (err->code)
			task_fail(t, err);
		else
			next(r);
		return;
	case BIND_LOOK:
		look(r);
		return;
	case BIND_ASK:
		ask(r);
		return;
	case BIND_ASKED:
		asked(r);
		return;
	case BIND_BOUND: {
		bool silent = err->code && !r->request.code;

		request_over(r);
		if (silent) {
			begin_to_ask(r, err);
		} else if (err->code) {
			err_wrap(err, err->code, "running Bind plugin \"%s\"", r->plugin);
			task_fail(t, err);
		} else {
			task_finish(t, 1);
		}
		return;
	}
	}
}

void bindings_look(struct scheduler *s)
{
	list_each (k, &s->gifts) {
		struct run *r = LIST_ENTRY(k, struct run, in_scheduler);

		if (r->waiting)
			op_cancel(&r->task.wait);
	}
}

/* ---- its end ---- */

static void bound(struct run *r)
{
	struct scheduler *s = r->scheduler;
	struct pod *p = r->gift.pod;
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < r->gift.profile->count; i++)
		if (r->gift.profile->plugins[i].plugin->post_bind)
			r->gift.profile->plugins[i].plugin->post_bind(&s->cluster, &r->gift);
	announce(&s->announcer, p, NULL, "Normal", "Scheduled", "Binding",
		arena_print(&a, "Successfully assigned %.*s/%.*s to %s", STRF(p->namespace),
			STRF(p->name), r->gift.node));
	queue_remove(&s->queue, p->uid);
}

static void not_bound(struct run *r, const struct err *err)
{
	struct scheduler *s = r->scheduler;
	struct pod *p = r->gift.pod;
	const struct placement *at = cluster_placement(&s->cluster, p->uid);
	struct queued *e = queue_find(&s->queue, p->uid);
	struct happening h = {.kind = HAPPENED_POD_DELETE, .old_pod = p};

	gift_unreserve(&s->cluster, &r->gift);
	if (at && at->assumed) {
		cluster_displace(&s->cluster, p->uid);
		scheduler_happened(s, &h);
	}
	/* Deleted meanwhile, or bound by somebody. */
	if (!e)
		return;
	log_warning(
		err, "cannot bind a pod", LOG_STR("pod", p->key), LOG_TEXT("node", r->gift.node));
	struct decision d = {.failed = true, .message = str_from(err_text(err))};
	failure_handle(s, e, &d);
}

static void run_free(struct run *r)
{
	pod_facts_unref(r->gift.pod);
	mem_free(r->gift.node);
	arena_done(&r->gift.arena);
	mem_free(r);
}

static void run_over(struct op *op, struct err *err)
{
	struct run *r = CONTAINER_OF(op, struct run, op);
	struct scheduler *s = r->scheduler;

	link_remove(&r->in_scheduler);
	s->gift_count--;
	if (!scope_closing(&s->scope)) {
		if (err->code)
			not_bound(r, err);
		else
			bound(r);
		scheduler_kick(s);
	}
	run_free(r);
}

void binding_start(struct scheduler *s, struct cycle *c, struct queued *e, const struct decision *d)
{
	struct run *r = mem_new(sizeof(*r));
	struct gift *g = &r->gift;

	r->scheduler = s;
	g->pod = pod_facts_ref(e->pod);
	g->node = str_dup(d->node->facts->name);
	g->profile = e->profile;
	arena_init(&g->arena);
	struct verdict v = gift_reserve(c, g);
	if (v.code != VERDICT_OK) {
		/* Somebody was faster: it is tried again soon. */
		struct decision none = {
			.failed = true, .message = v.count ? v.reasons[0] : STR("cannot reserve")};

		failure_handle(s, e, &none);
		run_free(r);
		return;
	}
	for (size_t i = 0; i < g->profile->count; i++)
		if (g->profile->plugins[i].plugin->pre_bind)
			g->profile->plugins[i].plugin->pre_bind(&s->cluster, g);
	cluster_place(&s->cluster, g->pod, str_from(g->node), true);
	cluster_denominate(&s->cluster, g->pod->uid);
	r->until = loop_in(s->base.env->loop, LONG_WAIT);
	list_push(&s->gifts, &r->in_scheduler);
	s->gift_count++;
	op_init(&r->op, &s->scope, run_over, OP_NO_DEADLINE);
	task_start(&r->task, &bind_kind, &r->op);
}
