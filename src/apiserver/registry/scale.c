/* The scale subresource: autoscaling/v1 Scale over every kind that has replicas. */
#include "registry.h"

static const struct schema *scale_schema(void)
{
	return schema_find(STR("io.k8s.api.autoscaling.v1.Scale"));
}

/* What is served has no resource of its own. */
static const struct resource *scale_resource(struct arena *a)
{
	struct resource *r = arena_new(a, sizeof(*r));

	r->group = STR("autoscaling");
	r->version = STR("v1");
	r->api_version = STR("autoscaling/v1");
	r->kind = STR("Scale");
	r->namespaced = true;
	r->schema = scale_schema();
	r->hub = r;
	return r;
}

static const struct scale_paths *paths_of(const struct api_request *r)
{
	return r->resource->hub->strategy->scale;
}

/* ---- showing ---- */

static struct str selector_text(struct arena *a, const struct scale_paths *p, const struct cJSON *o)
{
	const struct cJSON *value = p->selector ? json_path(o, p->selector) : NULL;
	struct cJSON *object = json_new(a, JSON_OBJECT);
	struct selector s;

	if (json_is(value, JSON_STRING)) /* custom kinds have it as text */
		return json_str(value);
	if (p->selector_is_map) {
		if (value)
			json_add_borrowed(object, STR("matchLabels"), json_copy(a, value));
		value = object;
	}
	if (!value || label_selector_from(a, value, &s, NULL))
		return (struct str){0};
	return label_selector_print(a, &s);
}

static struct cJSON *scale_of(struct api_request *r, const struct cJSON *o)
{
	static const char *const meta[] = {
		"name", "namespace", "uid", "resourceVersion", "creationTimestamp", NULL};
	const struct scale_paths *p = paths_of(r);
	struct arena *a = r->arena;
	struct cJSON *tree = json_new(a, JSON_OBJECT), *kept = json_new(a, JSON_OBJECT);
	struct str selector = selector_text(a, p, o);

	tree_set_str(a, tree, "kind", STR("Scale"));
	tree_set_str(a, tree, "apiVersion", STR("autoscaling/v1"));
	for (size_t i = 0; meta[i]; i++) {
		const struct cJSON *value =
			json_get(json_get(o, STR("metadata")), str_from(meta[i]));

		if (value)
			json_add(a, kept, str_from(meta[i]), json_copy(a, value));
	}
	tree_set(a, tree, "metadata", kept);
	tree_set_int(a, tree, "spec.replicas", tree_int(o, p->replicas, 0));
	tree_set_int(a, tree, "status.replicas", tree_int(o, p->status_replicas, 0));
	if (selector.len)
		tree_set_str(a, tree, "status.selector", selector);
	return api_canonical(a, scale_schema(), tree);
}

struct cJSON *registry_scale_of(struct api_request *r, const struct cJSON *object)
{
	return scale_of(r, object);
}

void registry_scale_take(struct api_request *r, struct cJSON *object, const struct cJSON *scale)
{
	tree_set_int(r->arena, object, paths_of(r)->replicas, tree_int(scale, "spec.replicas", 0));
}

static void show(struct api_request *r, int code, const struct cJSON *object)
{
	r->wants.resource = scale_resource(r->arena);
	answer_hub_tree(r, code, scale_of(r, object));
}

static void answer(struct writing *w, int code, struct object *o)
{
	show(w->r, code, o ? object_tree(w->r->arena, o) : w->tree);
}

/* Custom objects may have no number at all. */
static bool has_number(struct api_request *r, const struct cJSON *tree)
{
	return !r->resource->custom || json_path(tree, paths_of(r)->replicas);
}

static struct status *no_number(struct api_request *r)
{
	return status_internal(
		r->arena, "the spec replicas field \".%s\" does not exist", paths_of(r)->replicas);
}

static void get_scale(struct api_request *r)
{
	struct object *o = registry_find(r);
	const struct cJSON *tree = o ? object_tree(r->arena, registry_view(r, o)) : NULL;

	if (!o)
		request_fail(r, status_not_found(r->arena, r->resource, r->name));
	else if (!has_number(r, tree))
		request_fail(r, no_number(r));
	else
		show(r, 200, tree);
}

/* ---- writing ---- */

static struct status *check(struct writing *w, const struct cJSON *scale)
{
	struct api_request *r = w->r;
	struct field_errors errors = {.arena = r->arena};
	struct path spec = PATH(NULL, "spec"), at = PATH(&spec, "replicas");
	int64_t replicas = tree_int(scale, "spec.replicas", 0);

	if (!str_eq(tree_str(scale, "metadata.name"), r->name))
		return status_new(r->arena, ERR_BAD_REQUEST,
			"the name of the object (%.*s) does not match the name on the URL (%.*s)",
			STRF(tree_str(scale, "metadata.name")), STRF(r->name));
	if (replicas < 0 && !r->resource->custom) /* whose rules look at the number themselves */
		field_invalid_int(&errors, &at, replicas, "must be greater than or equal to 0");
	return status_invalid(r->arena, STR("autoscaling"), STR("Scale"), r->name, &errors);
}

/* The object as it stands, with the scale's number and who owns it; for the scale's version. */
static struct status *set_replicas(struct writing *w, const struct cJSON *scale)
{
	static const char *const taken[] = {"metadata.uid", "metadata.resourceVersion", NULL};
	struct api_request *r = w->r;
	struct arena *a = r->arena;
	struct status *s = check(w, scale);

	if (s)
		return s;
	w->tree = json_copy(a, w->old_tree);
	tree_set_int(a, w->tree, paths_of(r)->replicas, tree_int(scale, "spec.replicas", 0));
	scale_managed_take(a, r->resource, paths_of(r)->replicas, w->tree, scale);
	for (size_t i = 0; taken[i]; i++)
		if (tree_str(scale, taken[i]).len)
			tree_set_str(a, w->tree, taken[i], tree_str(scale, taken[i]));
		else
			tree_drop(w->tree, taken[i]);
	w->applied = true; /* the managed fields are right */
	if (r->resource->custom && !tree_has(w->tree, "metadata.resourceVersion")) {
		w->pinned = false;
		return NULL;
	}
	return registry_check_version(w);
}

/* What a scale's writer sees: the scale with the entries of those who own its number. */
static struct cJSON *scale_with_owners(struct writing *w)
{
	struct cJSON *scale = scale_of(w->r, w->old_tree);

	scale_managed_show(
		w->r->arena, w->r->resource, paths_of(w->r)->replicas, w->old_tree, scale);
	return scale;
}

static struct apply_request owning(struct writing *w)
{
	struct apply_request a = registry_apply_request(w);

	a.resource = scale_resource(w->r->arena);
	a.subresource = w->subresource;
	a.reset_fields = NULL;
	return a;
}

static struct status *update(struct writing *w, struct cJSON *scale)
{
	struct apply_request a = owning(w);

	apply_track_update(w->r->arena, &a, scale_with_owners(w), scale);
	return set_replicas(w, scale);
}

static struct status *build_update(struct writing *w)
{
	return update(w, json_copy(w->r->arena, w->ctx));
}

static struct body_kind scale_body(void)
{
	return (struct body_kind){.schema = scale_schema(),
		.group = STR("autoscaling"),
		.version = STR("v1"),
		.kind = STR("Scale")};
}

static void put_scale(struct api_request *r)
{
	struct writing *w = writing_new(r, build_update, NULL);
	struct body_kind kind = scale_body();
	struct cJSON *scale;
	struct status *s = body_decode(r, &kind, &scale);

	if (s) {
		request_fail(r, s);
		return;
	}
	w->ctx = scale;
	w->answer = answer;
	writing_start(w);
}

struct status *registry_patch_scale(
	struct writing *w, struct status *(*apply)(struct writing *w, const struct cJSON *shown,
				   const struct body_kind *kind, struct cJSON **out))
{
	struct cJSON *scale;
	struct body_kind kind = scale_body();
	struct status *s = apply(w, scale_of(w->r, w->old_tree), &kind, &scale);

	if (!s)
		s = update(w, scale);
	w->pinned = false; /* the version is the object's own */
	return s;
}

struct status *registry_apply_to_scale(struct writing *w, const struct cJSON *config,
	struct apply_conflicts *conflicts, struct err *err)
{
	struct apply_request a = owning(w);
	struct arena *arena = w->r->arena;
	struct cJSON *merged, *scale;
	bool pinned = w->pinned;
	struct status *s;

	if (apply_patch(arena, &a, scale_with_owners(w), config, &merged, conflicts, err) ||
		api_decode(arena, scale_schema(), merged, NULL, &scale, err))
		return NULL;
	s = set_replicas(w, scale);
	w->pinned = pinned; /* the version is the object's own, unless the config has one */
	return s;
}

void registry_answer_scale(struct writing *w)
{
	w->answer = answer;
}

void handle_scale(struct api_request *r)
{
	if (str_eq_text(r->method, "GET"))
		get_scale(r);
	else if (str_eq_text(r->method, "PUT"))
		put_scale(r);
	else
		verb_patch(r);
}
