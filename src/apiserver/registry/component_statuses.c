/* componentstatuses: how those are whom this server asks by itself. That is its store. */
#include "registry.h"

#include <kube/mem.h>

static struct cJSON *store_status(struct api_request *r)
{
	struct arena *a = r->arena;
	struct cJSON *tree = json_new(a, JSON_OBJECT), *list = json_new(a, JSON_ARRAY);
	struct cJSON *condition = json_new(a, JSON_OBJECT);

	tree_set_str(a, condition, "type", STR("Healthy"));
	tree_set_str(a, condition, "status", STR("True"));
	tree_set_str(a, condition, "message", STR("ok"));
	json_append(list, condition);
	tree_set_str(a, tree, "kind", r->resource->kind);
	tree_set_str(a, tree, "apiVersion", r->resource->api_version);
	tree_set_str(a, tree, "metadata.name", STR("etcd-0")); /* as every client knows it */
	tree_set(a, tree, "conditions", list);
	return api_canonical(a, r->resource->schema, tree);
}

/* Field and label selectors ask for names alone: there is nothing else in them. */
void handle_component_statuses(struct api_request *r)
{
	struct list_answer list = {.revision = 0, .remaining = -1};
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	struct object *o;
	struct status *s;

	if (r->name.len && !str_eq_text(r->name, "etcd-0")) {
		s = status_not_found(r->arena, r->resource, r->name);
		s->message =
			arena_print(r->arena, "componentstatus \"%.*s\" not found", STRF(r->name));
		s->kind = STR("componentstatus");
		request_fail(r, s);
		return;
	}
	json_print(&text, store_status(r), JSON_COMPACT);
	o = object_from_text(buf_str(&text), 0);
	if (r->name.len) {
		answer_object(r, 200, o);
		object_unref(o);
		return;
	}
	list.items = mem_alloc(sizeof(*list.items));
	if (registry_selects(r, o))
		list.items[list.count++] = o;
	else
		object_unref(o);
	answer_list(r, &list);
}
