/* NamespaceAutoProvision: where something is made a namespace is made first. */
#include "plugins.h"

#include <kube/log.h>

struct provision {
	struct admission_review *review;
	struct own_write write;
	struct op op;
};

static void provided(struct op *op, struct err *err)
{
	struct provision *p = CONTAINER_OF(op, struct provision, op);
	struct admission_review *r = p->review;
	struct status *no = NULL;

	if (err->code == ERR_CANCELLED || err->code == ERR_TIMEOUT)
		no = request_status(r->request, err);
	else if (err->code)
		no = admission_forbidden(r, "%s", err_text(err));
	admission_resume(r, no);
}

bool start_namespace_provision(struct admission_review *r, struct status **no)
{
	const struct resource *namespaces = resource_find(STR(""), STR("v1"), STR("namespaces"));
	struct provision *p;

	*no = NULL;
	if (!r->namespace.len || r->resource == namespaces || !r->request || r->dry_run ||
		store_get(server_bucket(r->server, namespaces), r->namespace))
		return false;
	p = arena_new(r->arena, sizeof(*p));
	p->review = r;
	p->write = (struct own_write){.resource = namespaces,
		.object = json_new(r->arena, JSON_OBJECT),
		.only_create = true};
	tree_set_str(r->arena, p->write.object, "metadata.name", r->namespace);
	op_init(&p->op, &r->request->x->scope, provided, r->request->deadline);
	server_write(r->server, &p->op, &p->write);
	return true;
}
