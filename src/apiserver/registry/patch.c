/* PATCH: the object as the client sees it, changed, and then written like a PUT. */
#include "registry.h"

#include <kube/patch.h>

struct patching {
	struct writing *w;
	const struct cJSON *patch;
	enum { PATCH_JSON, PATCH_MERGE, PATCH_STRATEGIC, PATCH_APPLY } type;
	bool warned; /* only the first attempt's notes are told */
};

/* ---- applying ---- */

static struct status *patch_failed(struct api_request *r, const struct err *err)
{
	struct status *s = status_new(r->arena, err->code, "%s", err_text(err));

	if (err->code == ERR_INTERNAL)
		s->reason = STR("");
	if (err->code == ERR_INVALID) {
		s->message = STR("the server rejected our request due to an error in our request");
		s->has_details = true;
	}
	return s;
}

static struct status *apply(struct patching *p, const struct cJSON *shown, struct cJSON **out)
{
	struct arena *a = p->w->r->arena;
	struct decode_notes notes = {.arena = a};
	_cleanup_(err_done) struct err err = {0};
	int code = 0;

	switch (p->type) {
	case PATCH_JSON:
		code = patch_json(a, shown, p->patch, &notes, out, &err);
		break;
	case PATCH_MERGE:
		*out = patch_merge(a, shown, p->patch);
		break;
	case PATCH_STRATEGIC:
		code = patch_strategic(a,
			p->w->answer ? p->w->r->sub->schema : p->w->r->resource->schema, shown,
			p->patch, out, &err);
		break;
	case PATCH_APPLY: /* has its own way: apply.c */
		break;
	}
	for (size_t i = 0; i < notes.count && !p->warned; i++)
		request_warn(p->w->r, notes.items[i]);
	p->warned = true;
	return code ? patch_failed(p->w->r, &err) : NULL;
}

/* ` "" is invalid: patch: Invalid value: "<the object>": <why>` */
static struct status *not_decoded(
	struct api_request *r, const struct cJSON *patched, struct str why)
{
	struct field_errors errors = {.arena = r->arena};
	struct path at = PATH(NULL, "patch");
	_cleanup_(buf_done) struct buf text = BUF_INIT(16 * MIB);

	json_print(&text, patched, JSON_COMPACT);
	field_invalid_str(&errors, &at, buf_str(&text), "%.*s", STRF(why));
	return status_invalid(r->arena, STR(""), STR(""), STR(""), &errors);
}

static struct status *check_same_object(struct writing *w)
{
	struct api_request *r = w->r;
	struct str name = tree_str(w->tree, "metadata.name");
	struct str space = tree_str(w->tree, "metadata.namespace");

	if (!str_eq(name, r->name))
		return status_new(r->arena, ERR_BAD_REQUEST,
			"the name of the object (%.*s) does not match the name on the URL (%.*s)",
			STRF(name), STRF(r->name));
	if (!str_eq(space, r->namespace) && r->resource->namespaced)
		return status_new(r->arena, ERR_BAD_REQUEST,
			"the namespace of the object (%.*s) does not match the namespace on the "
			"request (%.*s)",
			STRF(space), STRF(r->namespace));
	return NULL;
}

static struct status *apply_to(struct writing *w, const struct cJSON *shown, struct cJSON **out)
{
	return apply(w->ctx, shown, out);
}

static struct status *build_scale(struct writing *w)
{
	return registry_patch_scale(w, apply_to);
}

static struct status *build(struct writing *w)
{
	struct patching *p = w->ctx;
	struct api_request *r = w->r;
	struct body_kind kind = body_of_resource(r->resource);
	struct cJSON *shown = (struct cJSON *)(uintptr_t)w->old_tree, *patched;
	struct str why;
	_cleanup_(err_done) struct err err = {0};

	if (r->resource != w->hub &&
		resource_convert(r->arena, w->hub, r->resource, w->old_tree, &shown, &err))
		return status_from_err(r->arena, &err);
	struct status *s = apply(p, shown, &patched);
	if (s)
		return s;
	if (body_decode_tree(r, &kind, patched, &w->tree, &why))
		return not_decoded(r, patched, why);
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

static struct status *parse(struct patching *p)
{
	struct api_request *r = p->w->r;
	_cleanup_(err_done) struct err err = {0};
	struct cJSON *tree;

	if (!type_of(r, p)) {
		return status_new(
			r->arena, ERR_UNSUPPORTED_MEDIA_TYPE, "415: Unsupported Media Type");
	}
	if (body_parse(r->arena, buf_str(&r->body), p->type == PATCH_APPLY, NULL, &tree, &err))
		return status_new(
			r->arena, ERR_BAD_REQUEST, "error decoding patch: %s", err_text(&err));
	p->patch = tree;
	return NULL;
}

void verb_patch(struct api_request *r)
{
	struct patching *p = arena_new(r->arena, sizeof(*p));
	struct writing *w = writing_new(r, build, p);
	struct status *s;

	p->w = w;
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
	if (!s && p->type == PATCH_APPLY && w->answer)
		s = status_new(r->arena, ERR_UNSUPPORTED,
			"server-side apply of a Scale is not contained in this version yet");
	if (!s && p->type == PATCH_APPLY) {
		registry_apply(w, p->patch);
		return;
	}
	if (s)
		request_fail(r, s);
	else
		writing_start(w);
}
