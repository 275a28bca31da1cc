/* FlowSchemas and their levels, read again when they have changed. */
#include "fair_private.h"
#include "first_objects.h"
#include "metrics.h"

#include <kube/hash.h>
#include <kube/mem.h>

#include <stdlib.h>

struct flow_rule {
	const struct cJSON *spec;
	struct str name, uid, level, labels;
	struct flow_numbers numbers;
	int64_t precedence;
};

struct flow_schemas {
	struct api_server *server;
	struct fair *fair;
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

struct flow_schemas *flow_schemas_new(struct api_server *s, struct fair *fair)
{
	struct flow_schemas *f = mem_new(sizeof(*f));

	f->server = s;
	f->fair = fair;
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
	struct str labels = rule->labels;
	struct arena *a = &f->arena;

	rule->numbers = (struct flow_numbers){
		.waited = metrics_histogram(
			m, METRIC_FLOW_WAIT, arena_print(a, "execute=\"true\",%.*s", STRF(labels))),
		.refused = metrics_histogram(m, METRIC_FLOW_WAIT,
			arena_print(a, "execute=\"false\",%.*s", STRF(labels))),
		.length = metrics_histogram(m, METRIC_FLOW_QUEUE_LENGTH, labels),
		.estimated = metrics_histogram(m, METRIC_FLOW_ESTIMATED, labels),
		.ran = metrics_histogram(m, METRIC_FLOW_EXECUTION,
			arena_print(a, "%.*s,type=\"regular\"", STRF(labels))),
		.ran_watch = metrics_histogram(m, METRIC_FLOW_EXECUTION,
			arena_print(a, "%.*s,type=\"watch\"", STRF(labels))),
		.executing = metrics_number(m, METRIC_FLOW_EXECUTING, rule->labels),
		.seats = metrics_number(m, METRIC_FLOW_SEATS, rule->labels),
		.waiting = metrics_number(m, METRIC_FLOW_WAITING, rule->labels),
		.waiting_seats = metrics_number(m, METRIC_FLOW_WAITING_SEATS, rule->labels),
		.dispatched = metrics_number(m, METRIC_FLOW_DISPATCHED, rule->labels)};
}

static struct fair_level_spec read_level(const struct cJSON *tree)
{
	bool exempt = str_eq_text(tree_str(tree, "spec.type"), "Exempt");
	const struct cJSON *spec = json_path(tree, exempt ? "spec.exempt" : "spec.limited");
	const struct cJSON *queuing = json_path(spec, "limitResponse.queuing");

	return (struct fair_level_spec){.name = tree_str(tree, "metadata.name"),
		.uid = tree_str(tree, "metadata.uid"),
		.exempt = exempt,
		.shares = tree_int(spec, "nominalConcurrencyShares", exempt ? 0 : 30),
		.lendable = tree_int(spec, "lendablePercent", 0),
		.borrowing = tree_int(spec, "borrowingLimitPercent", -1),
		.shape = {.queues = exempt    ? -1
				    : queuing ? tree_int(queuing, "queues", 64)
					      : 0,
			.hand = tree_int(queuing, "handSize", 8),
			.length = tree_int(queuing, "queueLengthLimit", 50)}};
}

/* Two of each there always are, whether or not their objects stand there just now. */
static bool is_always(const struct cJSON *tree)
{
	struct str name = tree_str(tree, "metadata.name");

	return str_eq_text(name, "exempt") || str_eq_text(name, "catch-all");
}

/* The next of the first objects that nobody has written; NULL: no more. */
static struct cJSON *imagine(struct flow_schemas *f, struct bucket *b, bool levels, size_t *at)
{
	struct str text;

	while ((text = levels ? first_priority_level(&f->arena, *at)
			      : first_flow_schema(&f->arena, *at, STR("")))
			.len) {
		struct cJSON *tree;

		++*at;
		if (!json_parse(&f->arena, text, NULL, &tree, NULL) && is_always(tree) &&
			!store_get(b, tree_str(tree, "metadata.name")))
			return tree;
	}
	return NULL;
}

static void load_levels(struct flow_schemas *f, struct bucket *levels)
{
	struct fair_level_spec *specs =
		arena_new(&f->arena, (store_count(levels) + 2) * sizeof(*specs));
	struct store_iter it = store_seek(levels, STR(""), STR(""));
	size_t count = 0, at = 0;
	struct cJSON *tree;

	while (store_next(&it))
		specs[count++] = read_level(object_lean_tree(&f->arena, it.object));
	while ((tree = imagine(f, levels, true, &at)))
		specs[count++] = read_level(tree);
	fair_levels_set(f->fair, specs, count);
}

/* A schema whose level is none covers nothing. */
static void load_rule(struct flow_schemas *f, const struct cJSON *tree)
{
	struct flow_rule *rule = &f->rules[f->count];
	const struct fair_level *level;

	rule->spec = json_get(tree, STR("spec"));
	rule->level = tree_str(rule->spec, "priorityLevelConfiguration.name");
	level = fair_level_find(f->fair, rule->level);
	if (!level || !level->wanted)
		return;
	f->count++;
	read_labels(f, rule, tree);
	rule->name = tree_str(tree, "metadata.name");
	rule->uid = tree_str(tree, "metadata.uid");
	rule->precedence = tree_int(tree, "spec.matchingPrecedence", 1000);
}

static void load(struct flow_schemas *f)
{
	struct bucket *schemas = bucket_of(f, "flowschemas");
	struct bucket *levels = bucket_of(f, "prioritylevelconfigurations");
	struct cJSON *tree;
	size_t at = 0;

	if (!schemas || !levels || !start_watching(f, schemas, levels))
		return;
	f->stale = false;
	arena_reset(&f->arena);
	f->count = 0;
	load_levels(f, levels);
	f->rules = arena_new(&f->arena, (store_count(schemas) + 2) * sizeof(*f->rules));
	struct store_iter it = store_seek(schemas, STR(""), STR(""));
	while (store_next(&it))
		load_rule(f, object_lean_tree(&f->arena, it.object));
	while ((tree = imagine(f, schemas, false, &at)))
		load_rule(f, tree);
	qsort(f->rules, f->count, sizeof(*f->rules), compare_rules);
	fair_levels_changed(f->fair);
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

	return (struct flow_match){.of = fair_level_find(f->fair, rule->level),
		.schema_uid = rule->uid,
		.schema = rule->name,
		.labels = rule->labels,
		.numbers = rule->numbers};
}

struct str flow_schemas_labels_of(const struct flow_schemas *f, struct str level)
{
	for (size_t i = 0; i < f->count; i++)
		if (str_eq(f->rules[i].level, level))
			return f->rules[i].labels;
	return STR("");
}

/* Whose requests wait behind one another. */
static void tell_flow(
	struct flow_match *m, const struct flow_rule *rule, const struct api_request *r)
{
	struct str method = tree_str(rule->spec, "distinguisherMethod.type");
	unsigned char digest[32];
	struct sha256 h;

	m->flow = STR("");
	if (m->of->queues.shape.queues < 2)
		return;
	if (str_eq_text(method, "ByUser"))
		m->flow = r->user->name;
	else if (str_eq_text(method, "ByNamespace"))
		m->flow = r->namespace;
	sha256_init(&h);
	sha256_add(&h, rule->name);
	sha256_add(&h, str_make("", 1));
	sha256_add(&h, m->flow);
	sha256_end(&h, digest);
	m->hash = 0;
	for (size_t i = 8; i-- > 0;)
		m->hash = m->hash << 8 | digest[i];
}

static bool rule_covers(const struct flow_rule *rule, const struct api_request *r)
{
	json_each (item, json_get(rule->spec, STR("rules")))
		if (rule_matches(r, item))
			return true;
	return false;
}

/* Whom none covers is whoever the last is for. */
struct flow_match flow_schemas_match(struct flow_schemas *f, struct api_request *r)
{
	size_t count = flow_schemas_count(f), at = 0;

	while (at < count && !rule_covers(&f->rules[at], r))
		at++;
	if (!count)
		return (struct flow_match){0};
	at = MIN(at, count - 1);
	struct flow_match m = flow_schemas_at(f, at);
	tell_flow(&m, &f->rules[at], r);
	return m;
}
