#include "legacy_tokens.h"

#include "workload.h"

#include <kube/log.h>

#define TYPE      "kubernetes.io/service-account-token"
#define NAME      "kubernetes.io/service-account.name"
#define UID       "kubernetes.io/service-account.uid"
#define LAST_USED "kubernetes.io/legacy-token-last-used"
#define INVALID   "kubernetes.io/legacy-token-invalid-since"
#define SYSTEM    "kube-system"
#define TRACKING  "kube-apiserver-legacy-service-account-token-tracking"

#define DAY      (24 * HOUR)
#define YEAR     (365 * DAY)
#define DATE_LEN 10
#define ALL      "all"

/* ---- dates ---- */

static bool read_date(struct str text, int64_t *at)
{
	_cleanup_(buf_done) struct buf whole = BUF_INIT(64);

	if (text.len != DATE_LEN)
		return false;
	buf_print(&whole, "%.*sT00:00:00Z", STRF(text));
	return !time_parse(buf_str(&whole), at, NULL);
}

static struct str date_of(struct arena *a, int64_t at)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64);

	time_print(&out, at / SEC * SEC);
	return arena_str(a, str_sub(buf_str(&out), 0, DATE_LEN));
}

/* Dates are compared as dates: the day of the limit is kept. */
static bool is_recent(int64_t date, int64_t period, int64_t now)
{
	return date >= (now - period) / DAY * DAY;
}

bool legacy_tokens_tracked(const struct cJSON *map, int64_t period, int64_t now)
{
	int64_t since;

	/* It may have begun at any time of that day. */
	return read_date(tree_str(map, "data.since"), &since) && now >= since + DAY + period;
}

/* ---- pods ---- */

static bool holds_by_name(const struct cJSON *child, struct str name)
{
	static const char *const keys[] = {
		"secretRef", "secretKeyRef", "nodePublishSecretRef", "secret"};

	if (str_eq_text(json_key(child), "secretName"))
		return str_eq(json_str(child), name);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (str_eq_text(json_key(child), keys[i]) && str_eq(tree_str(child, "name"), name))
			return true;
	return false;
}

static bool holds_below(const struct cJSON *tree, struct str name)
{
	json_each (child, tree)
		if (holds_by_name(child, name) || holds_below(child, name))
			return true;
	return false;
}

bool legacy_token_held(const struct cJSON *spec, struct str name)
{
	json_each (pull, json_get(spec, STR("imagePullSecrets")))
		if (str_eq(tree_str(pull, "name"), name))
			return true;
	return holds_below(spec, name);
}

/* ---- one Secret ---- */

static struct str label_of(const struct cJSON *secret, const char *name)
{
	return json_str(json_get(json_path(secret, "metadata.labels"), str_from(name)));
}

/* Those that people have made are not listed by the account. */
static bool is_made_by_us(const struct cJSON *secret, const struct cJSON *account)
{
	const struct cJSON *notes = json_path(secret, "metadata.annotations");

	if (!str_eq(json_str(json_get(notes, STR(UID))), tree_str(account, "metadata.uid")))
		return false;
	json_each (item, json_get(account, STR("secrets")))
		if (str_eq(tree_str(item, "name"), tree_str(secret, "metadata.name")))
			return true;
	return false;
}

static bool is_in_use(const struct cJSON *secret, int64_t period, int64_t now)
{
	struct str used = label_of(secret, LAST_USED);
	int64_t made, at;

	if (time_parse(tree_str(secret, "metadata.creationTimestamp"), &made, NULL) ||
		made >= now - period)
		return true;
	/* what cannot be read does not tell that it is unused */
	return used.len && (!read_date(used, &at) || is_recent(at, period, now));
}

static void invalidate(
	struct plan *p, const struct resource *secrets, const struct cJSON *secret, int64_t now)
{
	static const char *const copied[] = {"metadata.uid", "metadata.resourceVersion"};
	struct arena *a = p->arena;
	struct cJSON *patch = json_new(a, JSON_OBJECT), *labels = json_new(a, JSON_OBJECT);

	for (size_t i = 0; i < ARRAY_LEN(copied); i++)
		if (tree_str(secret, copied[i]).len)
			tree_set_str(a, patch, copied[i], tree_str(secret, copied[i]));
	json_add(a, labels, STR(INVALID), json_new_str(a, date_of(a, now)));
	tree_set(a, patch, "metadata.labels", labels);
	plan_patch_strategic(p, secrets, tree_str(secret, "metadata.namespace"),
		tree_str(secret, "metadata.name"), patch);
}

void legacy_token_judge(struct plan *p, const struct resource *secrets, const struct cJSON *secret,
	const struct cJSON *account, bool held, int64_t period, int64_t now)
{
	int64_t since;

	if (!str_eq_text(tree_str(secret, "type"), TYPE) || is_being_deleted(secret) ||
		is_in_use(secret, period, now) || !account || held ||
		!is_made_by_us(secret, account))
		return;
	if (!read_date(label_of(secret, INVALID), &since))
		invalidate(p, secrets, secret, now);
	else if (!is_recent(since, period, now))
		plan_delete(p, secrets, tree_str(secret, "metadata.namespace"),
			tree_str(secret, "metadata.name"), tree_str(secret, "metadata.uid"), NULL);
}

/* ---- the controller ---- */

static bool is_held(struct usual *u, struct arena *a, const struct cJSON *secret)
{
	struct str space = tree_str(secret, "metadata.namespace");
	struct str name = tree_str(secret, "metadata.name");

	informer_each(it, informer_by(usual_informer(u, "pods"), "namespace", space))
	{
		const struct cJSON *pod = object_lean_tree(a, it.object);

		if (legacy_token_held(json_get(pod, STR("spec")), name))
			return true;
	}
	return false;
}

static void look_at(struct usual *u, struct object *o, int64_t period, int64_t now, struct plan *p)
{
	struct cJSON *secret = object_lean_tree(p->arena, o);
	const struct cJSON *notes = json_path(secret, "metadata.annotations");
	struct str name = json_str(json_get(notes, STR(NAME)));
	struct object *account = name.len ? informer_get(usual_informer(u, "serviceaccounts"),
						    tree_str(secret, "metadata.namespace"), name)
					  : NULL;

	if (account)
		legacy_token_judge(p, usual_resource(u, "secrets"), secret,
			object_lean_tree(p->arena, account), is_held(u, p->arena, secret), period,
			now);
}

/* Once a day all of them. */
static void reconcile(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	const struct controllers_options *o = usual_world(u)->options;
	int64_t period = o->legacy_tokens_kept ? o->legacy_tokens_kept : YEAR;
	struct object *map =
		informer_get(usual_informer(u, "configmaps"), STR(SYSTEM), STR(TRACKING));

	(void)key;
	plan_requeue_after(p, DAY);
	if (!map || !legacy_tokens_tracked(object_tree(p->arena, map), period, now))
		return;
	informer_each(
		it, informer_all(usual_informer(
			    u, "secrets"))) if (str_eq_text(object_scan(it.object, "type"), TYPE))
		look_at(u, it.object, period, now, p);
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {{"", "v1", "secrets", NULL},
		{"", "v1", "serviceaccounts", NULL}, {"", "v1", "pods", NULL},
		{"", "v1", "configmaps", NULL}, {0}};
	struct part *part = usual_new(
		w, k, &(struct usual_options){.sources = sources, .reconcile = reconcile});

	usual_begin(part, STR(ALL));
	return part;
}

const struct controller_kind legacy_tokens_kind = {
	.name = "legacy-serviceaccount-token-cleaner-controller",
	.aliases = "legacy-service-account-token-cleaner",
	.start = start,
};
