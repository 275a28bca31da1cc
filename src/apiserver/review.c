#include "review.h"

#include "body.h"
#include "registry.h"
#include "respond.h"

struct cJSON *review_read(struct api_request *r)
{
	struct body_kind kind = body_of_resource(r->resource);
	struct apply_request track = {
		.resource = r->resource, .manager = r->options.field_manager, .now = r->now};
	struct cJSON *tree;
	struct status *s = body_decode(r, &kind, &tree);

	if (!s)
		s = registry_match_namespace(r, tree);
	if (s) {
		request_fail(r, s);
		return NULL;
	}
	apply_track_update(r->arena, &track, NULL, tree);
	return tree;
}

void review_answer(struct api_request *r, struct cJSON *tree)
{
	/* asked in any version, thought about in the hub's */
	answer_hub_tree(r, 201, api_canonical(r->arena, r->resource->hub->schema, tree));
}
