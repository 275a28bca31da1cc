/* What a hook is asked: the object in the version it wants to see, and who does what with it. */
#include "access.h"
#include "body.h"
#include "hooks.h"
#include "registry.h"

#include <kube/api_codec.h>
#include <kube/random.h>

/* ---- objects in the versions that hooks want ---- */

static bool is_scale(const struct hook_subject *s)
{
	return s->body && str_eq_text(s->subresource, "scale") && s->resource->hub->strategy &&
	       s->resource->hub->strategy->scale;
}

struct status *hook_show(struct hook_subject *s, const struct hook_view *view,
	const struct cJSON *hub, struct cJSON **out)
{
	const struct resource *from = s->review->resource;
	_cleanup_(err_done) struct err err = {0};

	*out = NULL;
	if (!hub)
		return NULL;
	if (is_scale(s)) {
		*out = registry_scale_of(s->review->request, hub);
		return NULL;
	}
	if (s->body) {
		*out = json_copy(s->arena, hub);
		tree_set_str(s->arena, *out, "kind", s->body->kind);
		tree_set_str(s->arena, *out, "apiVersion", s->body->api_version);
		*out = api_canonical(s->arena, s->body->schema, *out);
		return NULL;
	}
	*out = api_canonical(s->arena, from->schema, hub);
	if (view->resource != from &&
		resource_convert(s->arena, from, view->resource, *out, out, &err))
		return status_internal(s->arena, "%s", err_text(&err));
	return NULL;
}

/* What custom objects have beyond their type is dropped in silence. */
static int decode(struct hook_subject *s, const struct hook_view *view, const struct cJSON *shown,
	bool strict, struct cJSON **out, struct err *err)
{
	const struct schema *schema = s->body ? s->body->schema : view->resource->schema;
	struct decode_notes notes = {.arena = s->arena};
	_cleanup_(buf_done) struct buf text = BUF_INIT(256 * KIB);
	int code = api_decode(s->arena, schema, shown, &notes, out, err);

	if (code || !strict || !notes.count || view->resource->custom)
		return code;
	for (size_t i = 0; i < notes.count; i++)
		buf_print(&text, "%s%.*s", i ? ", " : "", STRF(notes.items[i]));
	return err_set(err, ERR_INVALID, "strict decoding error: %s", buf_text(&text));
}

int hook_take(struct hook_subject *s, const struct hook_view *view, const struct cJSON *shown,
	bool strict, struct cJSON **hub, bool *same, struct err *err)
{
	struct api_request *r = s->review->request;
	const struct schema *schema = s->body ? s->body->schema : view->resource->schema;
	struct cJSON *tree, *before;
	struct status *no = hook_show(s, view, s->review->object, &before);
	int code;

	if (no)
		return err_set(err, ERR_INTERNAL, "%.*s", STRF(no->message));
	code = decode(s, view, shown, strict, &tree, err);
	if (code)
		return code;
	*same = json_equal(before, api_canonical(s->arena, schema, tree));
	if (is_scale(s)) {
		*hub = json_copy(s->arena, s->review->object);
		registry_scale_take(r, *hub, tree);
		return 0;
	}
	if (s->body) {
		api_set_standards(s->arena, schema, tree);
		*hub = tree;
		return 0;
	}
	code = body_to_hub(r, view->resource, tree, hub, err);
	if (!code)
		registry_set_defaults(r, *hub);
	return code;
}

/* ---- options ---- */

static void add_dry_run(struct hook_subject *s, struct cJSON *options)
{
	struct cJSON *all;

	if (!s->review->dry_run)
		return;
	all = json_new(s->arena, JSON_ARRAY);
	json_append(all, json_new_str(s->arena, STR("All")));
	json_add(s->arena, options, STR("dryRun"), all);
}

static void add_text(struct hook_subject *s, struct cJSON *options, const char *name, struct str v)
{
	if (v.len)
		json_add(s->arena, options, str_from(name), json_new_str(s->arena, v));
}

static const char *propagation_name(enum propagation p)
{
	return p == PROPAGATE_ORPHAN       ? "Orphan"
	       : p == PROPAGATE_FOREGROUND ? "Foreground"
					   : "Background";
}

static void add_delete_options(struct hook_subject *s, struct cJSON *options)
{
	const struct request_options *o = &s->review->request->options;
	struct cJSON *conditions = json_new(s->arena, JSON_OBJECT);

	if (o->has_grace)
		json_add(s->arena, options, STR("gracePeriodSeconds"),
			json_new_int(s->arena, o->grace));
	if (o->has_precondition_uid)
		add_text(s, conditions, "uid", o->precondition_uid);
	if (o->has_precondition_version)
		add_text(s, conditions, "resourceVersion", o->precondition_version);
	if (json_first(conditions))
		json_add(s->arena, options, STR("preconditions"), conditions);
	if (o->has_orphan)
		json_add(s->arena, options, STR("orphanDependents"),
			json_new_bool(s->arena, o->orphan));
	if (o->has_propagation)
		add_text(s, options, "propagationPolicy",
			str_from(propagation_name(o->propagation)));
	add_dry_run(s, options);
}

static void add_write_options(struct hook_subject *s, struct cJSON *options)
{
	const struct api_request *r = s->review->request;
	struct str validation = {0};

	add_dry_run(s, options);
	if (r->options.field_manager_given)
		add_text(s, options, "fieldManager", r->options.field_manager);
	if (request_query(r, "fieldValidation", &validation))
		add_text(s, options, "fieldValidation", validation);
}

/* Of connections there are none. */
static struct cJSON *options_of(struct hook_subject *s)
{
	enum admission_operation operation = s->review->operation;
	const char *kind = operation == ADMIT_CREATE   ? "CreateOptions"
			   : operation == ADMIT_UPDATE ? "UpdateOptions"
						       : "DeleteOptions";

	if (operation == ADMIT_CONNECT)
		return json_new(s->arena, JSON_NULL);
	if (s->options)
		return json_copy(s->arena, s->options);
	s->options = json_new(s->arena, JSON_OBJECT);
	add_text(s, s->options, "kind", str_from(kind));
	add_text(s, s->options, "apiVersion", STR("meta.k8s.io/v1"));
	if (operation == ADMIT_DELETE)
		add_delete_options(s, s->options);
	else
		add_write_options(s, s->options);
	return json_copy(s->arena, s->options);
}

/* ---- the request ---- */

static struct cJSON *triple(
	struct arena *a, struct str group, struct str version, const char *last, struct str value)
{
	struct cJSON *t = json_new(a, JSON_OBJECT);

	json_add(a, t, STR("group"), json_new_str(a, group));
	json_add(a, t, STR("version"), json_new_str(a, version));
	json_add(a, t, str_from(last), json_new_str(a, value));
	return t;
}

static struct cJSON *kind_in(struct hook_subject *s, const struct resource *r)
{
	if (s->body)
		return triple(s->arena, s->group, s->version, "kind", s->kind);
	return triple(s->arena, r->group, r->version, "kind", r->kind);
}

static struct cJSON *resource_in(struct hook_subject *s, const struct resource *r)
{
	return triple(s->arena, r->group, r->version, "resource", r->plural);
}

struct cJSON *hook_request(struct hook_subject *s, const struct hook_view *view, const char *uid)
{
	struct arena *a = s->arena;
	struct cJSON *q = json_new(a, JSON_OBJECT);

	json_add(a, q, STR("uid"), json_new_str(a, str_from(uid)));
	json_add(a, q, STR("kind"), kind_in(s, view->resource));
	json_add(a, q, STR("resource"), resource_in(s, view->resource));
	add_text(s, q, "subResource", s->subresource);
	json_add(a, q, STR("requestKind"), kind_in(s, s->resource));
	json_add(a, q, STR("requestResource"), resource_in(s, s->resource));
	add_text(s, q, "requestSubResource", s->subresource);
	add_text(s, q, "name", s->name);
	add_text(s, q, "namespace", s->namespace);
	add_text(s, q, "operation", str_from(s->operation));
	json_add(a, q, STR("userInfo"), access_user_tree(a, s->review->user));
	return q;
}

struct cJSON *hook_request_shown(struct hook_subject *s, const struct hook_view *view)
{
	struct cJSON *q = hook_request(s, view, "");

	json_remove(q, json_get(q, STR("uid"))); /* there is no question yet */
	json_add(s->arena, q, STR("dryRun"), json_new_bool(s->arena, s->review->dry_run));
	json_add(s->arena, q, STR("options"), options_of(s));
	return q;
}

static struct cJSON *or_null(struct arena *a, struct cJSON *tree)
{
	return tree ? tree : json_new(a, JSON_NULL);
}

static void random_of_env(void *ctx, void *at, size_t len)
{
	env_random(ctx, at, len);
}

/* The first that both sides know. */
static const char *choose_version(const struct hook *h)
{
	json_each (version, h->versions) {
		if (str_eq_text(json_str(version), "v1"))
			return "admission.k8s.io/v1";
		if (str_eq_text(json_str(version), "v1beta1"))
			return "admission.k8s.io/v1beta1";
	}
	return NULL;
}

bool hook_asks_v1(const struct hook *h)
{
	const char *version = choose_version(h);

	return version && str_ends(str_from(version), STR("/v1"));
}

struct cJSON *hook_question(
	struct hook_subject *s, const struct hook_view *view, char *uid, struct status **no)
{
	const char *version = choose_version(view->hook);
	struct arena *a = s->arena;
	struct cJSON *object, *old, *request, *review;

	*no = NULL;
	if (!version)
		return NULL;
	*no = hook_show(s, view, s->review->object, &object);
	if (!*no)
		*no = hook_show(s, view, s->review->old, &old);
	if (*no)
		return NULL;
	uuid_make(uid, random_of_env, s->review->server->env);
	request = hook_request(s, view, uid);
	json_add(a, request, STR("object"), or_null(a, object));
	json_add(a, request, STR("oldObject"), or_null(a, old));
	json_add(a, request, STR("dryRun"), json_new_bool(a, s->review->dry_run));
	json_add(a, request, STR("options"), options_of(s));
	review = json_new(a, JSON_OBJECT);
	add_text(s, review, "kind", STR("AdmissionReview"));
	add_text(s, review, "apiVersion", str_from(version));
	json_add(a, review, STR("request"), request);
	return review;
}
