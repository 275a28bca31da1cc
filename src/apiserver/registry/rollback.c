/*
 * deployments/rollback of extensions/v1beta1 and apps/v1beta1: notes the revision at the
 * Deployment; its controller goes back to it.
 */
#include "registry.h"

#include <kube/names.h>

#define ROLLBACK_TO "deprecated.deployment.rollback.to"

struct rollback {
	struct body_admission admission;
	struct direct_write write;
	struct cJSON *body;
};

static struct status *check_body(struct api_request *r, const struct cJSON *body)
{
	struct field_errors e = {.arena = r->arena};
	struct path annotations = PATH(NULL, "updatedAnnotations"), name = PATH(NULL, "name");
	struct path rollback = PATH(NULL, "rollback"), version = PATH(&rollback, "version");
	int64_t revision = tree_int(body, "rollbackTo.revision", 0);

	check_annotations(&e, &annotations, json_get(body, STR("updatedAnnotations")));
	if (!tree_str(body, "name").len)
		field_required(&e, &name, "name is required");
	if (revision < 0)
		field_invalid_int(&e, &version, revision, "must be greater than or equal to 0");
	if (e.count)
		return status_invalid(r->arena, STR("apps"), STR("DeploymentRollback"),
			tree_str(body, "name"), &e);
	if (!str_eq(tree_str(body, "name"), r->name))
		return status_new(r->arena, ERR_BAD_REQUEST,
			"name in URL does not match name in DeploymentRollback object");
	return NULL;
}

static struct status *note(struct direct_write *d, struct cJSON *deployment)
{
	struct rollback *b = d->ctx;
	struct arena *a = d->r->arena;
	struct cJSON *notes;

	if (!json_path(deployment, "metadata.annotations"))
		tree_set(a, deployment, "metadata.annotations", json_new(a, JSON_OBJECT));
	notes = json_path(deployment, "metadata.annotations");
	json_each (item, json_get(b->body, STR("updatedAnnotations")))
		json_set(a, notes, json_key(item), json_copy(a, item));
	json_set(a, notes, STR(ROLLBACK_TO),
		json_new_str(a, arena_print(a, "%lld",
					(long long)tree_int(b->body, "rollbackTo.revision", 0))));
	return NULL;
}

/* The answer's status is 201, the one written in it 200. */
static void noted(struct direct_write *d, struct status *failure)
{
	struct api_request *r = d->r;
	struct cJSON *tree = json_new(r->arena, JSON_OBJECT);

	if (failure) {
		request_fail(r, failure);
		return;
	}
	tree_set_str(r->arena, tree, "kind", STR("Status"));
	tree_set_str(r->arena, tree, "apiVersion", STR("v1"));
	tree_set(r->arena, tree, "metadata", json_new(r->arena, JSON_OBJECT));
	tree_set_str(r->arena, tree, "status", STR("Success"));
	tree_set_str(r->arena, tree, "message",
		arena_print(r->arena, "rollback request for deployment \"%.*s\" succeeded",
			STRF(r->name)));
	tree_set_int(r->arena, tree, "code", 200);
	answer_tree(r, 201, meta_schema("Status"), tree);
}

static void admitted(struct body_admission *admission, struct status *failure)
{
	struct rollback *b = admission->ctx;

	b->body = admission->review.object;
	if (failure)
		request_fail(b->write.r, failure);
	else
		direct_write_start(&b->write);
}

void handle_rollback(struct api_request *r)
{
	struct rollback *b = arena_new(r->arena, sizeof(*b));
	struct body_kind kind = body_of_subresource(r->sub);
	struct status *s = body_decode(r, &kind, &b->body);

	if (!s)
		s = check_body(r, b->body);
	if (s) {
		request_fail(r, s);
		return;
	}
	b->write = (struct direct_write){.r = r,
		.hub = r->resource->hub,
		.namespace = r->namespace,
		.name = r->name,
		.change = note,
		.done = noted,
		.ctx = b};
	b->admission = (struct body_admission){.next = admitted, .ctx = b};
	registry_admit_body(&b->admission, r, r->resource->hub, r->name, b->body);
}
