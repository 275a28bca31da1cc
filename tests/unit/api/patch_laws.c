/* Laws of patches and of server-side apply, over generated objects of many kinds. */
#include "random_object.h"
#include "test.h"

#include <kube/patch.h>

#define ROUNDS 40

static const struct {
	const char *group, *version, *plural;
} kinds[] = {
	{"", "v1", "configmaps"},
	{"", "v1", "pods"},
	{"", "v1", "services"},
	{"", "v1", "secrets"},
	{"", "v1", "nodes"},
	{"apps", "v1", "deployments"},
	{"apps", "v1", "statefulsets"},
	{"batch", "v1", "jobs"},
	{"networking.k8s.io", "v1", "ingresses"},
	{"networking.k8s.io", "v1", "networkpolicies"},
	{"autoscaling", "v2", "horizontalpodautoscalers"},
	{"rbac.authorization.k8s.io", "v1", "clusterroles"},
};

typedef void law_fn(struct random_maker *m, const struct resource *r, size_t *held);

/* Every law must hold for a good part of what is generated: the rest is refused as repeated. */
static void each_kind(law_fn *law)
{
	size_t held = 0, total = 0;

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
			_cleanup_(arena_done) struct arena a;
			struct random_maker m = {.arena = &a, .state = seed * 104729 + k};
			const struct resource *r = resource_find(str_from(kinds[k].group),
				str_from(kinds[k].version), str_from(kinds[k].plural));

			arena_init(&a);
			test_context("%s seed %d", kinds[k].plural, (int)seed);
			if (EXPECT(r != NULL))
				law(&m, r, &held);
			total++;
		}
	test_context_end();
	EXPECT(held * 3 > total);
}

static struct cJSON *config_of(struct random_maker *m, const struct resource *r)
{
	struct cJSON *o = api_canonical(m->arena, r->schema, random_object(m, r->schema, 3));

	tree_drop(o, "metadata");
	tree_set_str(m->arena, o, "apiVersion", r->api_version);
	tree_set_str(m->arena, o, "kind", r->kind);
	tree_set_str(m->arena, o, "metadata.name", STR("x"));
	return o;
}

static struct apply_request request_of(const struct resource *r, const char *manager)
{
	return (struct apply_request){.resource = r, .manager = str_from(manager), .now = 1};
}

/* NULL: refused, as configurations with a key twice are. */
static struct cJSON *applied(struct random_maker *m, const struct resource *r, const char *manager,
	const struct cJSON *live, const struct cJSON *config)
{
	struct apply_request q = request_of(r, manager);
	struct apply_conflicts conflicts;
	_cleanup_(err_done) struct err err = {0};
	struct cJSON *out = NULL, *decoded = NULL;

	if (apply_patch(m->arena, &q, live, config, &out, &conflicts, &err)) {
		EXPECT(err.code == ERR_INTERNAL);
		return NULL;
	}
	if (!EXPECT_OK(api_decode(m->arena, r->schema, out, NULL, &decoded, &err), &err))
		return NULL;
	return api_canonical(m->arena, r->schema, decoded);
}

static bool same(struct random_maker *m, const struct resource *r, const struct cJSON *a,
	const struct cJSON *b)
{
	_cleanup_(buf_done) struct buf x = BUF_INIT(16 * MIB), y = BUF_INIT(16 * MIB);

	json_print(&x, api_canonical(m->arena, r->schema, a), JSON_SORTED);
	json_print(&y, api_canonical(m->arena, r->schema, b), JSON_SORTED);
	return EXPECT_STR(buf_str(&x), buf_text(&y));
}

/* ---- apply ---- */

static void applying_twice_is_once(struct random_maker *m, const struct resource *r, size_t *held)
{
	struct cJSON *config = config_of(m, r);
	struct cJSON *once = applied(m, r, "one", NULL, config), *twice;

	if (!once)
		return;
	twice = applied(m, r, "one", once, config);
	if (EXPECT(twice != NULL))
		*held += same(m, r, twice, once);
}

/* What is not applied any more goes, and its owner with it. */
static void applying_nothing_gives_all_up(
	struct random_maker *m, const struct resource *r, size_t *held)
{
	struct cJSON *config = config_of(m, r), *bare = json_new(m->arena, JSON_OBJECT);
	struct cJSON *once = applied(m, r, "one", NULL, config), *left;

	if (!once)
		return;
	tree_set_str(m->arena, bare, "apiVersion", r->api_version);
	tree_set_str(m->arena, bare, "kind", r->kind);
	tree_set_str(m->arena, bare, "metadata.name", STR("x"));
	left = applied(m, r, "one", once, bare);
	if (EXPECT(left != NULL))
		*held += same(m, r, left, bare);
}

/* What two apply stays while one of them does. */
static void what_two_own_stays(struct random_maker *m, const struct resource *r, size_t *held)
{
	struct cJSON *config = config_of(m, r), *bare = json_new(m->arena, JSON_OBJECT);
	struct cJSON *once = applied(m, r, "one", NULL, config), *both, *left;

	if (!once)
		return;
	both = applied(m, r, "two", once, config);
	if (!EXPECT(both != NULL))
		return;
	tree_set_str(m->arena, bare, "apiVersion", r->api_version);
	tree_set_str(m->arena, bare, "kind", r->kind);
	tree_set_str(m->arena, bare, "metadata.name", STR("x"));
	left = applied(m, r, "one", both, bare);
	if (!EXPECT(left != NULL))
		return;
	EXPECT_INT(json_count(json_path(left, "metadata.managedFields")),
		json_count(json_path(once, "metadata.managedFields")));
	tree_drop(left, "metadata.managedFields");
	tree_drop(once, "metadata.managedFields");
	*held += same(m, r, left, once);
}

TEST(applying_a_configuration_twice_changes_nothing)
{
	each_kind(applying_twice_is_once);
}

TEST(an_empty_configuration_gives_everything_up)
{
	each_kind(applying_nothing_gives_all_up);
}

TEST(a_field_stays_while_somebody_owns_it)
{
	each_kind(what_two_own_stays);
}

/* ---- patches ---- */

static void an_empty_patch_changes_nothing(
	struct random_maker *m, const struct resource *r, size_t *held)
{
	struct cJSON *o = config_of(m, r), *empty = json_new(m->arena, JSON_OBJECT), *out = NULL;

	if (EXPECT(!patch_strategic(m->arena, r->schema, o, empty, &out, NULL)))
		*held += same(m, r, out, o) && same(m, r, patch_merge(m->arena, o, empty), o);
}

/* Elements without their key are taken over whole the first time, and refused the second. */
static void a_patch_twice_is_once(struct random_maker *m, const struct resource *r, size_t *held)
{
	struct cJSON *o, *patch, *once = NULL, *twice = NULL;

	m->single = true;
	o = config_of(m, r);
	patch = config_of(m, r);
	if (!patch_strategic(m->arena, r->schema, o, patch, &once, NULL) &&
		!patch_strategic(m->arena, r->schema, once, patch, &twice, NULL))
		*held += same(m, r, twice, once);
	once = patch_merge(m->arena, o, patch);
	same(m, r, patch_merge(m->arena, once, patch), once);
}

TEST(an_empty_patch_leaves_everything)
{
	each_kind(an_empty_patch_changes_nothing);
}

TEST(a_patch_that_was_applied_changes_nothing)
{
	each_kind(a_patch_twice_is_once);
}
