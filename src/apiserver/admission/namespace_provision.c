/*
 * NamespaceAutoProvision: where something is made a namespace is made first, by a request like any
 * other: webhooks and policies may refuse it.
 */
#include "plugins.h"

#include <kube/client.h>

struct provision {
	struct admission_review *review;
	struct client_request request;
	struct op op;
};

static void provided(struct op *op, struct err *err)
{
	struct provision *p = CONTAINER_OF(op, struct provision, op);
	struct admission_review *r = p->review;
	struct status *no = NULL;

	if (err->code == ERR_CANCELLED || err->code == ERR_TIMEOUT)
		no = request_status(r->request, err);
	else if (err->code && err->code != ERR_ALREADY_EXISTS) /* somebody was quicker */
		no = admission_forbidden(r, "%s", err_text(err));
	client_request_done(&p->request);
	admission_resume(r, no);
}

bool start_namespace_provision(struct admission_review *r, struct status **no)
{
	const struct resource *namespaces = resource_find(STR(""), STR("v1"), STR("namespaces"));
	struct cJSON *namespace;
	struct provision *p;

	*no = NULL;
	if (!r->namespace.len || r->resource == namespaces || !r->request || r->dry_run ||
		store_get(server_bucket(r->server, namespaces), r->namespace))
		return false;
	p = arena_new(r->arena, sizeof(*p));
	p->review = r;
	client_request_init(&p->request, CLIENT_CREATE, namespaces, STR(""), STR(""));
	namespace = json_new(r->arena, JSON_OBJECT);
	tree_set_str(r->arena, namespace, "metadata.name", r->namespace);
	p->request.body = namespace;
	op_init(&p->op, &r->request->x->scope, provided, r->request->deadline);
	client_send(r->server->loopback, &p->op, &p->request);
	return true;
}
