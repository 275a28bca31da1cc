/*
 * A whole API server in the test's process, and clients of both kinds to it.
 */
#ifndef KUBE_API_RIG_H
#define KUBE_API_RIG_H

#include "loop_test.h"

#include <kube/apiserver.h>
#include <kube/client.h>
#include <kube/client_transport.h>
#include <kube/json.h>
#include <kube/time.h>

#include <stdio.h>
#include <stdlib.h>

struct api_rig {
	struct loop_test t;
	struct arena arena;
	struct api_options *options;
	struct api_server *server;
	struct client *client;
	char dir[64], token_file[96], ca_file[96], url[64];
};

enum api_rig_transport { API_RIG_LOCAL, API_RIG_HTTPS };

static inline void api_rig_enter(void *ctx, struct http_exchange *x)
{
	static const char *const groups[] = {"system:masters", NULL};
	static const struct local_user admin = {.name = "admin", .groups = groups};

	api_server_handle_local(ctx, x, &admin);
}

static inline struct object *api_rig_find(void *ctx, const struct resource *r, struct str namespace,
	struct str name, int64_t revision)
{
	return api_server_find(ctx, r, namespace, name, revision);
}

static inline struct client *api_rig_client(struct api_rig *r, enum api_rig_transport how)
{
	struct client_options options = {.user_agent = "rig/v1"};
	struct client_config config = {.server = str_from(r->url),
		.ca_file = str_from(r->ca_file),
		.token = STR("rigtoken")};

	return client_new(r->t.env,
		how == API_RIG_LOCAL
			? client_transport_local(r->t.env, r->t.root, api_rig_enter, r->server)
			: client_transport_https(r->t.env, r->t.root, &config),
		&options);
}

static inline void api_rig_drop_client(struct api_rig *r, struct client *c)
{
	struct told told = {0};

	client_stop(c, told_op(&told, r->t.root, OP_NO_DEADLINE));
	loop_test_run_until(&r->t, &told.done);
	told_done(&told);
	client_free(c);
}

#define API_RIG_FLAGS 24

/* Those of every rig, and what stands in `more`, between blanks; NULL: nothing. */
static inline int api_rig_flags(struct api_rig *r, char **args, const char *more)
{
	const char *const own[] = {
		arena_print(&r->arena, "--data-dir=%s/d", r->dir).at,
		"--secure-port=0",
		"--bind-address=127.0.0.1",
		arena_print(&r->arena, "--token-auth-file=%s", r->token_file).at,
		"--service-cluster-ip-range=10.96.0.0/16,fd00:96::/108",
	};
	struct str rest = str_from(more ? more : ""), piece;
	int count = 0;

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		args[count++] = arena_text(&r->arena, own[i]);
	while (rest.len && str_next(&rest, ' ', &piece) && EXPECT(count < API_RIG_FLAGS))
		args[count++] = arena_text(&r->arena, arena_str(&r->arena, piece).at);
	return count;
}

/* Loop and place, for those who need something before there is a server. */
static inline bool api_rig_prepare(struct api_rig *r)
{
	memset(r, 0, sizeof(*r));
	loop_test_init(&r->t, LOOP_TEST_REAL);
	arena_init(&r->arena);
	strcpy(r->dir, "/tmp/kube-rig-XXXXXX");
	if (!EXPECT(mkdtemp(r->dir) != NULL))
		return false;
	snprintf(r->token_file, sizeof(r->token_file), "%s/tokens", r->dir);
	snprintf(r->ca_file, sizeof(r->ca_file), "%s/d/pki/ca.crt", r->dir);
	FILE *tokens = fopen(r->token_file, "we");
	fputs("rigtoken,admin,1,\"system:masters\"\nother,other,2\n", tokens);
	fclose(tokens);
	return true;
}

/* flags: more of the server's, between blanks, or NULL. */
static inline bool api_rig_start(struct api_rig *r, enum api_rig_transport how, const char *more)
{
	struct err err = {0};
	struct told told = {0};
	char *args[API_RIG_FLAGS];
	int count = api_rig_flags(r, args, more);

	r->options = api_options_new(&r->arena);
	struct flag *flags = api_options_flags(&r->arena, r->options);
	flags_init(flags, &r->arena);
	EXPECT_OK(flags_parse(flags, &r->arena, count, args, NULL, &err), &err);
	EXPECT_OK(api_options_check(&r->arena, r->options, &err), &err);
	api_server_start(r->t.env, told_op(&told, r->t.root, OP_NO_DEADLINE), r->t.root, r->options,
		&r->server);
	loop_test_run_until(&r->t, &told.done);
	bool good = EXPECT_OK(told.err.code, &told.err);
	told_done(&told);
	snprintf(r->url, sizeof(r->url), "https://127.0.0.1:%u", api_server_port(r->server));
	r->client = api_rig_client(r, how);
	return good;
}

static inline bool api_rig_open_with(
	struct api_rig *r, enum api_rig_transport how, const char *more)
{
	return api_rig_prepare(r) && api_rig_start(r, how, more);
}

static inline bool api_rig_open(struct api_rig *r, enum api_rig_transport how)
{
	return api_rig_open_with(r, how, NULL);
}

static inline void api_rig_close(struct api_rig *r)
{
	struct told told = {0};
	char command[128];

	api_rig_drop_client(r, r->client);
	api_server_stop(r->server, told_op(&told, r->t.root, OP_NO_DEADLINE), 0);
	loop_test_run_until(&r->t, &told.done);
	told_done(&told);
	api_server_free(r->server);
	loop_test_done(&r->t);
	arena_done(&r->arena);
	snprintf(command, sizeof(command), "rm -r %s", r->dir);
	EXPECT_INT(system(command), 0);
}

/* A file of its place, into the emptied buffer; false: there is none. */
static inline bool api_rig_read(struct api_rig *r, const char *name, struct buf *out)
{
	char path[128];

	buf_clear(out);
	snprintf(path, sizeof(path), "%s/%s", r->dir, name);
	return disk_read_file(r->t.env->disk, path, out, NULL) == 0;
}

/* ---- waiting ---- */

/* Runs the loop until the condition holds, or (false) 10 s have passed. */
static inline void api_rig_tick(struct api_rig *r)
{
	struct told told = {0};

	timer_wait(told_op(&told, r->t.root, OP_NO_DEADLINE), loop_in(r->t.loop, 2 * MSEC));
	loop_test_run_until(&r->t, &told.done);
	told_done(&told);
}

#define API_RIG_AWAIT(r, condition)                                                                \
	do {                                                                                       \
		for (int tick_ = 0; tick_ < 5000 && !(condition); tick_++)                         \
			api_rig_tick(r);                                                           \
		EXPECT(condition);                                                                 \
	} while (0)

/* One request to its end: the error's code. */
static inline int api_rig_send(struct api_rig *r, struct client_request *q)
{
	struct told told = {0};

	client_send(r->client, told_op(&told, r->t.root, loop_in(r->t.loop, 10 * SEC)), q);
	loop_test_run_until(&r->t, &told.done);
	int code = told.err.code;
	told_done(&told);
	return code;
}

static inline struct cJSON *api_rig_json(struct arena *a, const char *text)
{
	struct cJSON *tree = NULL;
	struct err err = {0};

	EXPECT_OK(json_parse(a, str_from(text), NULL, &tree, &err), &err);
	return tree;
}

/* Whom the server takes that client for must be `user`; the error's code when it does not say. */
static inline int api_rig_ask_user(
	struct api_rig *r, struct client *c, const char *user, struct err *err)
{
	struct client_request q;
	struct told told = {0};

	client_request_init(&q, CLIENT_CREATE,
		resource_find(STR("authentication.k8s.io"), STR("v1"), STR("selfsubjectreviews")),
		STR(""), STR(""));
	q.body = api_rig_json(&q.arena, "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":"
					"\"SelfSubjectReview\"}");
	client_send(c, told_op(&told, r->t.root, OP_NO_DEADLINE), &q);
	loop_test_run_until(&r->t, &told.done);
	int code = told.err.code;
	if (!code)
		EXPECT_STR(json_str(json_path(q.object, "status.userInfo.username")), user);
	err_move(err, &told.err);
	client_request_done(&q);
	return code;
}

static inline void api_rig_create_config_map(
	struct api_rig *r, const char *namespace, const char *name, const char *value)
{
	struct client_request q;

	client_request_init(&q, CLIENT_CREATE, resource_find(STR(""), STR("v1"), STR("configmaps")),
		str_from(namespace), str_from(name));
	q.body = api_rig_json(&q.arena,
		arena_print(&q.arena, "{\"metadata\":{\"name\":\"%s\"},\"data\":{\"v\":\"%s\"}}",
			name, value)
			.at);
	EXPECT_INT(api_rig_send(r, &q), 0);
	client_request_done(&q);
}

#endif
