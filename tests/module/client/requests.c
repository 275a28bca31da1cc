/* Every verb over both transports against a real API server: the same answers. */
#include "api_rig.h"

#include <kube/api_codec.h>

static const struct resource *config_maps(void)
{
	return resource_find(STR(""), STR("v1"), STR("configmaps"));
}

static void ask(struct api_rig *r, struct client_request *q, enum client_verb verb,
	const char *name, const char *body, int wanted)
{
	client_request_init(q, verb, config_maps(), STR("default"), str_from(name));
	if (body)
		q->body = api_rig_json(&q->arena, body);
	EXPECT_INT(api_rig_send(r, q), wanted);
}

static void walk_verbs(enum api_rig_transport how)
{
	struct api_rig r;
	struct client_request q;

	REQUIRE(api_rig_open(&r, how));
	ask(&r, &q, CLIENT_CREATE, "a", "{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"1\"}}",
		0);
	EXPECT_INT(q.code, 201);
	EXPECT_STR(tree_str(q.object, "data.k"), "1");
	EXPECT_STR(tree_str(json_at(json_path(q.object, "metadata.managedFields"), 0), "manager"),
		"rig");
	client_request_done(&q);
	ask(&r, &q, CLIENT_CREATE, "odd", "{\"metadata\":{\"name\":\"odd\"},\"nope\":1}", 0);
	EXPECT_INT(q.warning_count, 1);
	EXPECT_STR(q.warning_count ? q.warnings[0] : STR(""), "unknown field \"nope\"");
	client_request_done(&q);
	ask(&r, &q, CLIENT_CREATE, "a", "{\"metadata\":{\"name\":\"a\"}}", ERR_ALREADY_EXISTS);
	EXPECT_INT(q.code, 409);
	REQUIRE(q.status);
	EXPECT_STR(q.status->message, "configmaps \"a\" already exists");
	EXPECT_STR(q.status->name, "a");
	client_request_done(&q);
	ask(&r, &q, CLIENT_PATCH_MERGE, "a", "{\"data\":{\"k\":\"2\"}}", 0);
	EXPECT_STR(tree_str(q.object, "data.k"), "2");
	client_request_done(&q);
	ask(&r, &q, CLIENT_PATCH_JSON, "a",
		"[{\"op\":\"replace\",\"path\":\"/data/k\",\"value\":\"3\"}]", 0);
	client_request_done(&q);
	ask(&r, &q, CLIENT_PATCH_STRATEGIC, "a", "{\"data\":{\"l\":\"4\"}}", 0);
	EXPECT_STR(tree_str(q.object, "data.k"), "3");
	EXPECT_STR(tree_str(q.object, "data.l"), "4");
	client_request_done(&q);
	ask(&r, &q, CLIENT_APPLY, "b",
		"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"b\"},"
		"\"data\":{\"x\":\"y\"}}",
		0);
	EXPECT_INT(q.code, 201);
	client_request_done(&q);
	ask(&r, &q, CLIENT_UPDATE, "b", "{\"metadata\":{\"name\":\"b\",\"resourceVersion\":\"1\"}}",
		ERR_CONFLICT);
	client_request_done(&q);
	ask(&r, &q, CLIENT_GET, "b", NULL, 0);
	EXPECT_STR(tree_str(q.object, "kind"), "ConfigMap");
	EXPECT_STR(tree_str(q.object, "data.x"), "y");
	client_request_done(&q);
	ask(&r, &q, CLIENT_DELETE, "b", NULL, 0);
	EXPECT_STR(tree_str(q.object, "status"), "Success");
	client_request_done(&q);
	ask(&r, &q, CLIENT_GET, "b", NULL, ERR_NOT_FOUND);
	EXPECT_STR(q.status->reason, "NotFound");
	client_request_done(&q);
	client_request_init(&q, CLIENT_RAW_GET, NULL, STR(""), STR(""));
	q.path = STR("/healthz");
	EXPECT_INT(api_rig_send(&r, &q), 0);
	EXPECT_STR(q.text, "ok");
	client_request_done(&q);
	api_rig_close(&r);
}

TEST(verbs_in_the_same_process)
{
	walk_verbs(API_RIG_LOCAL);
}

TEST(verbs_over_https)
{
	walk_verbs(API_RIG_HTTPS);
}

struct listed {
	struct arena arena;
	struct buf names;
	int64_t last;
};

static int note_item(void *ctx, struct object *o, const struct cJSON *tree, struct err *err)
{
	struct listed *l = ctx;

	EXPECT(str_eq(tree_str(tree, "metadata.name"), client_object_name(o)));
	(void)err;
	EXPECT(str_starts(object_text(o), STR("{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",")));
	buf_add_str(&l->names, client_object_key(&l->arena, o));
	buf_add_char(&l->names, ' ');
	l->last = o->revision;
	return 0;
}

static void list_in_pages(enum api_rig_transport how)
{
	struct api_rig r;
	struct listed l = {.names = BUF_INIT(KIB)};
	struct told told = {0};
	struct client_list list = {.resource = config_maps(),
		.namespace = STR("lists"),
		.page = 2,
		.item = note_item,
		.ctx = &l};
	struct client_request q;

	arena_init(&l.arena);
	REQUIRE(api_rig_open(&r, how));
	client_request_init(&q, CLIENT_CREATE, resource_find(STR(""), STR("v1"), STR("namespaces")),
		STR(""), STR("lists"));
	q.body = api_rig_json(&q.arena, "{\"metadata\":{\"name\":\"lists\"}}");
	EXPECT_INT(api_rig_send(&r, &q), 0);
	client_request_done(&q);
	for (const char *const *name = (const char *const[]){"a", "b", "c", "d", "e", NULL}; *name;
		name++)
		api_rig_create_config_map(&r, "lists", *name, "x");
	client_list_start(r.client, told_op(&told, r.t.root, OP_NO_DEADLINE), &list);
	loop_test_run_until(&r.t, &told.done);
	EXPECT_OK(told.err.code, &told.err);
	EXPECT_INT(told.n, 5);
	EXPECT_STR(buf_str(&l.names), "lists/a lists/b lists/c lists/d lists/e ");
	EXPECT(list.revision >= l.last);
	client_list_done(&list);
	told_done(&told);
	buf_done(&l.names);
	arena_done(&l.arena);
	api_rig_close(&r);
}

TEST(lists_come_in_pages_in_the_same_process)
{
	list_in_pages(API_RIG_LOCAL);
}

TEST(lists_come_in_pages_over_https)
{
	list_in_pages(API_RIG_HTTPS);
}

static void next_event(struct api_rig *r, struct client_watch *w, int64_t n)
{
	struct told told = {0};

	client_watch_next(w, told_op(&told, r->t.root, loop_in(r->t.loop, 10 * SEC)));
	loop_test_run_until(&r->t, &told.done);
	EXPECT_OK(told.err.code, &told.err);
	EXPECT_INT(told.n, n);
	told_done(&told);
}

static void watch_changes(enum api_rig_transport how)
{
	struct api_rig r;
	struct told told = {0};
	struct client_watch w = {.resource = config_maps(),
		.namespace = STR("default"),
		.fields = STR("metadata.name=w"),
		.send_initial = true,
		.bookmarks = true};
	struct client_request q;

	REQUIRE(api_rig_open(&r, how));
	api_rig_create_config_map(&r, "default", "w", "1");
	client_watch_start(r.client, told_op(&told, r.t.root, OP_NO_DEADLINE), &w);
	loop_test_run_until(&r.t, &told.done);
	REQUIRE(EXPECT_OK(told.err.code, &told.err));
	next_event(&r, &w, 1);
	EXPECT_INT(w.event.type, CLIENT_ADDED);
	EXPECT_STR(tree_str(w.event.tree, "data.v"), "1");
	next_event(&r, &w, 1);
	EXPECT_INT(w.event.type, CLIENT_BOOKMARK);
	EXPECT(w.event.initial_end);
	int64_t marked = w.event.revision;
	ask(&r, &q, CLIENT_DELETE, "w", NULL, 0);
	client_request_done(&q);
	next_event(&r, &w, 1);
	EXPECT_INT(w.event.type, CLIENT_DELETED);
	EXPECT(w.event.revision > marked);
	client_watch_done(&w);
	told_done(&told);
	told = (struct told){0};
	w = (struct client_watch){.resource = config_maps(),
		.resource_version = STR("9999999999"),
		.timeout_seconds = 1};
	client_watch_start(r.client, told_op(&told, r.t.root, OP_NO_DEADLINE), &w);
	loop_test_run_until(&r.t, &told.done);
	client_watch_done(&w);
	told_done(&told);
	api_rig_close(&r);
}

TEST(watches_in_the_same_process)
{
	watch_changes(API_RIG_LOCAL);
}

TEST(watches_over_https)
{
	watch_changes(API_RIG_HTTPS);
}

TEST(a_wrong_token_is_told)
{
	struct api_rig r;
	struct client_options options = {.user_agent = "rig/v1"};
	struct client_request q;

	REQUIRE(api_rig_open(&r, API_RIG_LOCAL));
	struct client_config config = {.server = str_from(r.url),
		.ca_file = str_from(r.ca_file),
		.token = STR("nonsense")};
	struct client *right = r.client;
	r.client =
		client_new(r.t.env, client_transport_https(r.t.env, r.t.root, &config), &options);
	ask(&r, &q, CLIENT_GET, "a", NULL, ERR_UNAUTHORIZED);
	EXPECT_STR(q.status->message, "Unauthorized");
	client_request_done(&q);
	api_rig_drop_client(&r, r.client);
	config = (struct client_config){.server = str_from(r.url), .token = STR("rigtoken")};
	r.client =
		client_new(r.t.env, client_transport_https(r.t.env, r.t.root, &config), &options);
	ask(&r, &q, CLIENT_GET, "a", NULL, ERR_CERTIFICATE);
	client_request_done(&q);
	api_rig_drop_client(&r, r.client);
	r.client = right;
	api_rig_close(&r);
}

/* ---- what a kubeconfig says ---- */

static struct str read_file(struct api_rig *r, const char *path)
{
	struct buf text = BUF_INIT(MIB);
	struct err err = {0};

	EXPECT_OK(disk_read_file(r->t.env->disk, path, &text, &err), &err);
	struct str copy = arena_str(&r->arena, buf_str(&text));
	buf_done(&text);
	return copy;
}

static void ask_with(struct api_rig *r, const struct client_config *config, int wanted)
{
	struct client_options options = {.user_agent = "rig/v1"};
	struct client *before = r->client;
	struct client_request q;

	r->client =
		client_new(r->t.env, client_transport_https(r->t.env, r->t.root, config), &options);
	ask(r, &q, CLIENT_GET, "kube-root-ca.crt", NULL, wanted);
	client_request_done(&q);
	api_rig_drop_client(r, r->client);
	r->client = before;
}

TEST(the_server_s_own_kubeconfig_works)
{
	struct api_rig r;
	struct kubeconfig k;
	struct client_config c;
	struct err err = {0};

	REQUIRE(api_rig_open(&r, API_RIG_LOCAL));
	const char *path = arena_print(&r.arena, "%s/d/admin.kubeconfig", r.dir).at;
	REQUIRE_OK(kubeconfig_parse(&r.arena, read_file(&r, path), STR(""), &k, &err), &err);
	REQUIRE_OK(
		kubeconfig_resolve(&r.arena, &k, &(struct kubeconfig_choice){0}, &c, &err), &err);
	EXPECT(c.cert_data.len && c.key_data.len && c.ca_data.len);
	ask_with(&r, &c, ERR_NOT_FOUND);
	/* Another name than the URL's: one that the certificate has, one that it has not. */
	c.tls_server_name = STR("kubernetes.default.svc");
	ask_with(&r, &c, ERR_NOT_FOUND);
	c.tls_server_name = STR("elsewhere.example");
	ask_with(&r, &c, ERR_CERTIFICATE);
	c.ca_data = (struct str){0};
	c.insecure = true;
	ask_with(&r, &c, ERR_NOT_FOUND);
	/* A certificate without its key, and a key that is not its own. */
	c.key_data = (struct str){0};
	c.key_file = arena_print(&r.arena, "%s/none", r.dir);
	ask_with(&r, &c, ERR_IO);
	/* A user without any rights. */
	c.cert_data = c.key_file = (struct str){0};
	ask_with(&r, &c, ERR_FORBIDDEN);
	c.token = STR("rigtoken");
	ask_with(&r, &c, ERR_NOT_FOUND);
	c.as = STR("nobody");
	ask_with(&r, &c, ERR_FORBIDDEN);
	c.as_groups = &STR("system:masters");
	c.as_group_count = 1;
	ask_with(&r, &c, ERR_NOT_FOUND);
	api_rig_close(&r);
}
