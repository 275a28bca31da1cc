/* POST: a new object. */
#include "registry.h"

#include "api_options.h"
#include "custom_kind.h"

int64_t registry_event_ttl(const struct api_server *s)
{
	return s->options->event_ttl;
}

/* The namespace of the path goes into the object; another one in the object is refused. */
struct status *registry_match_namespace(struct api_request *r, struct cJSON *tree)
{
	struct str said = tree_str(tree, "metadata.namespace");

	if (!r->resource->namespaced)
		tree_drop(tree, "metadata.namespace");
	else if (!said.len)
		tree_set_str(r->arena, tree, "metadata.namespace", r->namespace);
	else if (said.len && !str_eq(said, r->namespace))
		return status_new(r->arena, ERR_BAD_REQUEST,
			"the namespace of the provided object does not match the namespace sent on "
			"the request");
	return NULL;
}

void registry_set_defaults(struct api_request *r, struct cJSON *tree)
{
	struct change c = {.arena = r->arena,
		.resource = r->resource->hub,
		.namespace = r->namespace,
		.object = tree,
		.now = r->now};

	strategy_set_defaults(&c);
}

/* Nothing new comes to a kind whose definition is on its way out. */
static struct status *check_kind(struct api_request *r, const struct cJSON *tree)
{
	struct str name = tree_str(tree, "metadata.name");

	if (!r->kind || !r->kind->terminating)
		return NULL;
	return status_for(r->arena, ERR_FORBIDDEN, r->resource, name,
		"%.*s \"%.*s\" is forbidden: create not allowed while custom resource definition "
		"is terminating",
		STRF(resource_full_name(r->arena, r->resource)), STRF(name));
}

void verb_create(struct api_request *r)
{
	struct writing *w = writing_new(r, NULL, NULL);
	struct body_kind kind = body_of_resource(r->resource);
	struct status *s = body_decode(r, &kind, &w->tree);

	if (!s)
		s = check_kind(r, w->tree);
	if (!s) {
		registry_set_defaults(r, w->tree);
		s = registry_match_namespace(r, w->tree);
	}
	if (s) {
		request_fail(r, s);
		return;
	}
	w->creating = true;
	w->name = tree_str(w->tree, "metadata.name");
	writing_start(w);
}
