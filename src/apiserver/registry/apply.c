/* PATCH with application/apply-patch+yaml: server-side apply. */
#include "registry.h"

#include <kube/patch.h>

static struct status *conflict(struct writing *w, const struct apply_conflicts *c)
{
	struct arena *a = w->r->arena;
	_cleanup_(buf_done) struct buf text = BUF_INIT(1 * MIB);
	struct status *s = status_new(a, ERR_CONFLICT, "%s", "");

	buf_print(&text, "Apply failed with %zu conflict%s: ", c->count, c->count == 1 ? "" : "s");
	for (size_t i = 0; i < c->count; i++) {
		const struct apply_conflict *one = &c->items[i];
		bool first_of = i == 0 || !str_eq(one->manager, c->items[i - 1].manager);

		if (c->count == 1)
			buf_print(&text, "conflict with %.*s: %.*s", STRF(one->manager),
				STRF(one->path));
		else if (first_of)
			buf_print(&text, "%sconflicts with %.*s:\n- %.*s", i ? "\n" : "",
				STRF(one->manager), STRF(one->path));
		else
			buf_print(&text, "\n- %.*s", STRF(one->path));
		status_add_cause(a, s, STR("FieldManagerConflict"),
			arena_print(a, "conflict with %.*s", STRF(c->items[i].manager)),
			c->items[i].path);
	}
	s->message = arena_str(a, buf_str(&text));
	s->has_details = true;
	return s;
}

static struct status *failed(
	struct writing *w, const struct err *err, const struct apply_conflicts *c)
{
	struct status *s;

	if (err->code == ERR_CONFLICT)
		return conflict(w, c);
	s = status_new(w->r->arena, err->code, "%s", err_text(err));
	if (err->code == ERR_INTERNAL)
		s->reason = STR("");
	return s;
}

static struct status *check_target(struct writing *w, const struct cJSON *config)
{
	struct api_request *r = w->r;
	struct str uid = tree_str(config, "metadata.uid");

	if (!w->old && uid.len)
		return status_conflict(r->arena, r->resource, r->name,
			"uid mismatch: the provided object specified uid %.*s, and no existing "
			"object was found",
			STRF(uid));
	return NULL;
}

static struct status *build(struct writing *w)
{
	static const char *const no_status[] = {"status", NULL};
	struct api_request *r = w->r;
	const struct cJSON *config = w->ctx;
	struct apply_request a = {.schema = w->hub->schema,
		.api_version = r->resource->api_version,
		.manager = r->options.field_manager,
		.subresource = w->subresource,
		.force = r->options.force,
		.now = r->now,
		.reset_fields =
			w->strategy->drops_status && w->what == WRITE_OBJECT ? no_status : NULL};
	struct apply_conflicts conflicts;
	_cleanup_(err_done) struct err err = {0};
	struct status *s = check_target(w, config);
	struct cJSON *merged;

	if (s)
		return s;
	if (apply_patch(r->arena, &a, w->old_tree, config, &merged, &conflicts, &err))
		return failed(w, &err, &conflicts);
	if (api_decode(r->arena, w->hub->schema, merged, NULL, &w->tree, &err))
		return failed(w, &err, &conflicts);
	if (r->resource->namespaced)
		tree_set_str(r->arena, w->tree, "metadata.namespace", r->namespace);
	registry_set_defaults(r, w->tree);
	if (w->creating)
		tree_drop(w->tree, "metadata.resourceVersion");
	return NULL;
}

static struct status *check_config(struct writing *w, const struct cJSON *config)
{
	struct api_request *r = w->r;
	struct str name = tree_str(config, "metadata.name");
	struct str space = tree_str(config, "metadata.namespace");
	struct str version = tree_str(config, "apiVersion");

	if (!r->options.field_manager_given) {
		struct field_errors errors = {.arena = r->arena};
		struct path at = PATH(NULL, "fieldManager");

		field_required(&errors, &at, "is required for apply patch");
		return status_invalid(
			r->arena, STR("meta.k8s.io"), STR("PatchOptions"), STR(""), &errors);
	}
	if (!str_eq(tree_str(config, "kind"), r->resource->kind) ||
		!str_eq(version, r->resource->api_version))
		return status_new(r->arena, ERR_BAD_REQUEST,
			"invalid object type: %s%.*s, Kind=%.*s",
			str_find_char(version, '/') < 0 ? "/" : "", STRF(version),
			STRF(tree_str(config, "kind")));
	if (!name.len)
		return status_new(r->arena, ERR_BAD_REQUEST,
			"the name of the object (%.*s based on URL) was undeterminable: name must "
			"be provided",
			STRF(r->name));
	if (json_path(config, "metadata.managedFields"))
		return status_new(r->arena, ERR_BAD_REQUEST, "metadata.managedFields must be nil");
	if (name.len && !str_eq(name, r->name))
		return status_new(r->arena, ERR_BAD_REQUEST,
			"the name of the object (%.*s) does not match the name on the URL (%.*s)",
			STRF(name), STRF(r->name));
	if (space.len && !str_eq(space, r->namespace))
		return status_new(r->arena, ERR_BAD_REQUEST,
			"the namespace of the provided object does not match the namespace sent on "
			"the request");
	if (r->resource != w->hub)
		return status_new(r->arena, ERR_UNSUPPORTED,
			"server-side apply in %.*s is not contained in this version yet",
			STRF(r->resource->api_version));
	return NULL;
}

void registry_apply(struct writing *w, const struct cJSON *config)
{
	struct api_request *r = w->r;
	struct cJSON *copy = json_copy(r->arena, config);
	struct status *s;

	if (!json_is(config, JSON_OBJECT))
		s = status_new(r->arena, ERR_BAD_REQUEST,
			"error decoding YAML: json: cannot unmarshal %s into Go value of type "
			"map[string]interface {}",
			json_type_name(json_type(config)));
	else
		s = check_config(w, copy);

	if (s) {
		request_fail(r, s);
		return;
	}
	w->build = build;
	w->ctx = copy;
	w->applied = true;
	w->may_create = w->what == WRITE_OBJECT;
	writing_start(w);
}
