/* The roles and bindings every cluster begins with: written where missing. */
#include "access.h"

#include <kube/api_codec.h>
#include <kube/mem.h>

#define GROUP      "rbac.authorization.k8s.io"
#define AGGREGATE  GROUP "/aggregate-to-"
#define AUTOUPDATE "rbac.authorization.kubernetes.io/autoupdate"

struct seed_rule {
	const char *verbs, *groups, *resources, *names, *urls;
};

struct seed {
	const char *kind, *plural, *namespace, *name;
	const char *aggregate_to, *aggregate_from;
	const char *role_kind, *role, *subjects;
	const struct seed_rule *rules;
	size_t rule_count;
};

#define RULE(v, g, r, n) {.verbs = (v), .groups = (g), .resources = (r), .names = (n)},
#define URLS(v, u)       {.verbs = (v), .urls = (u)},
#define NO_RULES
#define RULES(...)                                                                                 \
	.rules = (const struct seed_rule[]){__VA_ARGS__},                                          \
	.rule_count = sizeof((const struct seed_rule[]){__VA_ARGS__}) / sizeof(struct seed_rule)
#define CLUSTER_ROLE(n, to, from, ...)                                                             \
	{.kind = "ClusterRole",                                                                    \
		.plural = "clusterroles",                                                          \
		.name = (n),                                                                       \
		.aggregate_to = (to),                                                              \
		.aggregate_from = (from),                                                          \
		RULES(__VA_ARGS__)},
#define ROLE(ns, n, ...)                                                                           \
	{.kind = "Role", .plural = "roles", .namespace = (ns), .name = (n), RULES(__VA_ARGS__)},
#define CLUSTER_BINDING(n, r, s)                                                                   \
	{.kind = "ClusterRoleBinding",                                                             \
		.plural = "clusterrolebindings",                                                   \
		.name = (n),                                                                       \
		.role_kind = "ClusterRole",                                                        \
		.role = (r),                                                                       \
		.subjects = (s)},
#define BINDING(ns, n, rk, r, s)                                                                   \
	{.kind = "RoleBinding",                                                                    \
		.plural = "rolebindings",                                                          \
		.namespace = (ns),                                                                 \
		.name = (n),                                                                       \
		.role_kind = (rk),                                                                 \
		.role = (r),                                                                       \
		.subjects = (s)},
static const struct seed seeds[] = {
#include "bootstrap.def"
};

/* ---- trees ---- */

static struct cJSON *words(struct arena *a, const char *text)
{
	struct cJSON *list = json_new(a, JSON_ARRAY);
	struct str rest = str_from(text), word;

	while (text[0] && str_next(&rest, ',', &word))
		json_append(list, json_new_str(a, str_eq_text(word, "core") ? STR("") : word));
	return list;
}

static void add_words(struct arena *a, struct cJSON *rule, const char *key, const char *text)
{
	if (text && text[0])
		json_add_borrowed(rule, str_from(key), words(a, text));
}

static void add_rules(struct arena *a, struct cJSON *list, const struct seed *s)
{
	for (size_t i = 0; i < s->rule_count; i++) {
		struct cJSON *rule = json_new(a, JSON_OBJECT);

		add_words(a, rule, "verbs", s->rules[i].verbs);
		add_words(a, rule, "apiGroups", s->rules[i].groups);
		add_words(a, rule, "resources", s->rules[i].resources);
		add_words(a, rule, "resourceNames", s->rules[i].names);
		add_words(a, rule, "nonResourceURLs", s->rules[i].urls);
		json_append(list, rule);
	}
}

static struct cJSON *rules_tree(struct arena *a, const struct seed *s)
{
	struct cJSON *list = json_new(a, JSON_ARRAY);

	add_rules(a, list, s);
	return list;
}

/* What a controller keeps gathering later; until one runs, what our own roles bring. */
static void gather_rules(struct arena *a, struct cJSON *list, const char *label)
{
	for (size_t i = 0; i < ARRAY_LEN(seeds); i++) {
		const struct seed *s = &seeds[i];

		if (!s->aggregate_to || strcmp(s->aggregate_to, label) != 0)
			continue;
		if (s->aggregate_from && s->aggregate_from[0])
			gather_rules(a, list, s->aggregate_from);
		else
			add_rules(a, list, s);
	}
}

struct cJSON *authz_bootstrap_rules(struct arena *a, const char *cluster_role)
{
	for (size_t i = 0; i < ARRAY_LEN(seeds); i++)
		if (!strcmp(seeds[i].name, cluster_role) && !strcmp(seeds[i].kind, "ClusterRole"))
			return rules_tree(a, &seeds[i]);
	assert(!"a role of ours");
	return json_new(a, JSON_ARRAY);
}

static struct cJSON *subject_tree(struct arena *a, struct str text)
{
	struct cJSON *subject = json_new(a, JSON_OBJECT);
	struct str kind, name, namespace;

	str_cut(text, ':', &kind, &name);
	tree_set_str(a, subject, "kind", kind);
	if (str_eq_text(kind, "ServiceAccount")) {
		str_cut(name, '/', &namespace, &name);
		tree_set_str(a, subject, "namespace", namespace);
	} else {
		json_set(a, subject, STR("apiGroup"), json_new_str(a, STR(GROUP)));
	}
	tree_set_str(a, subject, "name", name);
	return subject;
}

static void add_binding(struct arena *a, struct cJSON *tree, const struct seed *s)
{
	struct cJSON *subjects = json_new(a, JSON_ARRAY), *ref = json_new(a, JSON_OBJECT);
	struct str rest = str_from(s->subjects), subject;

	while (s->subjects[0] && str_next(&rest, ',', &subject))
		json_append(subjects, subject_tree(a, subject));
	json_add_borrowed(ref, STR("apiGroup"), json_new_str(a, STR(GROUP)));
	json_add_borrowed(ref, STR("kind"), json_new_str(a, str_from(s->role_kind)));
	json_add_borrowed(ref, STR("name"), json_new_str(a, str_from(s->role)));
	json_add_borrowed(tree, STR("subjects"), subjects);
	json_add_borrowed(tree, STR("roleRef"), ref);
}

static void add_aggregation(struct arena *a, struct cJSON *tree, const char *from)
{
	struct cJSON *labels = json_new(a, JSON_OBJECT), *selector = json_new(a, JSON_OBJECT);
	struct cJSON *list = json_new(a, JSON_ARRAY), *rule = json_new(a, JSON_OBJECT);
	struct cJSON *rules = json_new(a, JSON_ARRAY);

	gather_rules(a, rules, from);
	json_add(a, labels, arena_print(a, AGGREGATE "%s", from), json_new_str(a, STR("true")));
	json_add_borrowed(selector, STR("matchLabels"), labels);
	json_append(list, selector);
	json_add_borrowed(rule, STR("clusterRoleSelectors"), list);
	json_add_borrowed(tree, STR("aggregationRule"), rule);
	json_add_borrowed(tree, STR("rules"), rules);
}

static struct cJSON *seed_tree(struct arena *a, const struct seed *s)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT), *labels = json_new(a, JSON_OBJECT);
	struct cJSON *annotations = json_new(a, JSON_OBJECT);

	tree_set_str(a, tree, "metadata.name", str_from(s->name));
	if (s->namespace)
		tree_set_str(a, tree, "metadata.namespace", str_from(s->namespace));
	json_add_borrowed(
		labels, STR("kubernetes.io/bootstrapping"), json_new_str(a, STR("rbac-defaults")));
	if (s->aggregate_to && s->aggregate_to[0])
		json_add(a, labels, arena_print(a, AGGREGATE "%s", s->aggregate_to),
			json_new_str(a, STR("true")));
	json_add_borrowed(annotations, STR(AUTOUPDATE), json_new_str(a, STR("true")));
	tree_set(a, tree, "metadata.labels", labels);
	tree_set(a, tree, "metadata.annotations", annotations);
	if (s->role)
		add_binding(a, tree, s);
	else if (s->aggregate_from && s->aggregate_from[0])
		add_aggregation(a, tree, s->aggregate_from);
	else
		json_add_borrowed(tree, STR("rules"), rules_tree(a, s));
	return tree;
}

/* ---- what is missing is added to what stands there ---- */

static bool contains(const struct cJSON *list, const struct cJSON *item)
{
	json_each (one, list)
		if (json_equal(one, item))
			return true;
	return false;
}

static void merge_list(
	struct arena *a, struct cJSON *into, const struct cJSON *from, const char *key)
{
	struct cJSON *list = json_get(into, str_from(key));

	if (!json_count(json_get(from, str_from(key))))
		return;
	if (!list) {
		json_set(a, into, str_from(key), json_new(a, JSON_ARRAY));
		list = json_get(into, str_from(key));
	}
	json_each (item, json_get(from, str_from(key)))
		if (!contains(list, item))
			json_append(list, json_copy(a, item));
}

/* The standing object with what the seed has and it lacks; the seed's own when there is none. */
static struct cJSON *reconciled(struct arena *a, struct cJSON *seed, struct cJSON *stands)
{
	const struct cJSON *annotations = json_path(stands, "metadata.annotations");

	if (!stands)
		return seed;
	if (str_eq_text(json_str(json_get(annotations, STR(AUTOUPDATE))), "false"))
		return stands;
	merge_list(a, stands, seed, "rules");
	merge_list(a, stands, seed, "subjects");
	return stands;
}

/* ---- all at once: the store makes one transaction of it ---- */

struct seeding {
	struct own_write write;
	struct op op;
	struct bootstrap *all;
};

struct bootstrap {
	struct op *op;
	struct arena arena;
	struct seeding *seedings;
	size_t left;
	struct err err;
};

static void wrote(struct op *op, struct err *err)
{
	struct bootstrap *b = CONTAINER_OF(op, struct seeding, op)->all;
	struct op *waiter = b->op;

	if (err->code && !b->err.code)
		err_move(&b->err, err);
	if (--b->left)
		return;
	if (b->err.code)
		op_fail(waiter, &b->err);
	else
		op_finish(waiter, 0);
	mem_free(b->seedings);
	arena_done(&b->arena);
	mem_free(b);
}

static void seed_write(
	struct api_server *s, struct bootstrap *b, const struct seed *seed, struct seeding *w)
{
	struct cJSON *stands = server_read(
		s, &b->arena, GROUP, seed->plural, str_from(seed->namespace), str_from(seed->name));

	w->all = b;
	w->write.resource = resource_find(STR(GROUP), STR("v1"), str_from(seed->plural));
	w->write.object = reconciled(&b->arena, seed_tree(&b->arena, seed), stands);
	op_init(&w->op, b->op->scope, wrote, OP_NO_DEADLINE);
	server_write(s, &w->op, &w->write);
}

static const struct op_kind bootstrap_kind = {.name = "roles"};

void authz_bootstrap(struct api_server *s, struct op *op)
{
	struct bootstrap *b = mem_new(sizeof(*b));

	if (!op_begin(op, &bootstrap_kind, b)) {
		mem_free(b);
		return;
	}
	b->op = op;
	b->left = ARRAY_LEN(seeds);
	arena_init(&b->arena);
	b->seedings = mem_new(ARRAY_LEN(seeds) * sizeof(*b->seedings));
	for (size_t i = 0; i < ARRAY_LEN(seeds); i++)
		seed_write(s, b, &seeds[i], &b->seedings[i]);
}
