/* PATCH with application/apply-patch+yaml: server-side apply. */
#include "registry.h"

#include <kube/patch.h>

struct applying {
	const struct cJSON *config;
	const struct decode_notes *notes;
};

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
	struct str version = tree_str(config, "metadata.resourceVersion");
	struct status *s;
	uint64_t number;

	if (!w->old && uid.len)
		return status_conflict(r->arena, r->resource, r->name,
			"uid mismatch: the provided object specified uid %.*s, and no existing "
			"object was found",
			STRF(uid));
	w->pinned = w->old && version.len;
	if (w->pinned && !str_to_u64(version, &number)) {
		s = status_new(r->arena, ERR_INTERNAL,
			"strconv.ParseUint: parsing \"%.*s\": invalid syntax", STRF(version));
		s->reason = STR("");
		return s;
	}
	if (w->pinned && !str_eq(version, object_scan(w->old, "metadata.resourceVersion")))
		return status_stale(r->arena, r->resource, r->name);
	return NULL;
}

/* The object as the request's version has it. */
static struct status *shown(struct writing *w, const struct cJSON **out)
{
	struct cJSON *converted = (struct cJSON *)(uintptr_t)w->old_tree;
	_cleanup_(err_done) struct err err = {0};

	if (w->old_tree && w->r->resource != w->hub &&
		resource_convert(
			w->r->arena, w->hub, w->r->resource, w->old_tree, &converted, &err))
		return status_from_err(w->r->arena, &err);
	*out = converted;
	return NULL;
}

static struct status *take(struct writing *w, struct cJSON *merged)
{
	struct api_request *r = w->r;
	_cleanup_(err_done) struct err err = {0};

	if (api_decode(r->arena, r->resource->schema, merged, NULL, &w->tree, &err))
		return failed(w, &err, NULL);
	if (body_to_hub(r, r->resource, w->tree, &w->tree, &err))
		return failed(w, &err, NULL);
	if (r->resource->namespaced)
		tree_set_str(r->arena, w->tree, "metadata.namespace", r->namespace);
	registry_set_defaults(r, w->tree);
	if (w->creating)
		tree_drop(w->tree, "metadata.resourceVersion");
	return NULL;
}

/* What is repeated is told, or refused, once all else is right. */
static struct status *repeated(struct writing *w)
{
	struct applying *p = w->ctx;
	struct api_request *r = w->r;

	if (!p->notes->count || r->options.validation == VALIDATE_IGNORE)
		return NULL;
	if (r->options.validation == VALIDATE_STRICT)
		return status_new(r->arena, ERR_BAD_REQUEST,
			"error strict decoding YAML: error converting YAML to JSON: yaml: "
			"unmarshal errors:\n  %.*s",
			STRF(p->notes->items[0]));
	for (size_t i = 0; i < p->notes->count; i++)
		request_warn(r, p->notes->items[i]);
	return NULL;
}

static struct status *build(struct writing *w)
{
	struct apply_request a = registry_apply_request(w);
	const struct applying *p = w->ctx;
	const struct cJSON *config = p->config, *live;
	struct apply_conflicts conflicts;
	_cleanup_(err_done) struct err err = {0};
	struct status *s = check_target(w, config);
	struct cJSON *merged;

	if (!s)
		s = shown(w, &live);
	if (s)
		return s;
	if (apply_patch(w->r->arena, &a, live, config, &merged, &conflicts, &err))
		return failed(w, &err, &conflicts);
	s = repeated(w);
	return s ? s : take(w, merged);
}

static struct status *build_scale(struct writing *w)
{
	const struct applying *p = w->ctx;
	struct apply_conflicts conflicts;
	_cleanup_(err_done) struct err err = {0};
	struct status *s = check_target(w, p->config);

	if (!s)
		s = registry_apply_to_scale(w, p->config, &conflicts, &err);
	if (!s && err.code)
		return failed(w, &err, &conflicts);
	return s ? s : repeated(w);
}

static struct status *check_config(struct writing *w, const struct cJSON *config)
{
	struct api_request *r = w->r;
	const struct subresource *sub = w->answer ? r->sub : NULL; /* with a kind of its own */
	struct str kind = sub ? sub->kind : r->resource->kind;
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
	if (!str_eq(tree_str(config, "kind"), kind) ||
		!str_eq(version, sub ? sub->api_version : r->resource->api_version))
		return status_new(r->arena, ERR_BAD_REQUEST,
			"invalid object type: %s%.*s, Kind=%.*s",
			str_find_char(version, '/') < 0 ? "/" : "", STRF(version),
			STRF(tree_str(config, "kind")));
	if (!name.len && json_get(config, STR("metadata")) &&
		!json_is(json_get(config, STR("metadata")), JSON_OBJECT))
		return NULL; /* which is said when the fields are looked at */
	if (!name.len)
		return status_new(r->arena, ERR_BAD_REQUEST,
			"the name of the object (%.*s based on URL) was undeterminable: name must "
			"be provided",
			STRF(r->name));
	if (json_type(json_path(config, "metadata.managedFields")) != JSON_NULL)
		return status_new(r->arena, ERR_BAD_REQUEST, "metadata.managedFields must be nil");
	if (name.len && !str_eq(name, r->name))
		return status_new(r->arena, ERR_BAD_REQUEST,
			"the name of the object (%.*s) does not match the name on the URL (%.*s)",
			STRF(name), STRF(r->name));
	if (space.len && !str_eq(space, r->namespace))
		return status_new(r->arena, ERR_BAD_REQUEST,
			"the namespace of the provided object does not match the namespace sent on "
			"the request");
	return NULL;
}

void registry_apply(struct writing *w, const struct cJSON *config, const struct decode_notes *notes)
{
	struct api_request *r = w->r;
	struct applying *p = arena_new(r->arena, sizeof(*p));
	enum json_type type = json_type(config);
	struct status *s;

	p->config = json_copy(r->arena, config);
	p->notes = notes;
	if (type != JSON_OBJECT && type != JSON_NULL)
		s = status_new(r->arena, ERR_BAD_REQUEST,
			"error decoding YAML: error unmarshaling JSON: while decoding JSON: json: "
			"cannot unmarshal %s into Go value of type map[string]interface {}",
			json_type_name(type));
	else
		s = check_config(w, p->config);
	if (s) {
		request_fail(r, s);
		return;
	}
	w->build = w->answer ? build_scale : build;
	w->ctx = p;
	w->applied = true;
	w->may_create = w->what == WRITE_OBJECT && !w->answer;
	writing_start(w);
}
