/* The webhooks that are configured: read again when a configuration has changed. */
#include "hooks.h"
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
	for (size_t i = 0; i < set->seen_count; i++)
		object_unref(set->seen[i]);
	mem_free(set->seen);
	hook_programs_free(set->programs);
	arena_done(&set->arena);
	mem_free(set);
}

/* ---- reading one ---- */

static bool read_selector(struct arena *a, const struct cJSON *tree, struct selector *s)
{
	if (!json_count(tree))
		return true;
	if (label_selector_from(a, tree, s, NULL))
		*s = (struct selector){.nothing = true};
	return false;
}

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
	h->conditions = json_get(tree, STR("matchConditions"));
	h->versions = json_get(tree, STR("admissionReviewVersions"));
	h->all_namespaces =
		read_selector(a, json_get(tree, STR("namespaceSelector")), &h->namespaces);
	h->all_objects = read_selector(a, json_get(tree, STR("objectSelector")), &h->objects);
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

static void add_hooks(struct hook_set *set, const struct cJSON *configuration)
{
	json_each (tree, json_get(configuration, STR("webhooks"))) {
		struct hook *h = &set->hooks[set->count];

		*h = (struct hook){.configuration = tree_str(configuration, "metadata.name")};
		read_hook(&set->arena, tree, h);
		h->uid = arena_print(&set->arena, "%.*s/%.*s/%zu", STRF(h->configuration),
			STRF(h->name), same_before(set, h));
		set->count++;
	}
}

/* ---- all of them ---- */

static bool still_stands(const struct hook_set *set, const struct bucket *b)
{
	struct store_iter it = store_seek(b, STR(""), STR(""));
	size_t i = 0;

	while (store_next(&it))
		if (i >= set->seen_count || set->seen[i++] != it.object)
			return false;
	return i == set->seen_count;
}

static void compile_conditions(struct hook_set *set)
{
	size_t count = 0;

	for (size_t i = 0; i < set->count; i++)
		count += json_count(set->hooks[i].conditions);
	if (!count)
		return;
	set->programs = hook_programs_new(count);
	for (size_t i = 0; i < set->count; i++)
		hook_programs_add(set->programs, &set->hooks[i]);
}

static struct hook_set *read_all(const struct bucket *b, const struct hook_identities *who)
{
	struct hook_set *set = mem_new(sizeof(*set));
	struct store_iter it = store_seek(b, STR(""), STR(""));
	size_t count = 0;

	set->refs = 1;
	arena_init(&set->arena);
	set->seen = mem_alloc((store_count(b) + 1) * sizeof(struct object *));
	while (store_next(&it))
		set->seen[set->seen_count++] = object_ref(it.object);
	const struct cJSON **trees = arena_new(&set->arena, (set->seen_count + 1) * sizeof(*trees));
	for (size_t i = 0; i < set->seen_count; i++) {
		trees[i] = object_lean_tree(&set->arena, set->seen[i]);
		count += json_count(json_get(trees[i], STR("webhooks")));
	}
	set->hooks = arena_new(&set->arena, (count + 1) * sizeof(*set->hooks));
	for (size_t i = 0; i < set->seen_count; i++)
		add_hooks(set, trees[i]);
	compile_conditions(set);
	for (size_t i = 0; i < set->count; i++)
		set->hooks[i].target.as = hook_identity_find(who, &set->arena, &set->hooks[i]);
	return set;
}

struct hook_set *hook_set_take(struct hook_sources *h, bool mutating)
{
	struct bucket **b = &h->buckets[mutating];
	struct hook_set **set = &h->sets[mutating];

	if (!*b)
		*b = server_bucket(
			h->server, resource_find(STR("admissionregistration.k8s.io"), STR("v1"),
					   mutating ? STR("mutatingwebhookconfigurations")
						    : STR("validatingwebhookconfigurations")));
	if (!store_count(*b)) {
		hook_set_unref(TAKE(*set));
		return NULL;
	}
	if (!*set || !still_stands(*set, *b)) {
		hook_set_unref(*set);
		*set = read_all(
			*b, admission_settings(h->server->admission)->hook_identities[mutating]);
	}
	(*set)->refs++;
	return *set;
}
