/* serviceaccounts/token: a token of the account, bound to a pod, a secret, a node, or to nothing.
 */
#include "access.h"
#include "api_options.h"
#include "audit.h"
#include "registry.h"

#include <kube/time.h>

#define SHORTEST 600
#define LONGEST  ((int64_t)1 << 32)
/* What kubelets ask for pods' tokens. Old libraries never read a token again: those tokens live
 * for a year, and only a warning is due after the time asked for. */
#define USUAL    3607
#define EXTENDED ((int64_t)365 * 24 * 3600)

struct token_request {
	struct api_request *r;
	struct cJSON *tree, *account;
	struct token_claims claims;
	struct token_issue issue;
	struct op op;
	struct body_admission admission;
	bool has_pod;
};

static const struct resource *accounts(void)
{
	return resource_find(STR(""), STR("v1"), STR("serviceaccounts"));
}

/* Of what is no resource. */
static struct status *conflict(
	struct api_request *r, struct str group, struct str kind, struct str name, struct str why)
{
	struct status *s = status_conflict(r->arena, accounts(), name, "%s", "");

	s->group = group;
	s->kind = kind;
	s->message =
		arena_print(r->arena, "Operation cannot be fulfilled on %.*s%s%.*s \"%.*s\": %.*s",
			STRF(kind), group.len ? "." : "", STRF(group), STRF(name), STRF(why));
	return s;
}

/* ---- what is asked for ---- */

static struct status *check_name(struct token_request *t)
{
	struct api_request *r = t->r;
	struct field_errors errors = {.arena = r->arena};
	struct path meta = PATH(NULL, "metadata"), at = PATH(&meta, "name");
	struct str name = tree_str(t->tree, "metadata.name");

	if (name.len && !str_eq(name, r->name))
		field_invalid_str(
			&errors, &at, name, "must match the service account name if specified");
	return status_invalid(r->arena, r->sub->group, r->sub->kind, r->name, &errors);
}

/* Of an account that was deleted and made anew nobody gets a token by mistake. */
static struct status *check_account(struct token_request *t)
{
	struct api_request *r = t->r;
	struct str asked = tree_str(t->tree, "metadata.uid");
	struct str uid = tree_str(t->account, "metadata.uid"), why;

	if (!asked.len || str_eq(asked, uid))
		return NULL;
	why = arena_print(r->arena,
		"the UID in the token request (%.*s) does not match the UID of the service account "
		"(%.*s)",
		STRF(asked), STRF(uid));
	if (api_gate(r->server->options, "TokenRequestServiceAccountUIDValidation"))
		return conflict(r, r->sub->group, r->sub->kind, r->name, why);
	audit_annotate(r, "authentication.k8s.io/token-request-uid-mismatch", why);
	request_warn(r, arena_print(r->arena,
				"%.*s but TokenRequestServiceAccountUIDValidation is not enabled. "
				"In the future, this will return a conflict error",
				STRF(why)));
	return NULL;
}

static struct status *check_duration(struct token_request *t)
{
	struct api_request *r = t->r;
	struct field_errors errors = {.arena = r->arena};
	struct path spec = PATH(NULL, "spec"), at = PATH(&spec, "expirationSeconds");
	int64_t seconds = tree_int(t->tree, "spec.expirationSeconds", 0);

	if (seconds < SHORTEST)
		field_invalid_int(
			&errors, &at, seconds, "may not specify a duration less than 10 minutes");
	if (seconds > LONGEST)
		field_invalid_int(&errors, &at, seconds,
			"may not specify a duration larger than 2^32 seconds");
	return status_invalid(r->arena, r->sub->group, r->sub->kind, STR(""), &errors);
}

static void fill(struct token_request *t)
{
	struct api_request *r = t->r;
	const struct flag_list *own = &r->server->options->api_audiences;
	struct cJSON *list = json_path(t->tree, "spec.audiences");
	_cleanup_(buf_done) struct buf now = BUF_INIT(64);

	if (!json_count(list)) {
		list = json_new(r->arena, JSON_ARRAY);
		for (size_t i = 0; i < own->count; i++)
			json_append(list, json_new_str(r->arena, own->items[i]));
		tree_set(r->arena, t->tree, "spec.audiences", list);
	}
	time_print(&now, r->now / SEC * SEC);
	tree_set_str(r->arena, t->tree, "metadata.name", r->name);
	tree_set_str(r->arena, t->tree, "metadata.namespace", r->namespace);
	if (!tree_str(t->tree, "metadata.uid").len)
		tree_set_str(
			r->arena, t->tree, "metadata.uid", tree_str(t->account, "metadata.uid"));
	tree_set_str(r->arena, t->tree, "metadata.creationTimestamp", buf_str(&now));
	tree_drop(t->tree, "status");
}

/* ---- what it is bound to ---- */

/* A node that is not there is told by its name all the same. */
static void add_node_of(struct token_request *t, const struct cJSON *pod)
{
	struct str name = tree_str(pod, "spec.nodeName");
	const struct cJSON *node =
		server_read(t->r->server, t->r->arena, "", "nodes", STR(""), name);

	t->claims.node = (struct token_ref){name, tree_str(node, "metadata.uid")};
}

static struct status *bad_kind(struct token_request *t, struct str version, struct str kind)
{
	struct str group, rest;

	api_version_split(version, &group, &rest);
	return status_new(t->r->arena, ERR_BAD_REQUEST,
		"cannot bind token to object of type %.*s/%.*s, Kind=%.*s", STRF(group), STRF(rest),
		STRF(kind));
}

static struct token_ref *bound_claim(struct token_request *t, struct str kind, const char **plural)
{
	if (str_eq_text(kind, "Pod")) {
		*plural = "pods";
		return &t->claims.pod;
	}
	if (str_eq_text(kind, "Secret")) {
		*plural = "secrets";
		return &t->claims.secret;
	}
	*plural = "nodes";
	return str_eq_text(kind, "Node") ? &t->claims.node : NULL;
}

static struct status *bind(struct token_request *t)
{
	struct api_request *r = t->r;
	const struct cJSON *ref = json_path(t->tree, "spec.boundObjectRef");
	struct str version = tree_str(ref, "apiVersion"), kind = tree_str(ref, "kind");
	struct str name = tree_str(ref, "name"), uid = tree_str(ref, "uid");
	const char *plural;
	struct token_ref *claim;

	if (!ref || json_is(ref, JSON_NULL))
		return NULL;
	claim = bound_claim(t, kind, &plural);
	if (!claim || !str_eq_text(version, "v1"))
		return bad_kind(t, version, kind);
	const struct resource *resource = resource_find(STR(""), STR("v1"), str_from(plural));
	const struct cJSON *object =
		server_read(r->server, r->arena, "", plural, r->namespace, name);
	if (!object)
		return status_not_found(r->arena, resource, name);
	t->has_pod = claim == &t->claims.pod;
	if (t->has_pod && !str_eq(tree_str(object, "spec.serviceAccountName"), r->name))
		return status_new(r->arena, ERR_BAD_REQUEST,
			"cannot bind token for serviceaccount %.*s to pod running with different "
			"serviceaccount name.",
			STRF(field_quote(r->arena, r->name)));
	if (uid.len && !str_eq(uid, tree_str(object, "metadata.uid")))
		return conflict(r, STR(""), kind, name,
			arena_print(r->arena,
				"the UID in the bound object reference (%.*s) does not match the "
				"UID in record. The object might have been deleted and then "
				"recreated",
				STRF(uid)));
	*claim = (struct token_ref){name, tree_str(object, "metadata.uid")};
	if (t->has_pod && tree_str(object, "spec.nodeName").len)
		add_node_of(t, object);
	return NULL;
}

/* ---- how long ---- */

static bool for_the_api(struct token_request *t)
{
	const struct flag_list *own = &t->r->server->options->api_audiences;
	size_t i = 0;

	json_each (audience, json_path(t->tree, "spec.audiences")) {
		bool found = false;

		for (size_t k = 0; k < own->count; k++)
			found |= str_eq(own->items[k], json_str(audience));
		if (!found)
			return false;
		i++;
	}
	return i > 0;
}

static void set_times(struct token_request *t)
{
	struct api_request *r = t->r;
	const struct api_options *o = r->server->options;
	int64_t seconds = tree_int(t->tree, "spec.expirationSeconds", 0);
	int64_t most = o->sa_max_expiration / SEC;

	if (most > 0 && seconds > most) {
		request_warn(r, arena_print(r->arena,
					"requested expiration of %lld seconds shortened to %lld "
					"seconds",
					(long long)seconds, (long long)most));
		seconds = most;
		tree_set_int(r->arena, t->tree, "spec.expirationSeconds", seconds);
	}
	t->claims.issued = r->now / SEC;
	t->claims.expires = t->claims.issued + seconds;
	if (o->sa_extend_expiration && t->has_pod && seconds == USUAL && for_the_api(t)) {
		t->claims.warn_after = t->claims.issued + seconds;
		t->claims.expires = t->claims.issued + EXTENDED;
	}
}

static void set_claims(struct token_request *t)
{
	const struct cJSON *list = json_path(t->tree, "spec.audiences");
	struct str *items = arena_new(t->r->arena, (json_count(list) + 1) * sizeof(*items));

	json_each (audience, list)
		items[t->claims.audience_count++] = json_str(audience);
	t->claims.audiences = items;
	t->claims.namespace = t->r->namespace;
	t->claims.account = (struct token_ref){t->r->name, tree_str(t->account, "metadata.uid")};
	set_times(t);
}

/* ---- the answer ---- */

static void signed_(struct op *op, struct err *err)
{
	struct token_request *t = CONTAINER_OF(op, struct token_request, op);
	struct api_request *r = t->r;
	_cleanup_(buf_done) struct buf end = BUF_INIT(64);

	if (err->code) {
		token_issue_done(&t->issue);
		request_fail_err(r, err);
		return;
	}
	audit_annotate(r, "authentication.kubernetes.io/issued-credential-id",
		arena_print(r->arena, "JTI=%s", t->issue.id));
	time_print(&end, (r->now / SEC + tree_int(t->tree, "spec.expirationSeconds", 0)) * SEC);
	tree_set_str(r->arena, t->tree, "status.token", buf_str(&t->issue.token));
	tree_set_str(r->arena, t->tree, "status.expirationTimestamp", buf_str(&end));
	token_issue_done(&t->issue);
	answer_tree(r, 201, r->sub->schema, api_canonical(r->arena, r->sub->schema, t->tree));
}

/* ---- the steps ---- */

static void admitted(struct body_admission *b, struct status *no)
{
	struct token_request *t = b->ctx;
	struct api_request *r = t->r;
	struct status *s = no ? no : bind(t);

	if (s) {
		request_fail(r, s);
		return;
	}
	set_claims(t);
	op_init(&t->op, &r->x->scope, signed_, OP_NO_DEADLINE);
	token_issue(r->server->authn, &t->op, &t->issue, &t->claims);
}

/* Plugins that change objects see what was sent; those that judge, what is made of it. */
static struct status *complete(struct body_admission *b)
{
	struct token_request *t = b->ctx;
	struct api_request *r = t->r;
	struct status *s;

	t->tree = b->review.object;
	s = check_name(t);
	if (s)
		return s;
	t->account = server_read(r->server, r->arena, "", "serviceaccounts", r->namespace, r->name);
	if (!t->account)
		return status_not_found(r->arena, accounts(), r->name);
	s = check_account(t);
	if (s)
		return s;
	fill(t);
	return check_duration(t);
}

void create_token_request(struct api_request *r)
{
	struct token_request *t = arena_new(r->arena, sizeof(*t));
	struct body_kind kind = body_of_subresource(r->sub);
	struct status *s;

	t->r = r;
	s = body_decode(r, &kind, &t->tree);
	if (!s) {
		api_set_standards(r->arena, r->sub->schema, t->tree);
		s = registry_match_namespace(r, t->tree);
	}
	if (s) {
		request_fail(r, s);
		return;
	}
	t->admission = (struct body_admission){.next = admitted, .check = complete, .ctx = t};
	registry_admit_body(&t->admission, r, accounts(), r->name, t->tree);
}
