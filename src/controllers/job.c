/* job: runs pods until enough of them have succeeded. The decisions are in job.h. */
#include "job.h"

static const struct claim_kind claims = {"Job", "batch", "jobs"};

/* Keys of pods whose job is gone: nobody else takes their finalizer away. */
#define LOST "lost "

static void enqueue_lost(struct usual *u, const struct object *pod)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	struct str key = client_object_key(&a, pod);
	usual_enqueue(u, arena_print(&a, LOST "%.*s", STRF(key)));
}

static void job_changed(struct usual *u, struct object *old, struct object *fresh)
{
	usual_enqueue_object(u, fresh ? fresh : old);
	if (fresh)
		return;
	informer_each(it, informer_by(usual_informer(u, "pods"), "claim",
				  object_scan(old, "metadata.uid"))) enqueue_lost(u, it.object);
}

static bool is_tracked(const struct object *pod)
{
	return str_find(object_scan(pod, "metadata.finalizers"), STR("\"" JOB_FINALIZER "\"")) >= 0;
}

static void pod_changed(struct usual *u, struct object *old, struct object *fresh)
{
	claim_changed(u, &claims, old, fresh);
	if (!fresh || !is_tracked(fresh))
		return;
	/* Whether its job is really gone shows when the caches are complete. */
	_cleanup_(arena_done) struct arena a;
	struct cJSON *pod, *owners = NULL;
	arena_init(&a);
	pod = json_new(&a, JSON_OBJECT);
	json_parse(&a, object_scan(fresh, "metadata.ownerReferences"), NULL, &owners, NULL);
	tree_set(&a, pod, "metadata.ownerReferences", owners);
	const struct cJSON *ref = controller_of(pod);
	if (!ref || !informer_get(usual_informer(u, "jobs"), client_object_namespace(fresh),
			    tree_str(ref, "name")))
		enqueue_lost(u, fresh);
}

static void reconcile_lost(struct usual *u, struct str key, struct plan *p)
{
	struct object *o = informer_get_key(usual_informer(u, "pods"), key);

	if (!o || !is_tracked(o))
		return;
	struct cJSON *pod = object_lean_tree(p->arena, o);
	const struct cJSON *ref = controller_of(pod);
	if (ref) {
		struct object *job = informer_get(usual_informer(u, "jobs"),
			client_object_namespace(o), tree_str(ref, "name"));

		if (!str_eq_text(tree_str(ref, "kind"), "Job") ||
			!str_starts(tree_str(ref, "apiVersion"), STR("batch/")) ||
			(job && str_eq(object_scan(job, "metadata.uid"), tree_str(ref, "uid"))))
			return;
	}
	job_untrack_pod(p, usual_resource(u, "pods"), pod);
}

static void reconcile(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	struct job_view *v = arena_new(p->arena, sizeof(*v));

	if (str_starts(key, STR(LOST))) {
		reconcile_lost(u, str_skip(key, strlen(LOST)), p);
		return;
	}
	struct object *o = informer_get_key(usual_informer(u, "jobs"), key);
	if (!o)
		return;
	v->jobs = usual_resource(u, "jobs");
	v->pods_resource = usual_resource(u, "pods");
	v->job = object_lean_tree(p->arena, o);
	trees_claimable(p->arena, &v->pods, usual_informer(u, "pods"),
		tree_str(v->job, "metadata.namespace"), tree_str(v->job, "metadata.uid"));
	job_plan(v, now, p);
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {
		{"batch", "v1", "jobs", job_changed},
		{"", "v1", "pods", pod_changed},
		{0},
	};

	return usual_new(w, k,
		&(struct usual_options){.recorder = "job-controller",
			.sources = sources,
			.reconcile = reconcile,
			.refused = job_refused});
}

const struct controller_kind job_kind = {
	.name = "job-controller",
	.aliases = "job",
	.start = start,
};
