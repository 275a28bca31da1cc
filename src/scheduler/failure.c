/*
 * A pod that found no node: what is told and written about it, and the pods that are asked to go
 * for it. Victims first get their condition, then go.
 */
#include "shell.h"

#include <kube/api_codec.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>

static const struct resource *pods_resource(void)
{
	return resource_find(STR(""), STR("v1"), STR("pods"));
}

/* ---- conditions ---- */

static struct str time_text(struct arena *a, int64_t wall)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);

	time_print(&text, wall);
	return arena_str(a, buf_str(&text));
}

static const struct cJSON *condition_of(const struct cJSON *pod, const char *type)
{
	json_each (condition, json_path(pod, "status.conditions"))
		if (str_eq_text(tree_str(condition, "type"), type))
			return condition;
	return NULL;
}

struct wanted {
	const char *type, *status, *reason;
	struct str message;
};

/* Behind those that are there, as upstream's patches say it. */
static void keep_order(
	struct arena *a, struct cJSON *patch, const struct cJSON *pod, const char *added)
{
	struct cJSON *order = json_new(a, JSON_ARRAY);
	bool there = false;

	json_each (condition, json_path(pod, "status.conditions")) {
		struct cJSON *mark = json_new(a, JSON_OBJECT);
		struct str type = tree_str(condition, "type");

		tree_set_str(a, mark, "type", type);
		json_append(order, mark);
		there |= str_eq_text(type, added);
	}
	if (!there) {
		struct cJSON *mark = json_new(a, JSON_OBJECT);

		tree_set_str(a, mark, "type", str_from(added));
		json_append(order, mark);
	}
	tree_set(a, patch, "status.$setElementOrder/conditions", order);
}

/* false: it stands there already. */
static bool add_condition(struct arena *a, struct cJSON *patch, const struct cJSON *pod,
	const struct wanted *w, int64_t now)
{
	const struct cJSON *old = condition_of(pod, w->type);
	bool kept = str_eq_text(tree_str(old, "status"), w->status);
	int64_t generation = tree_int(pod, "metadata.generation", 0);

	if (kept && str_eq_text(tree_str(old, "reason"), w->reason) &&
		str_eq(tree_str(old, "message"), w->message) &&
		tree_int(old, "observedGeneration", 0) == generation)
		return false;
	struct cJSON *list = json_new(a, JSON_ARRAY), *c = json_new(a, JSON_OBJECT);
	tree_set_str(a, c, "type", str_from(w->type));
	if (generation)
		tree_set_int(a, c, "observedGeneration", generation);
	tree_set_str(a, c, "status", str_from(w->status));
	json_set(a, c, STR("lastProbeTime"), json_new(a, JSON_NULL));
	tree_set_str(a, c, "lastTransitionTime",
		kept ? tree_str(old, "lastTransitionTime") : time_text(a, now));
	tree_set_str(a, c, "reason", str_from(w->reason));
	tree_set_str(a, c, "message", w->message);
	json_append(list, c);
	keep_order(a, patch, pod, w->type);
	tree_set(a, patch, "status.conditions", list);
	return true;
}

static void status_written(struct chore *c, const struct err *err)
{
	if (err->code && err->code != ERR_CANCELLED && err->code != ERR_NOT_FOUND &&
		err->code != ERR_CONFLICT)
		log_warning(err, "cannot write the status of a pod",
			LOG_STR("namespace", c->request.namespace),
			LOG_STR("pod", c->request.name));
}

static struct chore *status_patch(struct scheduler *s, const struct pod *p, struct cJSON **patch)
{
	struct chore *c = chore_new(
		&s->chores, CLIENT_PATCH_STRATEGIC, pods_resource(), p->namespace, p->name);

	c->request.subresource = STR("status");
	*patch = json_new(&c->arena, JSON_OBJECT);
	/* Not of another pod of that name. */
	tree_set_str(&c->arena, *patch, "metadata.uid", p->uid);
	c->request.body = *patch;
	c->over = status_written;
	c->ctx = s;
	return c;
}

void failure_write(struct scheduler *s, const struct pod *p, const char *reason, struct str message,
	bool nominate, struct str node)
{
	_cleanup_(arena_done) struct arena a;
	struct cJSON *patch;

	arena_init(&a);
	struct chore *c = status_patch(s, p, &patch);
	const struct cJSON *pod = p->object ? object_lean_tree(&a, p->object) : NULL;
	struct wanted w = {"PodScheduled", "False", reason, message};
	bool changed = reason && add_condition(&c->arena, patch, pod, &w, env_wall(s->base.env));
	if (nominate && !str_eq(tree_str(pod, "status.nominatedNodeName"), node)) {
		tree_set(&c->arena, patch, "status.nominatedNodeName",
			node.len ? json_new_str(&c->arena, node) : json_new(&c->arena, JSON_NULL));
		changed = true;
	}
	if (changed) {
		chore_start(c);
		return;
	}
	chore_drop(c);
}

/* ---- preemption ---- */

/* One pod's victims, until all have been asked to go. */
struct eviction {
	struct scheduler *scheduler;
	struct pod *pod;
	char *node;
	size_t left;
	bool failed;
};
struct victim {
	struct eviction *eviction;
	struct pod *pod;
};

static void victim_over(struct victim *v, bool failed)
{
	struct eviction *e = v->eviction;
	struct scheduler *s = e->scheduler;
	struct queued *queued;

	e->failed |= failed;
	pod_facts_unref(v->pod);
	mem_free(v);
	if (--e->left)
		return;
	queued = queue_find(&s->queue, e->pod->uid);
	if (queued && queued->preempting)
		queue_preempted(&s->queue, queued, e->failed, scheduler_now(s));
	scheduler_kick(s);
	pod_facts_unref(e->pod);
	mem_free(e->node);
	mem_free(e);
}

static void victim_deleted(struct chore *c, const struct err *err)
{
	struct victim *v = c->ctx;
	struct eviction *e = v->eviction;
	bool gone = err->code == ERR_NOT_FOUND || err->code == ERR_CONFLICT;

	if (!err->code)
		announce(&e->scheduler->announcer, v->pod, e->pod, "Normal", "Preempted",
			"Preempting",
			arena_print(&c->arena, "Preempted by pod %.*s on node %s",
				STRF(e->pod->uid), e->node));
	else if (!gone && err->code != ERR_CANCELLED)
		log_warning(err, "cannot preempt a pod", LOG_STR("pod", v->pod->key));
	victim_over(v, err->code && !gone);
}

static void delete_victim(struct victim *v)
{
	struct chore *c = chore_new(&v->eviction->scheduler->chores, CLIENT_DELETE, pods_resource(),
		v->pod->namespace, v->pod->name);
	struct cJSON *options = json_new(&c->arena, JSON_OBJECT);

	tree_set_str(&c->arena, options, "kind", STR("DeleteOptions"));
	tree_set_str(&c->arena, options, "apiVersion", STR("v1"));
	tree_set_str(&c->arena, options, "preconditions.uid", v->pod->uid);
	c->request.body = options;
	c->over = victim_deleted;
	c->ctx = v;
	chore_start(c);
}

static void victim_marked(struct chore *c, const struct err *err)
{
	struct victim *v = c->ctx;

	if (scope_closing(&v->eviction->scheduler->scope) ||
		(err->code && err->code != ERR_NOT_FOUND && err->code != ERR_CONFLICT)) {
		status_written(c, err);
		victim_over(v, true);
		return;
	}
	delete_victim(v);
}

static void mark_victim(struct scheduler *s, struct victim *v)
{
	_cleanup_(arena_done) struct arena a;
	struct cJSON *patch;
	struct chore *c = status_patch(s, v->pod, &patch);

	arena_init(&a);
	struct wanted w = {"DisruptionTarget", "True", "PreemptionByScheduler",
		arena_print(&a, "%.*s: preempting to accommodate a higher priority pod",
			STRF(v->eviction->pod->scheduler_name))};
	const struct cJSON *pod = v->pod->object ? object_lean_tree(&a, v->pod->object) : NULL;
	if (!add_condition(&c->arena, patch, pod, &w, env_wall(s->base.env))) {
		chore_drop(c);
		delete_victim(v);
		return;
	}
	c->over = victim_marked;
	c->ctx = v;
	chore_start(c);
}

/* Less important pods that were promised this node must look for another. */
static void take_promises(struct scheduler *s, const struct pod *p, struct str node)
{
	const struct pod_list *l = cluster_nominated(&s->cluster, node);

	for (size_t i = l ? l->count : 0; i-- > 0;) {
		struct pod *other = l->items[i];

		if (other->priority >= p->priority || str_eq(other->uid, p->uid))
			continue;
		bool last = l->count == 1;
		pod_facts_ref(other);
		failure_write(s, other, NULL, STR(""), true, STR(""));
		cluster_denominate(&s->cluster, other->uid);
		pod_facts_unref(other);
		if (last)
			return;
	}
}

static void preempt(struct scheduler *s, struct queued *q, const struct decision *d)
{
	struct eviction *e = mem_new(sizeof(*e));

	*e = (struct eviction){.scheduler = s,
		.pod = pod_facts_ref(q->pod),
		.node = str_dup(d->nominated),
		.left = d->victim_count};
	q->preempting = true;
	for (size_t i = 0; i < d->victim_count; i++) {
		struct victim *v = mem_new(sizeof(*v));

		*v = (struct victim){.eviction = e, .pod = pod_facts_ref(d->victims[i])};
		mark_victim(s, v);
	}
}

/* ---- all of it ---- */

void failure_handle(struct scheduler *s, struct queued *e, const struct decision *d)
{
	struct pod *p = e->pod;
	int64_t now = scheduler_now(s);

	if (d->failed)
		queue_failed(&s->queue, e, now);
	else
		queue_rejected(&s->queue, e, d->rejected_by, d->no_nodes, now);
	announce(&s->announcer, p, NULL, "Warning", "FailedScheduling", "Scheduling", d->message);
	if (d->nominate && d->nominated.len) {
		take_promises(s, p, d->nominated);
		cluster_nominate(&s->cluster, p, d->nominated);
	} else if (d->nominate) {
		cluster_denominate(&s->cluster, p->uid);
	}
	if (d->victim_count)
		preempt(s, e, d);
	failure_write(s, p, d->failed ? "SchedulerError" : "Unschedulable", d->message, d->nominate,
		d->nominated);
}
