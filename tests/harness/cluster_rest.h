/*
 * A cluster on virtual time that has come to rest: everything wanted is there, nothing else is.
 * What stands in the server's store is looked at as a whole. Each check says what is not so yet:
 * empty when all is well.
 */
#ifndef KUBE_CLUSTER_REST_H
#define KUBE_CLUSTER_REST_H

#include "cluster_ledger.h"

struct rest {
	struct cluster_world *w;
	struct arena a;
	struct buf why;
	struct trees pods, sets, deployments, jobs, daemons, stateful, services, slices, nodes;
};

#define rest_complain(r, object, format, ...)                                                      \
	buf_print(&(r)->why, "%.*s: " format "; ", STRF(tree_str((object), "metadata.name")),      \
		__VA_ARGS__)

static void rest_read(struct rest *r, struct trees *into, const char *group, const char *plural)
{
	struct bucket *b = server_bucket(
		r->w->api.server, resource_find(str_from(group), STR("v1"), str_from(plural)));

	for (struct store_iter it = store_seek(b, STR(""), STR("")); store_next(&it);)
		trees_add(&r->a, into, object_tree(&r->a, it.object));
}

static struct str rest_owner(const struct cJSON *o)
{
	return tree_str(controller_of(o), "uid");
}

static const struct cJSON *rest_find(const struct trees *list, struct str uid)
{
	for (size_t i = 0; i < list->count; i++)
		if (str_eq(tree_str(list->items[i], "metadata.uid"), uid))
			return list->items[i];
	return NULL;
}

#define rest_each(tree, list)                                                                      \
	for (size_t at_##tree = 0; at_##tree < (list)->count; at_##tree++)                         \
		for (const struct cJSON *tree = (list)->items[at_##tree]; tree; tree = NULL)

/* status.NAME is that number. */
static void rest_number(struct rest *r, const struct cJSON *o, const char *path, int64_t wanted)
{
	if (tree_int(o, path, 0) != wanted)
		rest_complain(r, o, "%s is %lld, not %lld", path, (long long)tree_int(o, path, 0),
			(long long)wanted);
}

/* ---- owners ---- */

/* Of another revision, and without pods. */
static int64_t rest_history(const struct rest *r, const struct cJSON *d)
{
	int64_t old = 0;

	rest_each(s, &r->sets) old +=
		str_eq(rest_owner(s), tree_str(d, "metadata.uid")) &&
		tree_int(s, "spec.replicas", 0) == 0 &&
		!str_eq(note_text(s, NOTE_REVISION), note_text(d, NOTE_REVISION));
	return old;
}

static void rest_deployments(struct rest *r)
{
	rest_each(d, &r->deployments)
	{
		int64_t wanted = tree_int(d, "spec.replicas", 1);

		rest_number(
			r, d, "status.observedGeneration", tree_int(d, "metadata.generation", 0));
		/* It may have stopped in the middle. */
		if (tree_true(d, "spec.paused"))
			continue;
		rest_number(r, d, "status.replicas", wanted);
		rest_number(r, d, "status.availableReplicas", wanted);
		rest_number(r, d, "status.updatedReplicas", wanted);
		if (rest_history(r, d) > tree_int(d, "spec.revisionHistoryLimit", 10))
			rest_complain(r, d, "%lld old sets", (long long)rest_history(r, d));
	}
}

static void rest_sets(struct rest *r)
{
	rest_each(s, &r->sets)
	{
		int64_t wanted = tree_int(s, "spec.replicas", 1);

		if (!rest_find(&r->deployments, rest_owner(s)))
			rest_complain(r, s, "%s", "its deployment is gone");
		rest_number(r, s, "status.replicas", wanted);
		rest_number(r, s, "status.readyReplicas", wanted);
		rest_number(r, s, "status.availableReplicas", wanted);
	}
}

static void rest_stateful(struct rest *r)
{
	rest_each(s, &r->stateful)
	{
		int64_t wanted = tree_int(s, "spec.replicas", 1);

		rest_number(r, s, "status.replicas", wanted);
		rest_number(r, s, "status.readyReplicas", wanted);
		rest_number(r, s, "status.updatedReplicas", wanted);
		if (!str_eq(tree_str(s, "status.currentRevision"),
			    tree_str(s, "status.updateRevision")))
			rest_complain(r, s, "%s", "of two revisions");
	}
}

/*
 * A daemon's pod can go to one node only, and to none once others have filled that: it has no
 * priority over them, upstream neither. All of these pods want the same of a node.
 */
static bool rest_has_no_room(const struct rest *r, const struct cJSON *pod)
{
	const struct cJSON *term = json_at(
		json_path(pod, "spec.affinity.nodeAffinity."
			       "requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"),
		0);
	struct str node = json_str(
		json_at(json_path(json_at(json_path(term, "matchFields"), 0), "values"), 0));
	const struct cJSON *told =
		condition_find(json_path(pod, "status.conditions"), "PodScheduled");
	int64_t there = 0;

	if (!node.len || tree_has(pod, "spec.nodeName"))
		return false;
	rest_each(p, &r->pods) there +=
		!pod_is_finished(p) && str_eq(tree_str(p, "spec.nodeName"), node);
	return there >= cluster_shape.pods &&
	       str_eq_text(tree_str(told, "reason"), "Unschedulable");
}

/* A rollout waits for those, too. */
static void rest_daemons(struct rest *r)
{
	rest_each(d, &r->daemons)
	{
		int64_t count = (int64_t)r->nodes.count, waiting = 0;

		rest_each(p, &r->pods) waiting +=
			str_eq(rest_owner(p), tree_str(d, "metadata.uid")) &&
			rest_has_no_room(r, p);
		rest_number(r, d, "status.desiredNumberScheduled", count);
		if (!waiting)
			rest_number(r, d, "status.updatedNumberScheduled", count);
		rest_number(r, d, "status.numberAvailable", count - waiting);
		rest_number(r, d, "status.numberMisscheduled", 0);
	}
}

static void rest_jobs(struct rest *r)
{
	rest_each(j, &r->jobs)
	{
		bool over = job_is_finished(j);

		if (!over && !tree_true(j, "spec.suspend"))
			rest_complain(r, j, "%s", "goes on");
		rest_number(r, j, "status.active", 0);
		rest_number(r, j, "status.terminating", 0);
		if (over && tree_has(j, "spec.ttlSecondsAfterFinished"))
			rest_complain(r, j, "%s", "outlived its end");
	}
}

/* ---- pods ---- */

static void rest_pods(struct rest *r)
{
	const struct trees *owners[] = {&r->sets, &r->jobs, &r->stateful, &r->daemons};

	rest_each(p, &r->pods)
	{
		const struct cJSON *owner = NULL;
		bool job = str_eq_text(tree_str(controller_of(p), "kind"), "Job");

		for (size_t i = 0; i < ARRAY_LEN(owners) && !owner; i++)
			owner = rest_find(owners[i], rest_owner(p));
		if (!owner && controller_of(p))
			rest_complain(r, p, "%s", "its owner is gone");
		/* While a job waits a pod may be kept, for its count of failures. */
		bool kept = job && owner && !job_is_finished(owner);
		if (is_being_deleted(p) && !kept)
			rest_complain(r, p, "%s", "still going");
		if (!job && !pod_is_ready(p) && !pod_is_finished(p) && !rest_has_no_room(r, p))
			rest_complain(r, p, "%s", "not ready");
		json_each (f, json_path(p, "metadata.finalizers"))
			if (job && !kept && str_eq_text(json_str(f), JOB_FINALIZER))
				rest_complain(r, p, "%s", "ended, but not counted");
	}
}

/* ---- services ---- */

static bool rest_is_told(const struct rest *r, const struct cJSON *service, const struct cJSON *pod)
{
	rest_each(s, &r->slices)
	{
		struct str of = json_str(json_get(
			json_path(s, "metadata.labels"), STR("kubernetes.io/service-name")));

		if (!str_eq(of, tree_str(service, "metadata.name")))
			continue;
		json_each (e, json_path(s, "endpoints"))
			if (tree_true(e, "conditions.ready") &&
				str_eq(tree_str(e, "targetRef.uid"),
					tree_str(pod, "metadata.uid")) &&
				str_eq(json_str(json_at(json_path(e, "addresses"), 0)),
					tree_str(pod, "status.podIP")))
				return true;
	}
	return false;
}

static int64_t rest_told_ready(const struct rest *r, const struct cJSON *service)
{
	int64_t count = 0;

	rest_each(s, &r->slices) if (str_eq(json_str(json_get(json_path(s, "metadata.labels"),
						    STR("kubernetes.io/service-name"))),
					     tree_str(service, "metadata.name")))
		json_each (e, json_path(s, "endpoints")) count += tree_true(e, "conditions.ready");
	return count;
}

static void rest_services(struct rest *r)
{
	rest_each(s, &r->services)
	{
		struct selector selector = selector_of(&r->a, json_path(s, "spec.selector"));
		int64_t ready = 0;

		if (!json_count(json_path(s, "spec.selector")))
			continue;
		rest_each(p, &r->pods)
		{
			if (!selector_matches(&selector, p) || !pod_is_ready(p) ||
				!pod_is_active(p))
				continue;
			ready++;
			if (!rest_is_told(r, s, p))
				rest_complain(r, s, "%.*s is not among its endpoints",
					STRF(tree_str(p, "metadata.name")));
		}
		if (rest_told_ready(r, s) != ready)
			rest_complain(r, s, "%lld endpoints, %lld ready pods",
				(long long)rest_told_ready(r, s), (long long)ready);
	}
	rest_each(s,
		&r->slices) if (!rest_find(&r->services,
					tree_str(json_at(json_path(s, "metadata.ownerReferences"),
							 0),
						"uid")) &&
				json_count(json_path(s, "metadata.ownerReferences")))
		rest_complain(r, s, "%s", "its service is gone");
}

static void rest_nodes(struct rest *r)
{
	rest_each(n, &r->nodes)
	{
		const struct cJSON *ready =
			condition_find(json_path(n, "status.conditions"), "Ready");

		if (!str_eq_text(tree_str(ready, "status"), "True"))
			rest_complain(r, n, "%s", "not ready");
		if (json_count(json_path(n, "spec.taints")))
			rest_complain(r, n, "%s", "tainted");
	}
	if (r->nodes.count != NODES)
		buf_print(&r->why, "%d nodes; ", (int)r->nodes.count);
}

/* Is everything as it is wanted? If not, *why (NUL-terminated, at most that long) says what. */
static bool cluster_at_rest(struct cluster_world *w, char *why, size_t size)
{
	struct rest r = {.w = w, .why = BUF_INIT(MIB)};

	arena_init(&r.a);
	rest_read(&r, &r.pods, "", "pods");
	rest_read(&r, &r.sets, "apps", "replicasets");
	rest_read(&r, &r.deployments, "apps", "deployments");
	rest_read(&r, &r.jobs, "batch", "jobs");
	rest_read(&r, &r.daemons, "apps", "daemonsets");
	rest_read(&r, &r.stateful, "apps", "statefulsets");
	rest_read(&r, &r.services, "", "services");
	rest_read(&r, &r.slices, "discovery.k8s.io", "endpointslices");
	rest_read(&r, &r.nodes, "", "nodes");
	rest_nodes(&r);
	rest_deployments(&r);
	rest_sets(&r);
	rest_stateful(&r);
	rest_daemons(&r);
	rest_jobs(&r);
	rest_pods(&r);
	rest_services(&r);
	snprintf(why, size, "%.*s", STRF(buf_str(&r.why)));
	bool calm = buf_str(&r.why).len == 0;
	buf_done(&r.why);
	arena_done(&r.a);
	return calm;
}

#endif
