/* What a server makes by itself, on a store: once, again without a write, and with every await
 * failing in turn. */
#include "loop_torture.h"

#include "apiserver/api_options.h"
#include "apiserver/discovery.h"
#include "apiserver/first_objects.h"
#include "apiserver/pki.h"

#include <kube/api_codec.h>
#include <kube/random.h>
#include <stdio.h>
#include <stdlib.h>

struct bucket *server_bucket(struct api_server *s, const struct resource *hub)
{
	_cleanup_(buf_done) struct buf prefix = BUF_INIT(KIB);

	buf_print(&prefix, "/registry/%.*s/%.*s/", STRF(hub->group), STRF(hub->plural));
	return store_bucket(s->store, buf_str(&prefix));
}

struct str server_key(
	struct arena *a, const struct resource *r, struct str namespace, struct str name)
{
	return r->namespaced ? arena_print(a, "%.*s/%.*s", STRF(namespace), STRF(name))
			     : arena_str(a, name);
}

static struct {
	struct api_options options;
	struct pki pki;
	struct api_server server;
	struct told opened, first, second, closed;
	char dir[64];
} world;

static void world_open(struct loop_test *t)
{
	struct store_options store = {.path = world.dir, .no_sync = true};

	memset(&world, 0, sizeof(world));
	strcpy(world.dir, "/tmp/kube-first-XXXXXX");
	EXPECT(mkdtemp(world.dir) != NULL);
	store.path = world.dir;
	cidr_parse(STR("10.96.0.0/16"), &world.options.services[0]);
	world.options.service_cidr_count = 1;
	world.server.env = t->env;
	world.server.options = &world.options;
	world.server.pki = &world.pki;
	world.server.advertise = ip_v4(192, 0, 2, 1);
	EXPECT_INT(discovery_new(&world.options.runtime_config, &world.server.discovery, NULL), 0);
	store_open(t->env, told_op(&world.opened, t->root, OP_NO_DEADLINE), t->root, &store,
		&world.server.store);
	loop_test_run_until(t, &world.opened.done);
}

static void world_close(struct loop_test *t)
{
	char command[128];

	if (!world.opened.err.code) {
		store_close(world.server.store, told_op(&world.closed, t->root, OP_NO_DEADLINE));
		loop_test_run_until(t, &world.closed.done);
	}
	discovery_free(world.server.discovery);
	told_done(&world.opened);
	told_done(&world.first);
	told_done(&world.second);
	told_done(&world.closed);
	snprintf(command, sizeof(command), "rm -r %s", world.dir);
	EXPECT_INT(system(command), 0);
}

static struct cJSON *stored(struct arena *a, const char *group, const char *version,
	const char *plural, const char *key)
{
	const struct resource *r =
		resource_find(str_from(group), str_from(version), str_from(plural));
	struct object *o = store_get(server_bucket(&world.server, r->hub), str_from(key));

	return o ? object_tree(a, o) : NULL;
}

static size_t stored_count(void)
{
	struct store_stats stats;

	store_stats(world.server.store, &stats);
	return stats.objects;
}

static void write_objects(struct loop_test *t, struct told *told)
{
	first_objects_write(&world.server, told_op(told, t->root, OP_NO_DEADLINE),
		&(struct first_options){.port = 6443});
}

TEST(a_first_start_makes_them_and_a_second_writes_nothing)
{
	_cleanup_(arena_done) struct arena a;
	struct loop_test t;

	arena_init(&a);
	loop_test_init(&t, LOOP_TEST_REAL);
	world_open(&t);
	write_objects(&t, &world.first);
	loop_test_run_until(&t, &world.first.done);
	EXPECT_TEXT(err_text(&world.first.err), err_text(&(struct err){0}));
	EXPECT_INT(world.first.n, 53);
	struct cJSON *service = stored(&a, "", "v1", "services", "default/kubernetes");
	EXPECT_STR(tree_str(service, "spec.clusterIP"), "10.96.0.1");
	EXPECT_INT(tree_int(service, "spec.ports.0.targetPort", 0), 6443);
	EXPECT_STR(tree_str(stored(&a, "", "v1", "endpoints", "default/kubernetes"),
			   "subsets.0.addresses.0.ip"),
		"192.0.2.1");
	EXPECT_STR(tree_str(stored(&a, "", "v1", "namespaces", "kube-system"), "status.phase"),
		"Active");
	EXPECT_INT(tree_int(stored(&a, "apiregistration.k8s.io", "v1", "apiservices",
				    "v2.autoscaling"),
			   "spec.versionPriority", 0),
		30);
	EXPECT(!stored(&a, "apiregistration.k8s.io", "v1", "apiservices",
		"v1beta1.certificates.k8s.io")); /* not switched on */
	EXPECT(uuid_valid(tree_str(service, "metadata.uid")));

	int64_t revision = store_revision(world.server.store);
	write_objects(&t, &world.second);
	loop_test_run_until(&t, &world.second.done);
	EXPECT_INT(world.second.n, 0);
	EXPECT_INT(store_revision(world.server.store), revision);
	world_close(&t);
	loop_test_done(&t);
}

TEST(another_address_is_written_and_the_object_stays_the_same_one)
{
	_cleanup_(arena_done) struct arena a;
	struct loop_test t;

	arena_init(&a);
	loop_test_init(&t, LOOP_TEST_REAL);
	world_open(&t);
	write_objects(&t, &world.first);
	loop_test_run_until(&t, &world.first.done);
	struct cJSON *before = stored(&a, "", "v1", "endpoints", "default/kubernetes");
	world.server.advertise = ip_v4(192, 0, 2, 2);
	write_objects(&t, &world.second);
	loop_test_run_until(&t, &world.second.done);
	struct cJSON *after = stored(&a, "", "v1", "endpoints", "default/kubernetes");
	EXPECT_INT(world.second.n, 2); /* Endpoints and the slice */
	EXPECT_STR(tree_str(after, "subsets.0.addresses.0.ip"), "192.0.2.2");
	EXPECT(str_eq(tree_str(before, "metadata.uid"), tree_str(after, "metadata.uid")));
	world_close(&t);
	loop_test_done(&t);
}

/* One round with the k-th await failing; false when there is no such await. */
static bool round_with(uint64_t k, int code)
{
	struct loop_test t;
	bool hit;

	loop_test_init(&t, LOOP_TEST_REAL);
	world_open(&t);
	loop_torture(t.loop, k, code);
	write_objects(&t, &world.first);
	loop_test_run_until(&t, &world.first.done);
	hit = loop_torture_hit(t.loop);
	loop_torture(t.loop, 0, 0);
	EXPECT_INT(world.first.times, 1);
	EXPECT(hit || !world.first.err.code);
	/* What was not made is made by the next start. */
	write_objects(&t, &world.second);
	loop_test_run_until(&t, &world.second.done);
	EXPECT_INT(world.second.err.code, 0);
	EXPECT_INT(stored_count(), 53);
	world_close(&t);
	loop_test_done(&t);
	return hit;
}

TEST(whatever_fails_the_next_start_makes_up_for_it)
{
	static const int codes[] = {ERR_IO, ERR_CANCELLED};

	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		uint64_t k = 1;

		while (round_with(k, codes[i]) && !test_failed())
			k++;
		EXPECT(k > 53);
	}
}
