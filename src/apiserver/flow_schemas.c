/* FlowSchemas and their levels, read again when they have changed. */
#include "fair.h"
#include "metrics.h"

#include <kube/mem.h>

#include <stdlib.h>

struct flow_rule {
	const struct cJSON *spec;
	struct str name, uid, level_uid, labels;
	struct flow_numbers numbers;
	int64_t precedence;
	bool exempt;
};

struct flow_schemas {
	struct api_server *server;
	struct arena arena;
	struct flow_rule *rules; /* by precedence, then name */
	size_t count;
	struct watch schemas, levels;
	bool watching, stale;
};

static void schemas_changed(struct watch *w)
{
	CONTAINER_OF(w, struct flow_schemas, schemas)->stale = true;
}

static void levels_changed(struct watch *w)
{
	CONTAINER_OF(w, struct flow_schemas, levels)->stale = true;
}

struct flow_schemas *flow_schemas_new(struct api_server *s)
{
	struct flow_schemas *f = mem_new(sizeof(*f));

	f->server = s;
	f->stale = true;
	arena_init(&f->arena);
	return f;
}

static void stop_watching(struct flow_schemas *f)
{
	if (!f->watching)
		return;
	watch_done(&f->schemas);
	watch_done(&f->levels);
	f->watching = false;
}

void flow_schemas_free(struct flow_schemas *f)
{
	if (!f)
		return;
	stop_watching(f);
	arena_done(&f->arena);
	mem_free(f);
}

/* ---- reading ---- */

static struct bucket *bucket_of(struct flow_schemas *f, const char *plural)
{
	const struct resource *r =
		resource_find(STR("flowcontrol.apiserver.k8s.io"), STR("v1"), str_from(plural));

	return r ? server_bucket(f->server, r->hub) : NULL;
}

static int compare_rules(const void *left, const void *right)
{
	const struct flow_rule *a = left, *b = right;

	if (a->precedence != b->precedence)
		return a->precedence < b->precedence ? -1 : 1;
	return str_cmp(a->name, b->name);
}

/* Both are told once about what comes next, so they must be read to their ends. */
static bool start_watching(struct flow_schemas *f, struct bucket *schemas, struct bucket *levels)
{
	int64_t now = store_revision(f->server->store);
	struct store_change change;

	stop_watching(f);
	if (watch_init(&f->schemas, schemas, now, schemas_changed, NULL))
		return false;
	if (watch_init(&f->levels, levels, now, levels_changed, NULL)) {
		watch_done(&f->schemas);
		return false;
	}
	f->watching = true;
	while (watch_next(&f->schemas, &change, NULL) > 0)
		;
	while (watch_next(&f->levels, &change, NULL) > 0)
		;
	return true;
}

static void read_labels(struct flow_schemas *f, struct flow_rule *rule, const struct cJSON *tree)
{
	struct metrics *m = f->server->metrics;

	rule->labels = arena_print(&f->arena, "flow_schema=\"%.*s\",priority_level=\"%.*s\"",
		STRF(tree_str(tree, "metadata.name")),
		STRF(tree_str(tree, "spec.priorityLevelConfiguration.name")));
	rule->numbers = (struct flow_numbers){
		.executing = metrics_number(m, METRIC_FLOW_EXECUTING, rule->labels),
		.waiting = metrics_number(m, METRIC_FLOW_WAITING, rule->labels),
		.dispatched = metrics_number(m, METRIC_FLOW_DISPATCHED, rule->labels)};
}

static void load(struct flow_schemas *f)
{
	struct bucket *schemas = bucket_of(f, "flowschemas");
	struct bucket *levels = bucket_of(f, "prioritylevelconfigurations");

	if (!schemas || !levels || !start_watching(f, schemas, levels))
		return;
	f->stale = false;
	arena_reset(&f->arena);
	f->count = 0;
	f->rules = arena_new(&f->arena, (store_count(schemas) + 1) * sizeof(*f->rules));
	struct store_iter it = store_seek(schemas, STR(""), STR(""));
	while (store_next(&it)) {
		struct cJSON *tree = object_tree(&f->arena, it.object);
		struct flow_rule *rule = &f->rules[f->count++];
		const struct object *level =
			store_get(levels, tree_str(tree, "spec.priorityLevelConfiguration.name"));

		read_labels(f, rule, tree);
		rule->spec = json_get(tree, STR("spec"));
		rule->name = tree_str(tree, "metadata.name");
		rule->uid = tree_str(tree, "metadata.uid");
		rule->precedence = tree_int(tree, "spec.matchingPrecedence", 1000);
		if (level) {
			struct cJSON *of = object_tree(&f->arena, level);

			rule->level_uid = tree_str(of, "metadata.uid");
			rule->exempt = str_eq(tree_str(of, "spec.type"), STR("Exempt"));
		}
	}
	qsort(f->rules, f->count, sizeof(*f->rules), compare_rules);
}

/* ---- matching ---- */

static bool lists(const struct cJSON *list, struct str value)
{
	json_each (item, list)
		if (str_eq(json_str(item), STR("*")) || str_eq(json_str(item), value))
			return true;
	return false;
}

static bool service_account_is(struct arena *a, const struct cJSON *subject, struct str user)
{
	struct str namespace = tree_str(subject, "serviceAccount.namespace");
	struct str name = tree_str(subject, "serviceAccount.name");
	struct str prefix = arena_print(a, "system:serviceaccount:%.*s:", STRF(namespace));

	return str_starts(user, prefix) &&
	       (str_eq(name, STR("*")) || str_eq(str_skip(user, prefix.len), name));
}

static bool subject_is(const struct api_request *r, const struct cJSON *subject)
{
	struct str kind = tree_str(subject, "kind");

	if (str_eq(kind, STR("User"))) {
		struct str name = tree_str(subject, "user.name");

		return str_eq(name, STR("*")) || str_eq(name, r->user->name);
	}
	if (str_eq(kind, STR("Group"))) {
		struct str name = tree_str(subject, "group.name");

		return str_eq(name, STR("*")) || user_in_group(r->user, name);
	}
	return service_account_is(r->arena, subject, r->user->name);
}

static bool resource_rule_covers(const struct api_request *r, const struct cJSON *rule)
{
	struct str what = r->plural;

	if (r->subresource.len)
		what = arena_print(r->arena, "%.*s/%.*s", STRF(r->plural), STRF(r->subresource));
	if (!lists(json_get(rule, STR("verbs")), r->verb) ||
		!lists(json_get(rule, STR("apiGroups")), r->group) ||
		!lists(json_get(rule, STR("resources")), what))
		return false;
	if (!r->namespace.len)
		return tree_true(rule, "clusterScope");
	return lists(json_get(rule, STR("namespaces")), r->namespace);
}

static bool url_rule_covers(const struct api_request *r, const struct cJSON *rule)
{
	if (!lists(json_get(rule, STR("verbs")), r->verb))
		return false;
	json_each (item, json_get(rule, STR("nonResourceURLs"))) {
		struct str url = json_str(item);

		if (str_eq(url, STR("*")) || str_eq(url, r->path))
			return true;
		if (str_ends(url, STR("/*")) && str_starts(r->path, str_sub(url, 0, url.len - 1)))
			return true;
	}
	return false;
}

static bool rule_matches(const struct api_request *r, const struct cJSON *rule)
{
	bool subject = false;

	json_each (item, json_get(rule, STR("subjects")))
		subject = subject || subject_is(r, item);
	if (!subject)
		return false;
	if (r->is_resource) {
		json_each (item, json_get(rule, STR("resourceRules")))
			if (resource_rule_covers(r, item))
				return true;
		return false;
	}
	json_each (item, json_get(rule, STR("nonResourceRules")))
		if (url_rule_covers(r, item))
			return true;
	return false;
}

size_t flow_schemas_count(struct flow_schemas *f)
{
	if (f->stale)
		load(f);
	return f->count;
}

struct flow_match flow_schemas_at(const struct flow_schemas *f, size_t index)
{
	const struct flow_rule *rule = &f->rules[index];

	return (struct flow_match){.schema_uid = rule->uid,
		.level_uid = rule->level_uid,
		.schema = rule->name,
		.level = tree_str(rule->spec, "priorityLevelConfiguration.name"),
		.labels = rule->labels,
		.numbers = rule->numbers,
		.exempt = rule->exempt};
}

struct flow_match flow_schemas_match(struct flow_schemas *f, const struct api_request *r)
{
	size_t count = flow_schemas_count(f);

	for (size_t i = 0; i < count; i++)
		json_each (rule, json_get(f->rules[i].spec, STR("rules")))
			if (rule_matches(r, rule))
				return flow_schemas_at(f, i);
	return (struct flow_match){0};
}
