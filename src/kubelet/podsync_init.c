/*
 * Before the main containers: init containers one by one, sidecars that stay. Looked at from the
 * last to the first: the last one that has got anywhere tells how far the pod is, even when the
 * runtime has lost the ones before it.
 */
#include "podsync_parts.h"

#include <kube/api_codec.h>

struct init_walk {
	struct arena *arena;
	const struct pod_view *view;
	const struct sandbox *sandbox;
	struct pod_actions *out;
	const struct cJSON **starts; /* found back to front */
	size_t start_count;
	bool initialized; /* all is done */
	bool passed;      /* some later one has been reached: earlier ones are done */
	bool failed;
};

static bool main_runs(const struct pod_view *v, const struct sandbox *in)
{
	json_each (container, json_path(v->pod, "spec.containers")) {
		const struct container *c = pod_view_container(v, tree_str(container, "name"));

		if (c && str_eq(c->sandbox, in->id) &&
			(c->state == CONTAINER_RUNNING || c->state == CONTAINER_CREATED))
			return true;
	}
	return false;
}

/*
 * Had the main ones been begun in this sandbox? One that has exited counts, too: the sandbox says
 * whose it was, which upstream cannot know.
 */
static bool main_begun(const struct pod_view *v, const struct sandbox *in)
{
	for (size_t i = 0; i < v->container_count; i++) {
		if (!str_eq(v->containers[i]->sandbox, in->id))
			continue;
		json_each (container, json_path(v->pod, "spec.containers"))
			if (str_eq(tree_str(container, "name"), v->containers[i]->name))
				return true;
	}
	return false;
}

static void want(struct init_walk *w, const struct cJSON *container)
{
	for (size_t i = 0; i < w->start_count; i++)
		if (w->starts[i] == container)
			return;
	w->starts[w->start_count++] = container;
}

/* The one that follows, or the end of the initialization. */
static void advance(struct init_walk *w, const struct cJSON *container)
{
	const struct cJSON *next = json_next(container);

	if (!next)
		w->initialized = true;
	else if (!w->passed)
		want(w, next);
}

static void kill_probed(struct init_walk *w, const struct cJSON *container,
	const struct container *c, const char *probe, const char *kind)
{
	podsync_kill(w->arena, w->view, c, container, probe,
		arena_print(w->arena, "Init container %.*s failed %s probe", STRF(c->name), kind),
		w->out);
}

static void visit_running(
	struct init_walk *w, const struct cJSON *container, const struct container *c)
{
	if (!container_is_sidecar(container))
		return;
	if (container_has_probe(container, PROBE_STARTUP)) {
		enum verdict startup = pod_view_verdict(w->view, c, PROBE_STARTUP);

		if (startup == VERDICT_FAILURE)
			kill_probed(w, container, c, "startupProbe", "startup");
		if (startup != VERDICT_SUCCESS)
			return;
	}
	advance(w, container);
	if (pod_view_verdict(w->view, c, PROBE_LIVENESS) == VERDICT_FAILURE)
		kill_probed(w, container, c, "livenessProbe", "liveness");
}

static void visit_exited(
	struct init_walk *w, const struct cJSON *container, const struct container *c)
{
	if (container_is_sidecar(container)) {
		want(w, container);
	} else if (c->exit_code == 0) {
		advance(w, container);
	} else if (container_restarts(w->view->pod, container, c->exit_code)) {
		want(w, container);
	} else {
		w->failed = true;
	}
}

static void visit(struct init_walk *w, const struct cJSON *container)
{
	const struct container *c = pod_view_container(w->view, tree_str(container, "name"));

	if (c && !str_eq(c->sandbox, w->sandbox->id))
		c = NULL; /* of an earlier life of the pod */
	if (!c) {
		if (w->passed && container_is_sidecar(container))
			want(w, container);
		return;
	}
	if (w->passed && !container_is_sidecar(container))
		return;
	if (c->state == CONTAINER_RUNNING)
		visit_running(w, container, c);
	else if (c->state == CONTAINER_EXITED)
		visit_exited(w, container, c);
	else
		want(w, container);
	w->passed = true;
}

bool podsync_init(struct arena *a, const struct pod_view *v, const struct sandbox *in,
	struct pod_actions *out, bool *kill_pod)
{
	const struct cJSON *list = json_path(v->pod, "spec.initContainers");
	size_t count = json_count(list);
	struct init_walk w = {.arena = a, .view = v, .sandbox = in, .out = out};

	if (!count)
		return true;
	w.starts = arena_alloc(a, 2 * count * sizeof(*w.starts));
	w.initialized = w.passed = main_runs(v, in) || main_begun(v, in);
	for (size_t i = count; i > 0 && !w.failed; i--)
		visit(&w, json_at(list, i - 1));
	if (w.failed) {
		*kill_pod = true;
		return false;
	}
	if (!w.passed)
		want(&w, json_at(list, 0));
	for (size_t i = w.start_count; i > 0; i--)
		podsync_start(a, v, w.starts[i - 1],
			container_is_sidecar(w.starts[i - 1]) ? ROLE_SIDECAR : ROLE_INIT, out);
	return w.initialized;
}
