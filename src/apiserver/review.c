#include "review.h"

#include "body.h"
#include "registry.h"
#include "respond.h"

struct reviewing {
	struct api_request *r;
	struct body_admission admission;
	review_check_fn *check;
	review_answer_fn *go;
};

static struct status *read_body(struct api_request *r, struct cJSON **tree)
{
	struct body_kind kind = body_of_resource(r->resource);
	struct apply_request track = {
		.resource = r->resource, .manager = r->options.field_manager, .now = r->now};
	struct status *s = body_decode(r, &kind, tree);

	if (!s)
		s = registry_match_namespace(r, *tree);
	if (!s)
		apply_track_update(r->arena, &track, NULL, *tree);
	return s;
}

static struct status *check(struct body_admission *b)
{
	struct reviewing *v = b->ctx;

	return v->check ? v->check(v->r, b->review.object) : NULL;
}

static void admitted(struct body_admission *b, struct status *no)
{
	struct reviewing *v = b->ctx;

	if (no)
		request_fail(v->r, no);
	else
		v->go(v->r, b->review.object);
}

void review_run(struct api_request *r, review_check_fn *check_it, review_answer_fn *go)
{
	struct reviewing *v = arena_new(r->arena, sizeof(*v));
	struct cJSON *tree;
	struct status *s = read_body(r, &tree);

	if (s) {
		request_fail(r, s);
		return;
	}
	v->r = r;
	v->check = check_it;
	v->go = go;
	v->admission = (struct body_admission){.next = admitted, .check = check, .ctx = v};
	registry_admit_body(
		&v->admission, r, r->resource->hub, tree_str(tree, "metadata.name"), tree);
}

void review_answer(struct api_request *r, struct cJSON *tree)
{
	/* asked in any version, thought about in the hub's */
	answer_hub_tree(r, 201, api_canonical(r->arena, r->resource->hub->schema, tree));
}
