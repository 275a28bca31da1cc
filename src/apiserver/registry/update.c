/* PUT: the whole object, its status, or a part of it. */
#include "registry.h"

/* ---- what the client sent against where it sent it ---- */

static struct status *check_names(struct writing *w, struct cJSON *tree)
{
	struct api_request *r = w->r;
	struct str name = tree_str(tree, "metadata.name");
	struct str space = tree_str(tree, "metadata.namespace");

	if (!name.len)
		return status_new(r->arena, ERR_BAD_REQUEST,
			"the name of the object (%.*s based on URL) was undeterminable: name must "
			"be provided",
			STRF(r->name));
	if (!str_eq(name, r->name))
		return status_new(r->arena, ERR_BAD_REQUEST,
			"the name of the object (%.*s) does not match the name on the URL (%.*s)",
			STRF(name), STRF(r->name));
	if (!space.len && r->resource->namespaced)
		tree_set_str(r->arena, tree, "metadata.namespace", r->namespace);
	else if (space.len && !str_eq(space, r->namespace))
		return status_new(r->arena, ERR_BAD_REQUEST,
			"the namespace of the provided object does not match the namespace sent on "
			"the request");
	return NULL;
}

struct status *status_wrong_uid(struct arena *a, const struct resource *r, struct str key,
	struct str name, struct str wanted, struct str found)
{
	return status_conflict(a, r, name,
		"StorageError: invalid object, Code: 4, Key: /registry/%.*s/%.*s, ResourceVersion: "
		"0, AdditionalErrorMsg: Precondition failed: UID in precondition: %.*s, UID in "
		"object meta: %.*s",
		STRF(r->hub->plural), STRF(key), STRF(wanted), STRF(found));
}

/* uid and resourceVersion of the body against what stands there. */
struct status *registry_check_version(struct writing *w)
{
	struct api_request *r = w->r;
	struct str version = tree_str(w->tree, "metadata.resourceVersion");
	struct str uid = tree_str(w->tree, "metadata.uid");
	struct field_errors errors = {.arena = r->arena};
	struct path meta = PATH(NULL, "metadata"), at = PATH(&meta, "resourceVersion");
	uint64_t number = 0;

	if (version.len && !str_to_u64(version, &number)) {
		struct status *s = status_new(r->arena, ERR_INTERNAL,
			"strconv.ParseUint: parsing \"%.*s\": invalid syntax", STRF(version));

		s->reason = STR("");
		return s;
	}
	w->pinned = number != 0;
	if (!w->old)
		return NULL;
	if (!number && !w->strategy->unconditional && w->what != WRITE_PART) {
		field_invalid_int(&errors, &at, 0, "must be specified for an update");
		return status_invalid(r->arena, w->hub->group, w->hub->plural, w->name, &errors);
	}
	if (uid.len && !str_eq(uid, object_scan(w->old, "metadata.uid")))
		return status_wrong_uid(r->arena, r->resource,
			server_key(r->arena, w->hub, w->namespace, w->name), w->name, uid,
			object_scan(w->old, "metadata.uid"));
	if (number && (int64_t)number != w->old->revision)
		return status_stale(r->arena, r->resource, w->name);
	return NULL;
}

static struct status *build(struct writing *w)
{
	w->tree = json_copy(w->r->arena, w->ctx);
	return registry_check_version(w);
}

/* ---- which part ---- */

const struct part_strategy *registry_part(const struct strategy *s, struct str name)
{
	for (const struct part_strategy *p = s ? s->parts : NULL; p && p->name; p++)
		if (str_eq_text(name, p->name))
			return p;
	return NULL;
}

/* The object itself, its status or one of its parts; false: this is not ours. */
bool registry_choose_part(struct writing *w)
{
	struct str sub = w->subresource;

	if (!sub.len)
		w->what = WRITE_OBJECT;
	else if (str_eq_text(sub, "status"))
		w->what = WRITE_STATUS;
	else if ((w->part = registry_part(w->strategy, sub)))
		w->what = WRITE_PART;
	else
		return false;
	return true;
}

void verb_update(struct api_request *r)
{
	struct writing *w = writing_new(r, build, NULL);
	struct body_kind kind = body_of_resource(r->resource);
	struct cJSON *tree;
	struct status *s;

	if (!registry_choose_part(w)) {
		request_fail(r, status_new(r->arena, ERR_UNSUPPORTED,
					"%.*s cannot be written in this version yet",
					STRF(r->subresource)));
		return;
	}
	s = body_decode(r, &kind, &tree);
	if (!s) {
		registry_set_defaults(r, tree);
		s = check_names(w, tree);
	}
	if (s) {
		request_fail(r, s);
		return;
	}
	w->ctx = tree;
	w->meant_uid = tree_str(tree, "metadata.uid");
	w->may_create = w->what == WRITE_OBJECT && w->strategy->put_creates;
	writing_start(w);
}
