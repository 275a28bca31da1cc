/* ResourceQuota: nothing is made that a namespace's quotas have no room for. */
#include "plugins.h"
#include "quota_ledger.h"

#include <kube/quantity.h>
#include <kube/quota.h>

#define QUOTAS_MAX 100

struct quota_check {
	struct admission_review *review;
	struct quota_ledger *ledger;
	struct cJSON *delta; /* what the write costs */
	struct {
		struct str key;
		const struct cJSON *tree;
	} quotas[QUOTAS_MAX]; /* that have a say */
	size_t count;
	struct quota_wait wait;
	struct op op;
};

static bool is(const struct admission_review *a, const char *plural)
{
	return !a->resource->group.len && resource_is(a->resource, plural);
}

/* Creating counts always; of changes those that can cost more. */
static bool counts(const struct admission_review *a)
{
	if (!a->object || !a->namespace.len || !a->resource->namespaced)
		return false;
	if (resource_is(a->resource, "localsubjectaccessreviews"))
		return false; /* a question; nothing stays of it */
	if (is(a, "pods") && str_eq_text(a->subresource, "resize"))
		return a->operation == ADMIT_UPDATE;
	if (a->subresource.len)
		return false;
	return a->operation == ADMIT_CREATE ||
	       (a->operation == ADMIT_UPDATE &&
		       (is(a, "services") || is(a, "persistentvolumeclaims")));
}

/* ---- which quotas ---- */

static struct cJSON *concerned(struct quota_check *c, const struct cJSON *hard)
{
	struct cJSON *names = json_new(c->review->arena, JSON_OBJECT);

	json_each (limit, hard)
		if (quota_concerns(c->review->resource, json_key(limit)))
			json_add(c->review->arena, names, json_key(limit),
				json_new_bool(c->review->arena, true));
	return names;
}

static struct status *check_said(
	struct quota_check *c, const struct cJSON *quota, const struct cJSON *names)
{
	struct admission_review *a = c->review;
	struct str name = tree_str(quota, "metadata.name"), missing = {0}, unsaid = {0};

	if (is(a, "pods"))
		unsaid = quota_unsaid(a->arena, a->object, names);
	if (unsaid.len)
		return admission_forbidden(
			a, "failed quota: %.*s: must specify %.*s", STRF(name), STRF(unsaid));
	json_each (one, names)
		if (!json_get(json_path(quota, "status.used"), json_key(one)))
			missing = arena_print(a->arena, "%.*s%s%.*s", STRF(missing),
				missing.len ? "," : "", STRF(json_key(one)));
	if (missing.len) {
		missing = (struct str){0};
		json_each (one, names)
			missing = arena_print(a->arena, "%.*s%s%.*s", STRF(missing),
				missing.len ? "," : "", STRF(json_key(one)));
		return admission_forbidden(a, "status unknown for quota: %.*s, resources: %.*s",
			STRF(name), STRF(missing));
	}
	return NULL;
}

static struct status *find_quotas(struct quota_check *c)
{
	struct admission_review *a = c->review;
	struct store_iter it = store_seek(
		server_bucket(a->server, resource_find(STR(""), STR("v1"), STR("resourcequotas"))),
		arena_print(a->arena, "%.*s/", STRF(a->namespace)), STR(""));

	while (store_next(&it) && c->count < QUOTAS_MAX) {
		const struct cJSON *tree = quota_ledger_quota(c->ledger, it.key);
		struct cJSON *names = concerned(c, json_path(tree, "status.hard"));
		struct status *s;

		if (!json_count(names) ||
			!quota_in_scope(a->resource, a->object, json_get(tree, STR("spec"))))
			continue;
		s = check_said(c, tree, names);
		if (s)
			return s;
		c->quotas[c->count].key = arena_str(a->arena, it.key);
		c->quotas[c->count++].tree = tree;
	}
	return NULL;
}

/* ---- is there room ---- */

static bool exceeds(const struct cJSON *used, const struct cJSON *limit)
{
	struct quantity is_used, most;
	const struct cJSON *value = json_get(used, json_key(limit));

	return value && !quantity_parse(json_str(value), &is_used, NULL) &&
	       !quantity_parse(json_str(limit), &most, NULL) && quantity_cmp(is_used, most) > 0;
}

static struct status *check_room(struct quota_check *c, size_t i)
{
	struct admission_review *a = c->review;
	const struct cJSON *quota = c->quotas[i].tree, *hard = json_path(quota, "status.hard");
	struct cJSON *cost = amounts_of(a->arena, c->delta, hard);
	struct cJSON *used = quota_ledger_used(c->ledger, a->arena, c->quotas[i].key);
	struct cJSON *after = amounts_add(a->arena, used, cost);
	struct cJSON *over = json_new(a->arena, JSON_OBJECT);

	json_each (limit, hard)
		if (json_get(cost, json_key(limit)) && exceeds(after, limit))
			json_add(a->arena, over, json_key(limit), json_copy(a->arena, limit));
	if (!json_count(over))
		return NULL;
	return admission_forbidden(a,
		"exceeded quota: %.*s, requested: %.*s, used: %.*s, limited: %.*s",
		STRF(tree_str(quota, "metadata.name")),
		STRF(amounts_print(a->arena, amounts_of(a->arena, cost, over))),
		STRF(amounts_print(a->arena, amounts_of(a->arena, used, over))),
		STRF(amounts_print(a->arena, over)));
}

static bool charge(struct quota_check *c)
{
	bool any = false;

	for (size_t i = 0; i < c->count; i++) {
		struct cJSON *cost = amounts_of(
			c->review->arena, c->delta, json_path(c->quotas[i].tree, "status.hard"));

		if (!json_count(cost))
			continue;
		quota_ledger_charge(c->ledger, c->quotas[i].key, cost);
		any = true;
	}
	return any;
}

/* The object comes behind what its quotas say of it. */
static void charged(struct op *op, struct err *err)
{
	struct quota_check *c = CONTAINER_OF(op, struct quota_check, op);

	admission_resume(c->review, err->code ? request_status(c->review->request, err) : NULL);
}

static void wait_for_charges(struct quota_check *c)
{
	struct api_request *r = c->review->request;

	op_init(&c->op, &r->x->scope, charged, r->deadline);
	quota_ledger_wait(c->ledger, &c->op, &c->wait);
}

/* ---- the plugin ---- */

static struct cJSON *cost_of(struct admission_review *a)
{
	int64_t wall = env_wall(a->server->env);
	struct cJSON *now = quota_usage(a->arena, a->resource, a->object, wall), *before = NULL;

	if (a->operation == ADMIT_UPDATE)
		before = quota_usage(a->arena, a->resource, a->old, wall);
	return amounts_rest(a->arena, now, before);
}

bool start_quota(struct admission_review *a, struct status **no)
{
	struct quota_check *c;

	*no = NULL;
	if (!counts(a))
		return false;
	c = arena_new(a->arena, sizeof(*c));
	c->review = a;
	c->ledger = admission_ledger(a->server->admission);
	*no = find_quotas(c);
	if (*no || !c->count)
		return false;
	c->delta = cost_of(a);
	for (size_t i = 0; i < c->count && !*no; i++)
		*no = check_room(c, i);
	if (*no || a->dry_run || !charge(c))
		return false;
	wait_for_charges(c);
	return true;
}
