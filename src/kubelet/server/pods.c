/* What the node says of its pods and of itself in a word: /pods, /runningpods, /healthz,
 * /configz. */
#include "node_request.h"

#include <kube/mem.h>

#define PODS_MAX (64 * MIB)

static void answer_list(struct node_request *r, struct cJSON *items)
{
	struct arena *a = r->arena;
	struct cJSON *list = json_new(a, JSON_OBJECT);
	_cleanup_(buf_done) struct buf text = BUF_INIT(PODS_MAX);

	json_add(a, list, STR("kind"), json_new_str(a, STR("PodList")));
	json_add(a, list, STR("apiVersion"), json_new_str(a, STR("v1")));
	json_add(a, list, STR("metadata"), json_new(a, JSON_OBJECT));
	json_add(a, list, STR("items"), items);
	json_print(&text, list, JSON_COMPACT);
	buf_add_char(&text, '\n');
	node_answer(r, 200, "application/json", arena_str(a, buf_str(&text)));
}

void node_pods(struct node_request *r)
{
	const struct kubelet_server_pods *pods = &r->server->options.pods;
	const struct cJSON *const *list;
	size_t count = pods->list(pods->ctx, r->arena, &list);
	struct cJSON *items = json_new(r->arena, JSON_ARRAY);

	for (size_t i = 0; i < count; i++)
		json_append(items, json_copy(r->arena, list[i]));
	answer_list(r, items);
}

static struct cJSON *text(struct arena *a, struct str s)
{
	return json_new_str(a, s);
}

/* A pod as far as the runtime knows it. */
static struct cJSON *running_pod(struct node_request *r, const struct sandbox *s,
	const struct container *const *list, size_t count)
{
	struct arena *a = r->arena;
	struct cJSON *pod = json_new(a, JSON_OBJECT), *meta = json_new(a, JSON_OBJECT),
		     *spec = json_new(a, JSON_OBJECT), *containers = json_new(a, JSON_ARRAY);

	json_add(a, meta, STR("name"), text(a, s->name));
	json_add(a, meta, STR("namespace"), text(a, s->namespace));
	json_add(a, meta, STR("uid"), text(a, s->uid));
	for (size_t i = 0; i < count; i++) {
		struct cJSON *container = json_new(a, JSON_OBJECT);

		if (!str_eq(list[i]->sandbox, s->id) || list[i]->state != CONTAINER_RUNNING)
			continue;
		json_add(a, container, STR("name"), text(a, list[i]->name));
		json_add(a, container, STR("image"), text(a, list[i]->image));
		json_add(a, container, STR("resources"), json_new(a, JSON_OBJECT));
		json_append(containers, container);
	}
	json_add(a, spec, STR("containers"), containers);
	json_add(a, pod, STR("metadata"), meta);
	json_add(a, pod, STR("spec"), spec);
	json_add(a, pod, STR("status"), json_new(a, JSON_OBJECT));
	return pod;
}

void node_running_pods(struct node_request *r)
{
	struct runtime *runtime = r->server->options.runtime;
	const struct sandbox *const *sandboxes;
	const struct container *const *containers;
	size_t count = runtime->ops->sandboxes(runtime, &sandboxes), container_count;
	struct cJSON *items = json_new(r->arena, JSON_ARRAY);

	sandboxes = arena_copy(
		r->arena, count ? (const void *)sandboxes : "", count * sizeof(*sandboxes));
	container_count = runtime->ops->containers(runtime, &containers);
	for (size_t i = 0; i < count; i++)
		if (sandboxes[i]->state == SANDBOX_READY)
			json_append(
				items, running_pod(r, sandboxes[i], containers, container_count));
	answer_list(r, items);
}

void node_healthz(struct node_request *r)
{
	struct str which = r->part_count > 1 ? r->parts[1] : STR("");

	if (!which.len || str_eq_text(which, "ping") || str_eq_text(which, "log") ||
		str_eq_text(which, "syncloop"))
		node_answer_text(r, 200, "ok");
	else
		node_answer_text(r, 404, "404 page not found\n");
}

void node_configz(struct node_request *r)
{
	struct cJSON *all = json_new(r->arena, JSON_OBJECT);
	const struct cJSON *ours = r->server->options.configuration;
	_cleanup_(buf_done) struct buf text = BUF_INIT(PODS_MAX);

	if (ours)
		json_add(r->arena, all, STR("kubeletconfig"), json_copy(r->arena, ours));
	json_print(&text, all, JSON_COMPACT);
	node_answer(r, 200, "application/json", arena_str(r->arena, buf_str(&text)));
}
