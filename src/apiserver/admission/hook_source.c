/* The webhooks that are configured: read again when a configuration has changed. */
#include "activation.h"
#include "configurations.h"
#include "settings.h"

#include <kube/api_codec.h>
#include <kube/codec.h>
#include <kube/mem.h>
#include <kube/time.h>

#define CA_MAX (1 * MIB)

struct hook_sources {
	struct api_server *server;
	struct bucket *buckets[2];
	struct hook_set *sets[2];
	uint64_t changes[2]; /* of the buckets, when the sets were read */
};

struct hook_sources *hook_sources_new(struct api_server *s)
{
	struct hook_sources *h = mem_new(sizeof(*h));

	h->server = s;
	return h;
}

void hook_sources_free(struct hook_sources *h)
{
	if (!h)
		return;
	hook_set_unref(h->sets[0]);
	hook_set_unref(h->sets[1]);
	mem_free(h);
}

void hook_set_unref(struct hook_set *set)
{
	if (!set || --set->refs)
		return;
	for (size_t i = 0; i < set->count; i++)
		if (set->hooks[i].conditions)
			match_conditions_done(set->hooks[i].conditions);
	if (set->words)
		vocabulary_done(set->words);
	arena_done(&set->arena);
	mem_free(set);
}

/* ---- reading one ---- */

static void read_target(struct arena *a, const struct cJSON *config, struct backend_target *t)
{
	const struct cJSON *service = json_get(config, STR("service"));
	_cleanup_(buf_done) struct buf ca = BUF_INIT(CA_MAX);

	if (!base64_decode(&ca, tree_str(config, "caBundle"), NULL))
		t->ca = arena_str(a, buf_str(&ca));
	t->url = tree_str(config, "url");
	if (!service)
		return;
	t->service.namespace = tree_str(service, "namespace");
	t->service.name = tree_str(service, "name");
	t->service.path = tree_str(service, "path");
	t->service.port = tree_int(service, "port", 443);
}

static bool is(const struct cJSON *tree, const char *member, const char *value)
{
	return str_eq_text(tree_str(tree, member), value);
}

static void read_hook(struct arena *a, const struct cJSON *tree, struct hook *h)
{
	h->name = tree_str(tree, "name");
	h->rules = json_get(tree, STR("rules"));
	h->versions = json_get(tree, STR("admissionReviewVersions"));
	h->all_namespaces =
		configuration_selector(a, json_get(tree, STR("namespaceSelector")), &h->namespaces);
	h->all_objects =
		configuration_selector(a, json_get(tree, STR("objectSelector")), &h->objects);
	h->exact = is(tree, "matchPolicy", "Exact");
	h->fails_open = is(tree, "failurePolicy", "Ignore");
	h->reinvoked = is(tree, "reinvocationPolicy", "IfNeeded");
	h->has_side_effects =
		!is(tree, "sideEffects", "None") && !is(tree, "sideEffects", "NoneOnDryRun");
	h->timeout = tree_int(tree, "timeoutSeconds", 10) * SEC;
	read_target(a, json_get(tree, STR("clientConfig")), &h->target);
}

/* Two of one name in one configuration are two. */
static size_t same_before(const struct hook_set *set, const struct hook *h)
{
	size_t n = 0;

	for (const struct hook *other = set->hooks; other != h; other++)
		n += str_eq(other->configuration, h->configuration) && str_eq(other->name, h->name);
	return n;
}

static void compile_conditions(struct hook_set *set, struct hook *h, const struct cJSON *list)
{
	if (!json_count(list))
		return;
	if (!set->words) {
		set->words = arena_new(&set->arena, sizeof(*set->words));
		vocabulary_init(set->words, 0, false);
	}
	h->conditions = arena_new(&set->arena, sizeof(*h->conditions));
	match_conditions_compile(h->conditions, set->words, &set->arena, list);
}

static void add_hooks(struct hook_set *set, const struct cJSON *configuration)
{
	json_each (tree, json_get(configuration, STR("webhooks"))) {
		struct hook *h = &set->hooks[set->count];

		*h = (struct hook){.configuration = tree_str(configuration, "metadata.name")};
		read_hook(&set->arena, tree, h);
		compile_conditions(set, h, json_get(tree, STR("matchConditions")));
		h->uid = arena_print(&set->arena, "%.*s/%.*s/%zu", STRF(h->configuration),
			STRF(h->name), same_before(set, h));
		set->count++;
	}
}

/* ---- all of them ---- */

static struct hook_set *read_all(
	const struct bucket *b, bool mutating, const struct hook_identities *who)
{
	struct hook_set *set = mem_new(sizeof(*set));
	size_t configurations, count = 0;

	set->refs = 1;
	set->mutating = mutating;
	arena_init(&set->arena);
	const struct cJSON **trees = configuration_trees(&set->arena, b, &configurations);
	for (size_t i = 0; i < configurations; i++)
		count += json_count(json_get(trees[i], STR("webhooks")));
	set->hooks = arena_new(&set->arena, (count + 1) * sizeof(*set->hooks));
	for (size_t i = 0; i < configurations; i++)
		add_hooks(set, trees[i]);
	for (size_t i = 0; i < set->count; i++)
		set->hooks[i].target.as = hook_identity_find(who, &set->arena, &set->hooks[i]);
	return set;
}

struct hook_set *hook_set_take(struct hook_sources *h, bool mutating)
{
	struct bucket **b = &h->buckets[mutating];
	struct hook_set **set = &h->sets[mutating];

	if (!*b)
		*b = configuration_bucket(h->server, mutating ? "mutatingwebhookconfigurations"
							      : "validatingwebhookconfigurations");
	if (!store_count(*b)) {
		hook_set_unref(TAKE(*set));
		return NULL;
	}
	if (!*set || h->changes[mutating] != store_changes(*b)) {
		hook_set_unref(*set);
		h->changes[mutating] = store_changes(*b);
		*set = read_all(*b, mutating,
			admission_settings(h->server->admission)->hook_identities[mutating]);
	}
	(*set)->refs++;
	return *set;
}
