/* PATCH: the object as the client sees it, changed, and then written like a PUT. */
#include "audit.h"
#include "registry.h"

#include <kube/patch.h>

struct patching {
	struct writing *w;
	const struct cJSON *patch;
	struct decode_notes notes; /* of the patch itself: what it repeats */
	enum { PATCH_JSON, PATCH_MERGE, PATCH_STRATEGIC, PATCH_APPLY } type;
};

/* ---- applying ---- */

static struct status *patch_failed(struct api_request *r, const struct err *err)
{
	int code = err->code == ERR_UNTRUE ? ERR_INVALID : err->code;
	struct status *s = status_new(r->arena, code, "%s", err_text(err));

	if (code == ERR_INTERNAL)
		s->reason = STR("");
	if (code == ERR_INVALID) {
		s->message = STR("the server rejected our request due to an error in our request");
		s->has_details = true;
	}
	return s;
}

/* Whoever does not ask for validation does not have the patch's own shape looked at either. */
static struct status *merge(struct patching *p, const struct cJSON *shown, struct cJSON **out)
{
	struct api_request *r = p->w->r;
	enum json_type type = json_type(p->patch);

	if (type != JSON_OBJECT && type != JSON_NULL && r->options.validation != VALIDATE_IGNORE)
		return status_new(r->arena, ERR_BAD_REQUEST,
			"error decoding patch: json: cannot unmarshal %s into Go value of type "
			"map[string]interface {}",
			json_type_name(type));
	if (type != JSON_OBJECT && type != JSON_ARRAY)
		return status_new(r->arena, ERR_BAD_REQUEST, "Invalid JSON Patch");
	*out = patch_merge(r->arena, shown, p->patch);
	return NULL;
}

/* *notes: what was found in the patch. */
static struct status *apply(struct patching *p, const struct cJSON *shown,
	struct decode_notes *notes, struct cJSON **out)
{
	struct api_request *r = p->w->r;
	const struct schema *schema = p->w->answer ? r->sub->schema : r->resource->schema;
	_cleanup_(err_done) struct err err = {0};
	int code = 0;

	*notes = (struct decode_notes){.arena = r->arena};
	for (size_t i = 0; i < p->notes.count; i++)
		decode_note(notes, p->notes.items[i]);
	if (p->type == PATCH_MERGE)
		return merge(p, shown, out);
	if (p->type == PATCH_JSON)
		code = patch_json(r->arena, shown, p->patch, notes, out, &err);
	else
		code = patch_strategic(r->arena, schema, shown, p->patch, out, &err);
	return code ? patch_failed(r, &err) : NULL;
}

/* ` "" is invalid: patch: Invalid value: "<the object, or the patch>": <why>` */
static struct status *not_decoded(struct patching *p, const struct cJSON *patched, struct str why)
{
	struct api_request *r = p->w->r;
	struct field_errors errors = {.arena = r->arena};
	struct path at = PATH(NULL, "patch");
	_cleanup_(buf_done) struct buf text = BUF_INIT(16 * MIB);

	if (p->type == PATCH_STRATEGIC)
		buf_add_str(&text, patch_print_go(r->arena, p->patch));
	else
		json_print(&text, patched, JSON_COMPACT);
	field_invalid_str(&errors, &at, buf_str(&text), "%.*s", STRF(why));
	return status_invalid(r->arena, STR(""), STR(""), STR(""), &errors);
}

static struct status *decode(struct patching *p, const struct body_kind *kind,
	struct cJSON *patched, const struct decode_notes *notes, struct cJSON **out)
{
	struct api_request *r = p->w->r;
	_cleanup_(err_done) struct err err = {0};
	struct str why;

	if (p->type == PATCH_STRATEGIC) {
		if (patch_check_restores(r->arena, kind->schema, patched, &err))
			return not_decoded(p, patched, str_from(err_text(&err)));
		tree_drop(patched, "kind");
		tree_set_str(r->arena, patched, "apiVersion", body_api_version(r->arena, kind));
	}
	if (body_decode_tree(r, kind, patched, notes, out, &why))
		return not_decoded(p, patched, why);
	return NULL;
}

static struct status *check_same_object(struct writing *w)
{
	struct api_request *r = w->r;
	struct str name = tree_str(w->tree, "metadata.name");
	struct str space = tree_str(w->tree, "metadata.namespace");

	if (!name.len)
		return status_new(r->arena, ERR_BAD_REQUEST,
			"the name of the object (%.*s based on URL) was undeterminable: name must "
			"be provided",
			STRF(r->name));
	if (!str_eq(name, r->name))
		return status_new(r->arena, ERR_BAD_REQUEST,
			"the name of the object (%.*s) does not match the name on the URL (%.*s)",
			STRF(name), STRF(r->name));
	if (space.len && !str_eq(space, r->namespace))
		return status_new(r->arena, ERR_BAD_REQUEST,
			"the namespace of the provided object does not match the namespace sent on "
			"the request");
	if (!space.len && r->resource->namespaced)
		tree_set_str(r->arena, w->tree, "metadata.namespace", r->namespace);
	return NULL;
}

static struct status *apply_to(struct writing *w, const struct cJSON *shown,
	const struct body_kind *kind, struct cJSON **out)
{
	struct decode_notes notes;
	struct cJSON *patched;
	struct status *s = apply(w->ctx, shown, &notes, &patched);

	return s ? s : decode(w->ctx, kind, patched, &notes, out);
}

static struct status *build_scale(struct writing *w)
{
	return registry_patch_scale(w, apply_to);
}

static struct status *build(struct writing *w)
{
	struct api_request *r = w->r;
	struct body_kind kind = body_of_resource(r->resource);
	struct cJSON *shown = (struct cJSON *)(uintptr_t)w->old_tree;
	_cleanup_(err_done) struct err err = {0};

	if (r->resource != w->hub &&
		resource_convert(r->arena, w->hub, r->resource, w->old_tree, &shown, &err))
		return status_from_err(r->arena, &err);
	struct status *s = apply_to(w, shown, &kind, &w->tree);
	if (s)
		return s;
	registry_set_defaults(r, w->tree);
	s = check_same_object(w);
	if (s)
		return s;
	struct str version = tree_str(w->tree, "metadata.resourceVersion");
	w->pinned =
		version.len && !str_eq(version, tree_str(w->old_tree, "metadata.resourceVersion"));
	if (w->pinned)
		return registry_check_version(w);
	return NULL;
}

/* ---- the body ---- */

static bool type_of(struct api_request *r, struct patching *p)
{
	static const char *const types[] = {[PATCH_JSON] = "application/json-patch+json",
		[PATCH_MERGE] = "application/merge-patch+json",
		[PATCH_STRATEGIC] = "application/strategic-merge-patch+json",
		[PATCH_APPLY] = "application/apply-patch+yaml"};

	for (int i = PATCH_JSON; i <= PATCH_APPLY; i++)
		if (str_eq_text(r->content_type, types[i])) {
			p->type = i;
			return true;
		}
	return false;
}

static struct status *not_parsed(struct patching *p, const struct err *err)
{
	static const char *const prefixes[] = {[PATCH_JSON] = "error decoding patch: ",
		[PATCH_MERGE] = "error decoding patch: ",
		[PATCH_STRATEGIC] = "",
		[PATCH_APPLY] = "error decoding YAML: error converting YAML to JSON: "};

	return status_new(
		p->w->r->arena, ERR_BAD_REQUEST, "%s%s", prefixes[p->type], err_text(err));
}

static struct status *parse(struct patching *p)
{
	struct api_request *r = p->w->r;
	_cleanup_(err_done) struct err err = {0};
	struct cJSON *tree;

	if (!type_of(r, p)) {
		return status_new(
			r->arena, ERR_UNSUPPORTED_MEDIA_TYPE, "415: Unsupported Media Type");
	}
	p->notes.arena = r->arena;
	if (body_parse(r->arena, buf_str(&r->body), p->type == PATCH_APPLY, &p->notes, &tree, &err))
		return not_parsed(p, &err);
	audit_sent(r, tree);
	p->patch = tree;
	return NULL;
}

void verb_patch(struct api_request *r)
{
	struct patching *p = arena_new(r->arena, sizeof(*p));
	struct writing *w = writing_new(r, build, p);
	struct status *s;

	p->w = w;
	w->patches = true;
	if (str_eq_text(r->subresource, "scale")) {
		registry_answer_scale(w);
		w->build = build_scale;
	} else if (!registry_choose_part(w)) {
		request_fail(r, status_new(r->arena, ERR_UNSUPPORTED,
					"%.*s cannot be patched in this version yet",
					STRF(r->subresource)));
		return;
	}
	s = parse(p);
	if (!s && p->type == PATCH_APPLY) {
		registry_apply(w, p->patch, &p->notes);
		return;
	}
	if (s)
		request_fail(r, s);
	else
		writing_start(w);
}
