/* The reviews: what a user may do, asked through the API. */
#include "access.h"
#include "body.h"
#include "rbac.h"
#include "respond.h"

#include <kube/mem.h>
#include <kube/time.h>

/* ---- reading ---- */

/* The body; the answer is the same object with a status. NULL: it has been refused. */
static struct cJSON *read_review(struct api_request *r)
{
	struct body_kind kind = body_of_resource(r->resource);
	struct cJSON *tree;
	struct status *s = body_decode(r, &kind, &tree);

	if (s) {
		request_fail(r, s);
		return NULL;
	}
	return tree;
}

static void answer(struct api_request *r, struct cJSON *tree)
{
	answer_tree(
		r, 201, r->resource->schema, api_canonical(r->arena, r->resource->schema, tree));
}

static struct api_user *user_of(struct arena *a, const struct cJSON *spec)
{
	struct api_user *u = arena_new(a, sizeof(*u));
	const struct cJSON *groups = json_get(spec, STR("groups"));

	u->name = tree_str(spec, "user");
	u->uid = tree_str(spec, "uid");
	u->groups = arena_new(a, (json_count(groups) + 1) * sizeof(*u->groups));
	json_each (group, groups)
		u->groups[u->group_count++] = json_str(group);
	return u;
}

static struct access_query query_of(const struct api_user *u, const struct cJSON *spec)
{
	const struct cJSON *resource = json_get(spec, STR("resourceAttributes"));
	const struct cJSON *path = json_get(spec, STR("nonResourceAttributes"));
	struct access_query q = {.user = u, .is_resource = resource != NULL};

	if (resource) {
		q.verb = tree_str(resource, "verb");
		q.group = tree_str(resource, "group");
		q.version = tree_str(resource, "version");
		q.resource = tree_str(resource, "resource");
		q.subresource = tree_str(resource, "subresource");
		q.namespace = tree_str(resource, "namespace");
		q.name = tree_str(resource, "name");
	} else {
		q.verb = tree_str(path, "verb");
		q.path = tree_str(path, "path");
	}
	return q;
}

/* ---- validation ---- */

static void check_attributes(struct field_errors *e, const struct cJSON *spec)
{
	struct path root = PATH(NULL, "spec"), path_at = PATH(&root, "nonResourceAttributes");
	bool resource = tree_has(spec, "resourceAttributes");
	bool path = tree_has(spec, "nonResourceAttributes");

	if (resource && path)
		field_invalid(e, &path_at, json_get(spec, STR("nonResourceAttributes")),
			"cannot be specified in combination with resourceAttributes");
	if (!resource && !path) {
		struct path resource_at = PATH(&root, "resourceAttributes");

		field_invalid(e, &resource_at, NULL,
			"exactly one of nonResourceAttributes or resourceAttributes must be "
			"specified");
	}
}

static void check_subject(struct field_errors *e, const struct cJSON *spec)
{
	struct path root = PATH(NULL, "spec"), at = PATH(&root, "user");

	if (!tree_str(spec, "user").len && !json_count(json_get(spec, STR("groups"))))
		field_invalid_str(
			e, &at, STR(""), "at least one of user or group must be specified");
}

static bool refused(struct api_request *r, const struct field_errors *e)
{
	struct status *s =
		status_invalid(r->arena, r->resource->group, r->resource->kind, STR(""), e);

	if (s)
		request_fail(r, s);
	return s != NULL;
}

/* ---- access ---- */

static void decide(struct api_request *r, struct cJSON *tree, const struct api_user *u)
{
	struct access_query q = query_of(u, json_get(tree, STR("spec")));
	struct cJSON *status = json_new(r->arena, JSON_OBJECT);
	struct str reason;
	enum access_decision d = authz_ask(r->server->authz, r->arena, &q, &reason);

	json_add_borrowed(status, STR("allowed"), json_new_bool(r->arena, d == ACCESS_ALLOW));
	if (d == ACCESS_DENY)
		json_add_borrowed(status, STR("denied"), json_new_bool(r->arena, true));
	if (reason.len)
		json_add_borrowed(status, STR("reason"), json_new_str(r->arena, reason));
	tree_set(r->arena, tree, "status", status);
	answer(r, tree);
}

void review_subject_access(struct api_request *r)
{
	struct cJSON *tree = read_review(r);
	struct field_errors errors = {.arena = r->arena};

	if (!tree)
		return;
	const struct cJSON *spec = json_get(tree, STR("spec"));
	check_attributes(&errors, spec);
	check_subject(&errors, spec);
	if (!refused(r, &errors))
		decide(r, tree, user_of(r->arena, spec));
}

void review_local_access(struct api_request *r)
{
	struct cJSON *tree = read_review(r);
	struct field_errors errors = {.arena = r->arena};
	struct path root = PATH(NULL, "spec"), resource = PATH(&root, "resourceAttributes");
	struct path at = PATH(&resource, "namespace");

	if (!tree)
		return;
	const struct cJSON *spec = json_get(tree, STR("spec"));
	check_attributes(&errors, spec);
	check_subject(&errors, spec);
	if (!str_eq(tree_str(spec, "resourceAttributes.namespace"), r->namespace))
		field_invalid_str(&errors, &at, tree_str(spec, "resourceAttributes.namespace"),
			"must match metadata.namespace");
	tree_set_str(r->arena, tree, "metadata.namespace", r->namespace);
	if (!refused(r, &errors))
		decide(r, tree, user_of(r->arena, spec));
}

void review_self_access(struct api_request *r)
{
	struct cJSON *tree = read_review(r);
	struct field_errors errors = {.arena = r->arena};

	if (!tree)
		return;
	check_attributes(&errors, json_get(tree, STR("spec")));
	if (!refused(r, &errors))
		decide(r, tree, r->user);
}

/* ---- rules ---- */

struct rules {
	struct arena *arena;
	struct cJSON *resources, *paths;
};

static bool add_rule(void *ctx, const struct cJSON *rule)
{
	struct rules *rules = ctx;
	struct cJSON *copy = json_copy(rules->arena, rule);

	if (json_count(json_get(rule, STR("nonResourceURLs"))))
		json_append(rules->paths, copy);
	else
		json_append(rules->resources, copy);
	return false;
}

static void add_all(struct rules *rules)
{
	struct arena *a = rules->arena;
	static const char all_resources[] =
		"{\"verbs\":[\"*\"],\"apiGroups\":[\"*\"],\"resources\":[\"*\"]}";
	static const char all_paths[] = "{\"verbs\":[\"*\"],\"nonResourceURLs\":[\"*\"]}";
	struct cJSON *tree;

	if (!json_parse(a, str_from(all_resources), NULL, &tree, NULL))
		json_append(rules->resources, tree);
	if (!json_parse(a, str_from(all_paths), NULL, &tree, NULL))
		json_append(rules->paths, tree);
}

void review_self_rules(struct api_request *r)
{
	struct cJSON *tree = read_review(r), *status;
	struct rules rules = {.arena = r->arena};
	struct str namespace, reason = {0};

	if (!tree)
		return;
	namespace = tree_str(tree, "spec.namespace");
	if (!namespace.len) {
		request_fail(r, status_new(r->arena, ERR_BAD_REQUEST, "no namespace on request"));
		return;
	}
	rules.resources = json_new(r->arena, JSON_ARRAY);
	rules.paths = json_new(r->arena, JSON_ARRAY);
	if (user_in_group(r->user, STR("system:masters")))
		add_all(&rules);
	rbac_each_rule(authz_rbac(r->server->authz), r->arena, r->user, namespace, add_rule, &rules,
		&reason);
	status = json_new(r->arena, JSON_OBJECT);
	json_add_borrowed(status, STR("resourceRules"), rules.resources);
	json_add_borrowed(status, STR("nonResourceRules"), rules.paths);
	json_add_borrowed(status, STR("incomplete"), json_new_bool(r->arena, false));
	if (reason.len)
		json_add_borrowed(status, STR("evaluationError"), json_new_str(r->arena, reason));
	tree_set(r->arena, tree, "status", status);
	tree_drop(tree, "spec");
	answer(r, tree);
}

/* ---- oneself ---- */

static struct cJSON *user_tree(struct arena *a, const struct api_user *u)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT), *groups = json_new(a, JSON_ARRAY);
	struct cJSON *extra = json_new(a, JSON_OBJECT);

	json_add_borrowed(tree, STR("username"), json_new_str(a, u->name));
	if (u->uid.len)
		json_add_borrowed(tree, STR("uid"), json_new_str(a, u->uid));
	for (size_t i = 0; i < u->group_count; i++)
		json_append(groups, json_new_str(a, u->groups[i]));
	json_add_borrowed(tree, STR("groups"), groups);
	for (size_t i = 0; i < u->extra_count; i++) {
		struct cJSON *values = json_new(a, JSON_ARRAY);

		for (size_t j = 0; j < u->extra[i].count; j++)
			json_append(values, json_new_str(a, u->extra[i].values[j]));
		json_add(a, extra, u->extra[i].key, values);
	}
	json_add_borrowed(tree, STR("extra"), extra);
	return tree;
}

void review_self_subject(struct api_request *r)
{
	struct cJSON *tree = read_review(r), *status;
	_cleanup_(buf_done) struct buf now = BUF_INIT(64);

	if (!tree)
		return;
	status = json_new(r->arena, JSON_OBJECT);
	json_add_borrowed(status, STR("userInfo"), user_tree(r->arena, r->user));
	tree_set(r->arena, tree, "status", status);
	time_print(&now, r->now / SEC * SEC);
	tree_set_str(r->arena, tree, "metadata.creationTimestamp", buf_str(&now));
	answer(r, tree);
}

void review_token(struct api_request *r)
{
	struct cJSON *tree = read_review(r), *status;
	const struct api_user *user = NULL;
	_cleanup_(err_done) struct err err = {0};

	if (!tree)
		return;
	struct str token = tree_str(tree, "spec.token");
	if (!token.len) {
		request_fail(r, status_new(r->arena, ERR_BAD_REQUEST,
					"token is required for TokenReview in authentication"));
		return;
	}
	status = json_new(r->arena, JSON_OBJECT);
	user = token_review(r->server->authn, r->arena, token, NULL, 0, NULL, NULL, &err);
	if (user) {
		json_add_borrowed(status, STR("authenticated"), json_new_bool(r->arena, true));
		json_add_borrowed(status, STR("user"), user_tree(r->arena, user));
	} else {
		json_add_borrowed(
			status, STR("error"), json_new_str(r->arena, str_from(err_text(&err))));
	}
	tree_set(r->arena, tree, "status", status);
	answer(r, tree);
}
