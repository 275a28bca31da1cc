/* The pod's binding subresource. */
#include "plugins.h"

#include <kube/api_codec.h>

static struct cJSON *bind(const struct gift *g, struct arena *a)
{
	struct cJSON *body = json_new(a, JSON_OBJECT);

	tree_set_str(a, body, "kind", STR("Binding"));
	tree_set_str(a, body, "apiVersion", STR("v1"));
	tree_set_str(a, body, "metadata.name", g->pod->name);
	tree_set_str(a, body, "metadata.namespace", g->pod->namespace);
	tree_set_str(a, body, "metadata.uid", g->pod->uid);
	tree_set_str(a, body, "target.kind", STR("Node"));
	tree_set_str(a, body, "target.name", str_from(g->node));
	return body;
}

const struct plugin plugin_default_binder = {.name = "DefaultBinder", .bind = bind};
