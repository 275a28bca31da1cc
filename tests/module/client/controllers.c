/*
 * Informers, events and leases against a real API server, over both transports: what the
 * simulator's small server takes, this one must take, too.
 */
#include "api_rig.h"

#include <kube/api_codec.h>
#include <kube/events.h>
#include <kube/informer.h>
#include <kube/leader.h>
#include <kube/plan.h>

static const struct resource *config_maps(void)
{
	return resource_find(STR(""), STR("v1"), STR("configmaps"));
}

static void end(struct api_rig *r, void *thing, void (*stop)(void *thing, struct op *op))
{
	struct told told = {0};

	stop(thing, told_op(&told, r->t.root, OP_NO_DEADLINE));
	loop_test_run_until(&r->t, &told.done);
	told_done(&told);
}

static void end_informer(void *thing, struct op *op)
{
	informer_stop(thing, op);
}

static void end_recorder(void *thing, struct op *op)
{
	event_recorder_stop(thing, op);
}

static void end_leader(void *thing, struct op *op)
{
	leader_stop(thing, op);
}

static void end_controller(void *thing, struct op *op)
{
	controller_stop(thing, op);
}

/* ---- informers ---- */

static void follow(enum api_rig_transport how, bool no_watch_list)
{
	struct api_rig r;
	struct client_request q;
	const struct informer_index index = index_by_namespace();

	REQUIRE(api_rig_open(&r, how));
	for (int i = 0; i < 3; i++)
		api_rig_create_config_map(&r, "default", arena_print(&r.arena, "m%d", i).at, "1");
	struct informer *i = informer_new(r.t.root, &(struct informer_options){.client = r.client,
							    .resource = config_maps(),
							    .namespace = STR("default"),
							    .indexes = &index,
							    .index_count = 1,
							    .no_watch_list = no_watch_list});
	API_RIG_AWAIT(&r, informer_synced(i));
	size_t before = informer_count(i);
	EXPECT(before >= 3);
	EXPECT(informer_get(i, STR("default"), STR("m2")));
	struct informer_stats stats;
	informer_stats(i, &stats);
	EXPECT_INT(stats.lists, no_watch_list);
	EXPECT_INT(stats.failures, 0);
	api_rig_create_config_map(&r, "default", "later", "1");
	API_RIG_AWAIT(&r, informer_get(i, STR("default"), STR("later")));
	client_request_init(&q, CLIENT_DELETE, config_maps(), STR("default"), STR("m0"));
	EXPECT_INT(api_rig_send(&r, &q), 0);
	client_request_done(&q);
	API_RIG_AWAIT(&r, !informer_get(i, STR("default"), STR("m0")));
	EXPECT_INT(informer_count(i), before);
	end(&r, i, end_informer);
	informer_free(i);
	api_rig_close(&r);
}

TEST(informers_in_the_same_process)
{
	follow(API_RIG_LOCAL, false);
	follow(API_RIG_LOCAL, true);
}

TEST(informers_over_https)
{
	follow(API_RIG_HTTPS, false);
	follow(API_RIG_HTTPS, true);
}

/* What the server publishes is the same as what it says, and is there once. */
TEST(objects_are_shared_with_a_server_in_the_same_process)
{
	struct api_rig r;
	struct client_options options = {.user_agent = "rig/v1"};

	REQUIRE(api_rig_open(&r, API_RIG_LOCAL));
	struct client *plain = r.client;
	struct client_transport *t =
		client_transport_local(r.t.env, r.t.root, api_rig_enter, r.server);
	client_transport_local_share(t, api_rig_find);
	r.client = client_new(r.t.env, t, &options);
	static const char *const kinds[][3] = {{"", "v1", "configmaps"}, {"", "v1", "services"},
		{"rbac.authorization.k8s.io", "v1", "clusterroles"}, {"", "v1", "namespaces"},
		{"flowcontrol.apiserver.k8s.io", "v1", "flowschemas"}};
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		struct informer_options o = {.client = r.client,
			.resource = resource_find(str_from(kinds[k][0]), str_from(kinds[k][1]),
				str_from(kinds[k][2]))};
		struct informer *shared = informer_new(r.t.root, &o);
		o.client = plain;
		struct informer *copied = informer_new(r.t.root, &o);

		if (k == 0)
			api_rig_create_config_map(&r, "default", "m", "1");
		API_RIG_AWAIT(&r, informer_synced(shared) && informer_synced(copied));
		API_RIG_AWAIT(&r, k || (informer_get(shared, STR("default"), STR("m")) &&
					       informer_get(copied, STR("default"), STR("m"))));
		EXPECT(informer_count(shared) > 0);
		informer_each(it, informer_all(shared))
		{
			struct object *copy = informer_get(copied,
				client_object_namespace(it.object), client_object_name(it.object));

			REQUIRE(copy);
			EXPECT(copy != it.object && it.object->refs > 1);
			EXPECT(str_eq(object_text(copy), object_text(it.object)));
		}
		end(&r, shared, end_informer);
		end(&r, copied, end_informer);
		informer_free(shared);
		informer_free(copied);
	}
	api_rig_drop_client(&r, r.client);
	r.client = plain;
	api_rig_close(&r);
}

/* ---- events ---- */

static void record(enum api_rig_transport how)
{
	struct api_rig r;
	struct client_request q;
	struct event_about about = {.kind = STR("ConfigMap"),
		.namespace = STR("default"),
		.name = STR("m"),
		.uid = STR("u"),
		.api_version = STR("v1")};

	REQUIRE(api_rig_open(&r, how));
	struct event_recorder *recorder =
		event_recorder_new(r.client, r.t.root, STR("tester"), STR("here"));
	for (int i = 0; i < 3; i++) {
		event_record(recorder, &about, STR("Normal"), STR("Tested"), STR("it works"));
		API_RIG_AWAIT(&r, event_recorder_pending(recorder) == 0);
	}
	client_request_init(&q, CLIENT_RAW_GET, NULL, STR(""), STR(""));
	q.path = STR("/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Dm");
	EXPECT_INT(api_rig_send(&r, &q), 0);
	struct cJSON *list = NULL;
	EXPECT_INT(json_parse(&q.arena, q.text, NULL, &list, NULL), 0);
	const struct cJSON *items = json_get(list, STR("items"));
	EXPECT_INT(json_count(items), 1);
	EXPECT_INT(tree_int(json_at(items, 0), "count", 0), 3);
	EXPECT_STR(tree_str(json_at(items, 0), "message"), "it works");
	EXPECT_STR(tree_str(json_at(items, 0), "source.host"), "here");
	client_request_done(&q);
	end(&r, recorder, end_recorder);
	event_recorder_free(recorder);
	api_rig_close(&r);
}

TEST(events_in_the_same_process)
{
	record(API_RIG_LOCAL);
}

TEST(events_over_https)
{
	record(API_RIG_HTTPS);
}

/* ---- leases ---- */

TEST(leaders_hand_over)
{
	struct api_rig r;
	struct leader_options options = {.namespace = STR("kube-system"), .name = STR("it")};

	REQUIRE(api_rig_open(&r, API_RIG_HTTPS));
	options.client = r.client;
	options.retry_period = 50 * MSEC;
	options.renew_deadline = 5 * SEC;
	options.identity = STR("one");
	struct leader *one = leader_new(r.t.root, &options);
	API_RIG_AWAIT(&r, leader_leads(one));
	options.identity = STR("two");
	struct leader *two = leader_new(r.t.root, &options);
	API_RIG_AWAIT(&r, str_eq(leader_holder(two), STR("one")));
	for (int i = 0; i < 100; i++)
		api_rig_tick(&r);
	EXPECT(leader_leads(one) && !leader_leads(two));
	end(&r, one, end_leader);
	leader_free(one);
	API_RIG_AWAIT(&r, leader_leads(two));
	end(&r, two, end_leader);
	leader_free(two);
	api_rig_close(&r);
}

/* ---- controllers ---- */

struct copier {
	struct informer *maps;
	struct informer_handler handler;
	struct controller *controller;
};

/* Every config map in default has a copy in kube-system, and no other is there of that kind. */
static void copy_maps(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct copier *c = ctx;
	struct arena *a = p->arena;
	struct str namespace, name;

	(void)now;
	if (!str_cut(key, '/', &namespace, &name) || !str_eq(namespace, STR("default")))
		return;
	struct object *o = informer_get_key(c->maps, key);
	struct object *copy = informer_get(c->maps, STR("kube-system"), name);
	if (!o && copy)
		plan_delete(p, config_maps(), STR("kube-system"), name,
			object_scan(copy, "metadata.uid"), NULL);
	if (!o)
		return;
	struct cJSON *wanted = json_get(object_tree(a, o), STR("data"));
	if (!copy) {
		struct cJSON *fresh = json_new(a, JSON_OBJECT);

		tree_set_str(a, fresh, "metadata.name", name);
		tree_set_str(a, fresh, "metadata.namespace", STR("kube-system"));
		tree_set(a, fresh, "data", json_copy(a, wanted));
		plan_create(p, config_maps(), fresh);
		return;
	}
	struct cJSON *tree = object_tree(a, copy);
	if (json_equal(json_get(tree, STR("data")), wanted))
		return;
	tree_set(a, tree, "data", json_copy(a, wanted));
	plan_update(p, config_maps(), tree);
}

static void enqueue(
	struct informer_handler *h, struct object *old, struct object *fresh, bool initial)
{
	struct copier *c = h->ctx;
	struct arena a;

	(void)initial;
	arena_init(&a);
	controller_enqueue(c->controller, client_object_key(&a, fresh ? fresh : old));
	arena_done(&a);
}

static void control(enum api_rig_transport how)
{
	struct api_rig r;
	struct copier c = {0};
	struct client_request q;
	struct controller_stats stats;

	REQUIRE(api_rig_open(&r, how));
	c.maps = informer_new(r.t.root,
		&(struct informer_options){.client = r.client, .resource = config_maps()});
	c.controller = controller_new(r.t.root, &(struct controller_options){.name = "copier",
							.client = r.client,
							.reconcile = copy_maps,
							.ctx = &c,
							.informers = &c.maps,
							.informer_count = 1});
	c.handler = (struct informer_handler){.changed = enqueue, .ctx = &c};
	informer_add_handler(c.maps, &c.handler);
	for (int i = 0; i < 20; i++)
		api_rig_create_config_map(&r, "default", arena_print(&r.arena, "m%d", i).at, "1");
	for (int i = 0; i < 20; i++)
		API_RIG_AWAIT(&r,
			informer_get(c.maps, STR("kube-system"), arena_print(&r.arena, "m%d", i)));
	client_request_init(&q, CLIENT_PATCH_MERGE, config_maps(), STR("default"), STR("m3"));
	q.body = api_rig_json(&q.arena, "{\"data\":{\"v\":\"2\"}}");
	EXPECT_INT(api_rig_send(&r, &q), 0);
	client_request_done(&q);
	client_request_init(&q, CLIENT_DELETE, config_maps(), STR("default"), STR("m4"));
	EXPECT_INT(api_rig_send(&r, &q), 0);
	client_request_done(&q);
	API_RIG_AWAIT(&r, !informer_get(c.maps, STR("kube-system"), STR("m4")));
	API_RIG_AWAIT(&r,
		str_eq(object_scan(informer_get(c.maps, STR("kube-system"), STR("m3")), "data.v"),
			STR("2")));
	controller_stats(c.controller, &stats);
	EXPECT_INT(stats.conflicts, 0);
	EXPECT_INT(stats.failures, 0);
	end(&r, c.controller, end_controller);
	controller_free(c.controller);
	end(&r, c.maps, end_informer);
	informer_free(c.maps);
	api_rig_close(&r);
}

TEST(controllers_in_the_same_process)
{
	control(API_RIG_LOCAL);
}

TEST(controllers_over_https)
{
	control(API_RIG_HTTPS);
}
