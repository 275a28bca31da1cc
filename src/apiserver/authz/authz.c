/* May they: the authorizers of --authorization-mode, in their order. */
#include "access.h"
#include "api_options.h"
#include "audit.h"
#include "metrics.h"
#include "node.h"
#include "rbac.h"

#include <kube/mem.h>

enum mode { MODE_ALLOW, MODE_DENY, MODE_RBAC, MODE_NODE };

struct authz {
	struct api_server *server;
	struct rbac *rbac;
	struct node_access *node;
	enum mode modes[8];
	size_t mode_count;
};

static int add_mode(struct authz *a, struct str name, struct err *err)
{
	static const struct {
		const char *name;
		enum mode mode;
	} known[] = {{"AlwaysAllow", MODE_ALLOW}, {"AlwaysDeny", MODE_DENY}, {"RBAC", MODE_RBAC},
		{"Node", MODE_NODE}};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_eq_text(name, known[i].name) && a->mode_count < ARRAY_LEN(a->modes)) {
			a->modes[a->mode_count++] = known[i].mode;
			return 0;
		}
	return err_set(err, ERR_USAGE,
		"--authorization-mode: %.*s is not contained in this version", STRF(name));
}

int authz_new(struct api_server *s, struct authz **authz, struct err *err)
{
	struct authz *a = mem_new(sizeof(*a));
	const struct flag_list *modes = &s->options->authorization_modes;

	a->server = s;
	a->rbac = rbac_new(s);
	a->node = node_access_new(s);
	for (size_t i = 0; i < modes->count; i++)
		if (add_mode(a, modes->items[i], err)) {
			authz_free(a);
			return ERR_USAGE;
		}
	*authz = a;
	return 0;
}

void authz_free(struct authz *a)
{
	if (!a)
		return;
	rbac_free(a->rbac);
	node_access_free(a->node);
	mem_free(a);
}

static enum access_decision ask_mode(struct authz *a, enum mode mode, struct arena *arena,
	const struct access_query *q, struct str *reason)
{
	switch (mode) {
	case MODE_ALLOW:
		return ACCESS_ALLOW;
	case MODE_DENY:
		*reason = STR("Everything is forbidden.");
		return ACCESS_NO_OPINION;
	case MODE_RBAC:
		return rbac_allows(a->rbac, arena, q, reason) ? ACCESS_ALLOW : ACCESS_NO_OPINION;
	case MODE_NODE:
		return node_allows(a->node, arena, q, reason) ? ACCESS_ALLOW : ACCESS_NO_OPINION;
	}
	return ACCESS_NO_OPINION;
}

enum access_decision authz_ask(
	struct authz *a, struct arena *arena, const struct access_query *q, struct str *reason)
{
	*reason = (struct str){0};
	if (user_in_group(q->user, STR("system:masters")))
		return ACCESS_ALLOW;
	for (size_t i = 0; i < a->mode_count; i++) {
		struct str why = {0};
		enum access_decision d = ask_mode(a, a->modes[i], arena, q, &why);

		if (d != ACCESS_NO_OPINION) {
			*reason = why;
			return d;
		}
		if (why.len)
			*reason = reason->len ? arena_print(arena, "%.*s\n%.*s", STRF(*reason),
							STRF(why))
					      : why;
	}
	return ACCESS_NO_OPINION;
}

struct rbac *authz_rbac(struct authz *a)
{
	return a->rbac;
}

/* ---- 403 ---- */

static struct str why_not(struct arena *a, const struct access_query *q)
{
	struct str sub = q->subresource;

	if (!q->is_resource)
		return arena_print(a, "User \"%.*s\" cannot %.*s path \"%.*s\"",
			STRF(q->user->name), STRF(q->verb), STRF(q->path));
	struct str what = arena_print(a,
		"User \"%.*s\" cannot %.*s resource \"%.*s%s%.*s\" in API group \"%.*s\"",
		STRF(q->user->name), STRF(q->verb), STRF(q->resource), sub.len ? "/" : "",
		STRF(sub), STRF(q->group));
	if (q->namespace.len)
		return arena_print(
			a, "%.*s in the namespace \"%.*s\"", STRF(what), STRF(q->namespace));
	return arena_print(a, "%.*s at the cluster scope", STRF(what));
}

struct status *access_forbidden(
	struct arena *arena, const struct access_query *q, struct str reason)
{
	struct str why = why_not(arena, q);
	struct status *s;

	if (reason.len)
		why = arena_print(arena, "%.*s: %.*s", STRF(why), STRF(reason));
	if (!q->is_resource)
		s = status_new(arena, ERR_FORBIDDEN, "forbidden: %.*s", STRF(why));
	else if (q->name.len)
		s = status_new(arena, ERR_FORBIDDEN, "%.*s%s%.*s \"%.*s\" is forbidden: %.*s",
			STRF(q->resource), q->group.len ? "." : "", STRF(q->group), STRF(q->name),
			STRF(why));
	else
		s = status_new(arena, ERR_FORBIDDEN, "%.*s%s%.*s is forbidden: %.*s",
			STRF(q->resource), q->group.len ? "." : "", STRF(q->group), STRF(why));
	s->has_details = true;
	if (q->is_resource) {
		s->name = q->name;
		s->group = q->group;
		s->kind = q->resource;
	}
	return s;
}

/* ---- the stage ---- */

struct access_query access_query_of(const struct api_request *r)
{
	struct access_query q = {.user = r->user,
		.verb = r->verb,
		.is_resource = r->is_resource,
		.group = r->group,
		.version = r->version,
		.resource = r->plural,
		.subresource = r->subresource,
		.namespace = r->namespace,
		.name = r->name,
		.path = r->cluster_path};

	if (r->is_resource && (str_eq_text(r->verb, "list") || str_eq_text(r->verb, "watch") ||
				      str_eq_text(r->verb, "deletecollection"))) {
		request_query(r, "fieldSelector", &q.field_selector);
		request_query(r, "labelSelector", &q.label_selector);
	}
	return q;
}

void stage_authorize(struct api_request *r)
{
	struct access_query q = access_query_of(r);
	struct str reason;
	bool allowed;

	q.explain = r->audit;
	allowed = authz_ask(r->server->authz, r->arena, &q, &reason) == ACCESS_ALLOW;
	audit_annotate(r, "authorization.k8s.io/decision", allowed ? STR("allow") : STR("forbid"));
	audit_annotate(r, "authorization.k8s.io/reason", reason);

	++*metrics_number(r->server->metrics, METRIC_AUTHORIZED,
		allowed ? STR("result=\"allowed\"") : STR("result=\"denied\""));
	if (allowed)
		request_next(r);
	else
		request_fail(r, access_forbidden(r->arena, &q, reason));
}
