/*
 * A whole API server on a host of the simulator: its disk, its clocks, its seed. It can be stopped
 * and started again on what the disk kept. Clients enter it as components of the same process, or
 * over the simulator's network through a listener without TLS.
 */
#ifndef KUBE_API_WORLD_H
#define KUBE_API_WORLD_H

#include "loop_test.h"

#include <kube/apiserver.h>
#include <kube/client.h>
#include <kube/client_transport.h>
#include <kube/http_server.h>
#include <kube/json.h>
#include <kube/mem.h>
#include <kube/sim.h>
#include <kube/time.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "apiserver/pipeline.h"
#include "apiserver/server.h"

struct api_world {
	struct sim *sim;
	struct loop *loop;
	struct scope *root;
	struct env *host, *far; /* the server's, and one of clients */
	struct arena arena;
	struct api_options *options;
	struct api_server *server; /* NULL while it is down */
	struct http_server *http;  /* without TLS, on port 80 */
};

static inline void api_world_await(struct api_world *w, struct told *told)
{
	_cleanup_(err_done) struct err err = {0};

	loop_run_until(w->loop, &told->done, &err);
	if (!EXPECT(told->done)) {
		_cleanup_(buf_done) struct buf tree = BUF_INIT(MIB);

		loop_dump(w->loop, &tree);
		printf("%s\n%.*s", err_text(&err), STRF(buf_str(&tree)));
		abort(); /* nothing would ever end */
	}
}

static inline void api_world_pass(struct api_world *w, int64_t ns)
{
	int64_t until = loop_in(w->loop, ns);

	/* Torture may refuse the wait. */
	do {
		struct told told = {0};

		timer_wait(told_op(&told, w->root, OP_NO_DEADLINE), until);
		api_world_await(w, &told);
		told_done(&told);
	} while (loop_now(w->loop) < until);
}

/* ---- keys: made once, RSA takes its time ---- */

struct api_world_file {
	char name[64];
	char *text;
	size_t len;
};
static struct api_world_file api_world_files[16];
static size_t api_world_file_count;

#define API_WORLD_PKI "/k/pki"

static inline int api_world_keep(void *ctx, const char *name)
{
	struct env *host = ctx;
	struct api_world_file *f = &api_world_files[api_world_file_count++];
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);
	_cleanup_(err_done) struct err err = {0};
	char path[128];

	assert(api_world_file_count <= ARRAY_LEN(api_world_files));
	snprintf(f->name, sizeof(f->name), "%s", name);
	snprintf(path, sizeof(path), API_WORLD_PKI "/%s", name);
	EXPECT_OK(disk_read_file(host->disk, path, &text, &err), &err);
	f->len = text.len;
	f->text = malloc(text.len);
	memcpy(f->text, text.at, text.len);
	return 0;
}

static inline void api_world_keep_keys(struct api_world *w)
{
	struct disk *d = w->host->disk;

	if (!api_world_file_count)
		d->ops->list(d, API_WORLD_PKI, api_world_keep, w->host, NULL);
}

static inline void api_world_give_keys(struct api_world *w)
{
	_cleanup_(err_done) struct err err = {0};
	char path[128];

	EXPECT_OK(disk_make_dirs(w->host->disk, API_WORLD_PKI, 0700, &err), &err);
	for (size_t i = 0; i < api_world_file_count; i++) {
		struct api_world_file *f = &api_world_files[i];

		snprintf(path, sizeof(path), API_WORLD_PKI "/%s", f->name);
		EXPECT_OK(
			disk_write_file(w->host->disk, path, str_make(f->text, f->len), 0600, &err),
			&err);
	}
}

/* ---- the server ---- */

static inline void api_world_options(struct api_world *w, const char *const *more)
{
	_cleanup_(err_done) struct err err = {0};
	const char *const ours[] = {"--data-dir=/k", "--secure-port=6443",
		"--token-auth-file=/tokens", "--authorization-mode=Node,RBAC",
		"--service-cluster-ip-range=10.96.0.0/16", NULL};
	char *args[32];
	int count = 0;

	for (size_t i = 0; ours[i]; i++)
		args[count++] = arena_text(&w->arena, ours[i]);
	for (size_t i = 0; more && more[i]; i++)
		args[count++] = arena_text(&w->arena, more[i]);
	args[count] = NULL;
	w->options = api_options_new(&w->arena);
	struct flag *flags = api_options_flags(&w->arena, w->options);
	flags_init(flags, &w->arena);
	EXPECT_OK(flags_parse(flags, &w->arena, count, args, NULL, &err), &err);
	EXPECT_OK(api_options_check(&w->arena, w->options, &err), &err);
}

/* The code of the start; after a failure there is no server. */
static inline int api_world_start(struct api_world *w)
{
	struct told told = {0};
	struct http_server_options options = {.handler = pipeline_handle, .name = "plain"};
	struct address at = address_of(ip_v4(10, 0, 0, 1), 80);
	_cleanup_(err_done) struct err err = {0};

	api_server_start(
		w->host, told_op(&told, w->root, OP_NO_DEADLINE), w->root, w->options, &w->server);
	api_world_await(w, &told);
	int code = told.err.code;
	if (code) {
		api_server_free(TAKE(w->server));
	} else {
		options.ctx = w->server;
		w->http = http_server_new(w->host, w->root, &options);
		EXPECT_OK(http_server_listen(w->http, &at, &at, &err), &err);
	}
	told_done(&told);
	return code;
}

/* Local callers must have left. */
static inline void api_world_stop(struct api_world *w)
{
	struct told http = {0}, told = {0};

	http_server_stop(w->http, told_op(&http, w->root, OP_NO_DEADLINE), 0);
	api_world_await(w, &http);
	told_done(&http);
	http_server_free(TAKE(w->http));
	api_server_stop(w->server, told_op(&told, w->root, OP_NO_DEADLINE), 0);
	api_world_await(w, &told);
	told_done(&told);
	api_server_free(TAKE(w->server));
}

/* Everything but the start. */
static inline void api_world_init(struct api_world *w, uint64_t seed, const char *const *flags)
{
	_cleanup_(err_done) struct err err = {0};

	*w = (struct api_world){.sim = sim_new(seed)};
	w->loop = sim_loop(w->sim);
	w->root = loop_root(w->loop);
	w->host = sim_host(w->sim, "host", ip_v4(10, 0, 0, 1));
	w->far = sim_host(w->sim, "far", ip_v4(10, 0, 0, 2));
	arena_init(&w->arena);
	EXPECT_OK(disk_write_file(w->host->disk, "/tokens",
			  STR("rigtoken,admin,1,\"system:masters\"\n"), 0600, &err),
		&err);
	api_world_give_keys(w);
	api_world_options(w, flags);
}

static inline bool api_world_open(struct api_world *w, uint64_t seed, const char *const *flags)
{
	api_world_init(w, seed, flags);
	bool good = EXPECT_INT(api_world_start(w), 0);
	api_world_keep_keys(w);
	return good;
}

static inline void api_world_close(struct api_world *w)
{
	if (w->server)
		api_world_stop(w);
	arena_done(&w->arena);
	sim_free(w->sim);
}

/* ---- clients ---- */

static inline void api_world_enter(void *ctx, struct http_exchange *x)
{
	static const char *const groups[] = {"system:masters", NULL};
	static const struct local_user admin = {.name = "admin", .groups = groups};

	api_server_handle_local(ctx, x, &admin);
}

static inline struct object *api_world_find(void *ctx, const struct resource *r,
	struct str namespace, struct str name, int64_t revision)
{
	return api_server_find(ctx, r, namespace, name, revision);
}

/* In the server's process: to be dropped before the server stops. */
static inline struct client *api_world_local_client(struct api_world *w, bool shares)
{
	struct client_options options = {.user_agent = "local/v1"};
	struct client_transport *t =
		client_transport_local(w->host, w->root, api_world_enter, w->server);

	if (shares)
		client_transport_local_share(t, api_world_find);
	return client_new(w->host, t, &options);
}

static inline struct client *api_world_far_client(struct api_world *w)
{
	struct client_options options = {.user_agent = "far/v1"};
	struct client_config config = {.server = STR("http://10.0.0.1"), .token = STR("rigtoken")};

	return client_new(w->far, client_transport_https(w->far, w->root, &config), &options);
}

static inline void api_world_drop_client(struct api_world *w, struct client *c)
{
	struct told told = {0};

	client_stop(c, told_op(&told, w->root, OP_NO_DEADLINE));
	api_world_await(w, &told);
	told_done(&told);
	client_free(c);
}

#endif
