/*
 * Decisions of RBAC: upstream's policy and a thousand bindings more, of users and of groups, in the
 * cluster and in namespaces.
 */
#include "apiserver/access.h"
#include "apiserver/api_options.h"

#include <kube/api_codec.h>
#include <kube/env.h>
#include <kube/time.h>

#include <stdio.h>
#include <stdlib.h>

#define BINDINGS 1000
#define ROUNDS   200000
#define GROUP    "rbac.authorization.k8s.io"

static struct {
	struct loop *loop;
	struct scope *root;
	struct op op;
	bool done;
	struct arena arena;
	struct api_options options;
	struct api_server server;
	struct str modes[1];
	char dir[64];
} world;

static void ended(struct op *op, struct err *err)
{
	(void)op;
	if (err->code) {
		fprintf(stderr, "%s\n", err_text(err));
		exit(1);
	}
	world.done = true;
}

static struct op *begin(void)
{
	world.done = false;
	op_init(&world.op, world.root, ended, OP_NO_DEADLINE);
	return &world.op;
}

static void await(void)
{
	if (loop_run_until(world.loop, &world.done, NULL))
		exit(1);
}

static void open_world(void)
{
	struct store_options store = {.no_sync = true};

	arena_init(&world.arena);
	world.loop = loop_new();
	world.root = loop_root(world.loop);
	strcpy(world.dir, "/tmp/kube-bench-XXXXXX");
	if (!mkdtemp(world.dir))
		abort();
	store.path = world.dir;
	world.modes[0] = STR("RBAC");
	world.options.authorization_modes = (struct flag_list){world.modes, 1};
	world.server.env = env_new(world.loop);
	world.server.options = &world.options;
	scope_init(&world.server.scope, world.root, "server", NULL);
	store_open(world.server.env, begin(), world.root, &store, &world.server.store);
	await();
	if (authz_new(&world.server, &world.server.authz, NULL))
		abort();
	authz_bootstrap(&world.server, begin());
	await();
}

static void put(const char *plural, struct str text)
{
	struct own_write w = {.resource = resource_find(STR(GROUP), STR("v1"), str_from(plural))};

	if (json_parse(&world.arena, text, NULL, &w.object, NULL))
		abort();
	server_write(&world.server, begin(), &w);
	await();
}

static void add_bindings(void)
{
	for (int i = 0; i < BINDINGS; i++) {
		bool cluster = i % 2;

		put(cluster ? "clusterrolebindings" : "rolebindings",
			arena_print(&world.arena,
				"{\"metadata\":{\"name\":\"b%d\"%s},\"roleRef\":{\"apiGroup\":"
				"\"" GROUP "\",\"kind\":\"ClusterRole\",\"name\":\"view\"},"
				"\"subjects\":[{\"kind\":\"%s\",\"name\":\"s%d\"}]}",
				i, cluster ? "" : ",\"namespace\":\"default\"",
				i % 4 < 2 ? "User" : "Group", i));
	}
}

static void measure(const char *name, const char *user, const char *group, const char *verb)
{
	struct str groups[] = {str_from(group), STR("system:authenticated")};
	struct api_user u = {.name = str_from(user), .groups = groups, .group_count = 2};
	struct access_query q = {.user = &u,
		.verb = str_from(verb),
		.is_resource = true,
		.version = STR("v1"),
		.resource = STR("pods"),
		.namespace = STR("default")};
	struct str reason;
	int64_t begun;
	size_t allowed = 0;

	authz_ask(world.server.authz, &world.arena, &q, &reason); /* compiles the policy */
	begun = clock_mono();
	for (int i = 0; i < ROUNDS; i++)
		allowed += authz_ask(world.server.authz, &world.arena, &q, &reason) == ACCESS_ALLOW;
	printf("%s %.3f us\n", name, (double)(clock_mono() - begun) / 1000.0 / ROUNDS);
	if (allowed && allowed != ROUNDS)
		abort();
}

int main(void)
{
	char command[128];

	open_world();
	add_bindings();
	measure("authz_rbac_user_allowed", "s997", "nobody", "get");
	measure("authz_rbac_group_allowed", "x", "s998", "get");
	measure("authz_rbac_user_refused", "s997", "nobody", "delete");
	measure("authz_rbac_stranger_refused", "stranger", "nobody", "get");
	snprintf(command, sizeof(command), "rm -r %s", world.dir);
	return system(command) != 0;
}
