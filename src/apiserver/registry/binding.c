/* Binding: a scheduler says which node a pod runs on, through pods/binding or bindings. */
#include "registry.h"

#include <kube/pods.h>

struct binding {
	struct direct_write write;
	struct body_admission admission;
	struct cJSON *body;
};

static const struct resource *pods(void)
{
	return resource_find(STR(""), STR("v1"), STR("pods"));
}

/* ---- the body ---- */

/* Upstream answers these as plain errors of the server. */
static struct status *check_target(struct api_request *r, const struct cJSON *body)
{
	static const char *const kinds[] = {"Node", "<empty>", NULL};
	struct field_errors e = {.arena = r->arena};
	struct path target = PATH(NULL, "target"), kind_at = PATH(&target, "kind");
	struct path name_at = PATH(&target, "name");
	struct str kind = tree_str(body, "target.kind");
	struct status *s;

	if (kind.len && !str_eq_text(kind, "Node"))
		field_not_supported_str(&e, &kind_at, kind, kinds);
	if (!tree_str(body, "target.name").len)
		field_required(&e, &name_at, "%s", "");
	if (!e.count)
		return NULL;
	s = status_new(r->arena, ERR_INTERNAL, "%.*s", STRF(field_errors_text(r->arena, &e)));
	s->reason = STR("");
	return s;
}

/* ---- the pod ---- */

static struct status *refuse(struct binding *b, struct str why)
{
	struct api_request *r = b->write.r;
	struct status *s = status_conflict(r->arena, pods(), b->write.name, "%.*s", STRF(why));

	s->kind = STR("pods/binding");
	s->message = arena_print(r->arena,
		"Operation cannot be fulfilled on pods/binding \"%.*s\": %.*s", STRF(b->write.name),
		STRF(why));
	return s;
}

static struct status *check_versions(struct binding *b, const struct cJSON *pod)
{
	struct api_request *r = b->write.r;
	struct str uid = tree_str(b->body, "metadata.uid");
	struct str version = tree_str(b->body, "metadata.resourceVersion");
	struct str key = server_key(r->arena, pods(), b->write.namespace, b->write.name);

	if (uid.len && !str_eq(uid, tree_str(pod, "metadata.uid")))
		return status_wrong_uid(
			r->arena, pods(), key, b->write.name, uid, tree_str(pod, "metadata.uid"));
	if (version.len && !str_eq(version, tree_str(pod, "metadata.resourceVersion")))
		return status_conflict(r->arena, pods(), b->write.name,
			"StorageError: invalid object, Code: 4, Key: /registry/pods/%.*s, "
			"ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: "
			"ResourceVersion in precondition: %.*s, ResourceVersion in object meta: "
			"%.*s",
			STRF(key), STRF(version), STRF(tree_str(pod, "metadata.resourceVersion")));
	return NULL;
}

static struct status *check_pod(struct binding *b, const struct cJSON *pod)
{
	struct arena *a = b->write.r->arena;
	struct str name = b->write.name, node = tree_str(pod, "spec.nodeName");

	if (tree_has(pod, "metadata.deletionTimestamp"))
		return refuse(
			b, arena_print(a, "pod %.*s is being deleted, cannot be assigned to a host",
				   STRF(name)));
	if (node.len)
		return refuse(b, arena_print(a, "pod %.*s is already assigned to node %.*s",
					 STRF(name), STRF(field_quote(a, node))));
	if (json_count(json_path(pod, "spec.schedulingGates")))
		return refuse(b,
			arena_print(a, "pod %.*s has non-empty .spec.schedulingGates", STRF(name)));
	return NULL;
}

/* Annotations of the binding win over the pod's; its labels give way. */
static void take_map(struct binding *b, struct cJSON *pod, const char *path, bool wins)
{
	struct arena *a = b->write.r->arena;

	json_each (item, json_path(b->body, path)) {
		struct cJSON *map = json_path(pod, path);

		if (!map) {
			tree_set(a, pod, path, json_new(a, JSON_OBJECT));
			map = json_path(pod, path);
		}
		if (wins || !json_get(map, json_key(item)))
			json_set(a, map, json_key(item), json_copy(a, item));
	}
}

static struct status *assign(struct direct_write *d, struct cJSON *pod)
{
	static const struct pod_condition scheduled = {.type = "PodScheduled", .status = "True"};
	struct binding *b = d->ctx;
	struct status *s = check_versions(b, pod);

	if (!s)
		s = check_pod(b, pod);
	if (s)
		return s;
	tree_set_str(d->r->arena, pod, "spec.nodeName", tree_str(b->body, "target.name"));
	take_map(b, pod, "metadata.annotations", true);
	take_map(b, pod, "metadata.labels", false);
	pod_set_condition(d->r->arena, pod, &scheduled, d->r->now);
	/* The promise is kept, or of no use any more. */
	struct cJSON *status = json_get(pod, STR("status"));
	struct cJSON *nominated = json_get(status, STR("nominatedNodeName"));
	if (nominated)
		json_remove(status, nominated);
	return NULL;
}

static void assigned(struct direct_write *d, struct status *failure)
{
	if (failure)
		request_fail(d->r, failure);
	else
		registry_answer_success(d->r);
}

static void admitted(struct body_admission *admission, struct status *no)
{
	struct binding *b = admission->ctx;

	b->body = admission->review.object;
	if (no)
		request_fail(b->write.r, no);
	else
		direct_write_start(&b->write);
}

void handle_binding(struct api_request *r)
{
	struct binding *b = arena_new(r->arena, sizeof(*b));
	struct body_kind kind = {.schema = schema_find(STR("io.k8s.api.core.v1.Binding")),
		.version = STR("v1"),
		.kind = STR("Binding")};
	struct status *s = body_decode(r, &kind, &b->body);
	struct str name = tree_str(b->body, "metadata.name");

	if (!s)
		s = registry_match_namespace(r, b->body);
	if (!s && r->sub && !str_eq(name, r->name))
		s = status_new(r->arena, ERR_BAD_REQUEST,
			"name in URL does not match name in Binding object");
	if (!s)
		s = check_target(r, b->body);
	if (s) {
		request_fail(r, s);
		return;
	}
	b->write = (struct direct_write){.r = r,
		.hub = pods(),
		.namespace = r->namespace,
		.name = name,
		.change = assign,
		.done = assigned,
		.ctx = b};
	b->admission = (struct body_admission){.next = admitted, .ctx = b};
	registry_admit_body(&b->admission, r, r->resource->hub, name, b->body);
}
