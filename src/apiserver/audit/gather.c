/* What the stages tell of a request. */
#include "audit.h"
#include "record.h"
#include "represent_private.h"

/* There is a record only when it is known who asks; what is told until then goes into it. */
static struct cJSON *early_notes(struct api_request *r)
{
	if (!r->server->audit || r->real_user)
		return NULL;
	if (!r->noted)
		r->noted = json_new(r->arena, JSON_OBJECT);
	return r->noted;
}

void audit_annotate(struct api_request *r, const char *key, struct str value)
{
	struct cJSON *notes = r->audit ? r->audit->annotations : early_notes(r);

	if (notes && !json_get(notes, str_from(key)))
		json_set(r->arena, notes, str_from(key),
			json_new_str(r->arena, arena_str(r->arena, value)));
}

/* ---- what was sent ---- */

static void drop_managed_fields(struct cJSON *tree)
{
	struct cJSON *items = json_get(tree, STR("items"));

	tree_drop(tree, "metadata.managedFields");
	json_each (item, items)
		tree_drop(item, "metadata.managedFields");
}

static struct cJSON *kept(struct api_request *r, const struct cJSON *tree)
{
	struct cJSON *copy = json_copy(r->arena, tree);

	if (r->audit->decision.omits_managed_fields)
		drop_managed_fields(copy);
	return copy;
}

void audit_sent(struct api_request *r, const struct cJSON *tree)
{
	if (!r->audit || r->audit->meta)
		return;
	r->audit->meta = json_get(tree, STR("metadata"))
				 ? json_copy(r->arena, json_get(tree, STR("metadata")))
				 : json_new(r->arena, JSON_OBJECT);
	if (r->audit->decision.level >= AUDIT_REQUEST)
		r->audit->sent = kept(r, tree);
}

void audit_sent_hub(struct api_request *r, struct cJSON *tree)
{
	struct representation as = {.resource = r->resource, .now = r->now};

	if (r->audit && !r->audit->meta)
		audit_sent(r, api_canonical(r->arena, r->resource->schema,
				      shown_tree(r->arena, &as, tree)));
}

/* ---- what was answered ---- */

void audit_answered_status(struct api_request *r, const struct status *s)
{
	if (!r->audit || s->plain)
		return;
	r->audit->status = status_tree(r->arena, s);
	if (r->audit->decision.level == AUDIT_REQUEST_RESPONSE)
		r->audit->answered = json_copy(r->arena, r->audit->status);
}

bool audit_wants_sent(const struct api_request *r)
{
	return r->audit && r->audit->decision.level >= AUDIT_REQUEST;
}

bool audit_wants_answer(const struct api_request *r)
{
	return r->audit && r->audit->decision.level == AUDIT_REQUEST_RESPONSE &&
	       !r->audit->answered;
}

void audit_answered_tree(struct api_request *r, const struct cJSON *tree)
{
	if (audit_wants_answer(r))
		r->audit->answered = kept(r, tree);
}

void audit_answered(struct api_request *r, struct str json)
{
	struct cJSON *tree;

	if (audit_wants_answer(r) && !json_parse(r->arena, json, NULL, &tree, NULL))
		audit_answered_tree(r, tree);
}
