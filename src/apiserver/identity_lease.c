/*
 * Which servers there are: one Lease for each, kube-system/apiserver-<hash of the host name>. It
 * is renewed lazily: an idle server writes nothing to its disk. Those that nobody renews any more,
 * of servers that had other names, are taken away.
 */
#include "first_batch.h"
#include "first_objects.h"

#include <kube/api_codec.h>
#include <kube/hash.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/random.h>
#include <kube/time.h>

#define DURATION    3600 /* seconds, as upstream */
#define RENEW_EVERY (10 * MINUTE)

struct identity_lease {
	struct api_server *server;
	struct scope scope;
	struct arena arena;
	struct arena arena_of_tree; /* while it is being written */
	struct str host, name, holder, acquired;
	struct own_write write;
	struct op op;
};

static void random_of_env(void *ctx, void *at, size_t len)
{
	env_random(ctx, at, len);
}

static struct str wall_text(struct identity_lease *l, struct arena *a)
{
	_cleanup_(buf_done) struct buf now = BUF_INIT(64);

	time_print_micro(&now, env_wall(l->server->env));
	return arena_str(a, buf_str(&now));
}

/* "apiserver-" and 26 characters, as upstream makes them of the host's name. */
struct str identity_lease_name(struct arena *a, const struct api_server *s)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned char digest[32];
	char out[27];

	sha256_of(str_from(s->env->host), digest);
	for (size_t i = 0; i < 26; i++) {
		size_t bit = i * 5;
		unsigned two = (unsigned)digest[bit / 8] << 8 | digest[bit / 8 + 1];

		out[i] = alphabet[two >> (11 - bit % 8) & 31];
	}
	out[26] = 0;
	return arena_print(a, "apiserver-%s", out);
}

static void name_it(struct identity_lease *l)
{
	char uid[37];

	l->host = str_from(l->server->env->host);
	l->name = identity_lease_name(&l->arena, l->server);
	uuid_make(uid, random_of_env, l->server->env);
	l->holder = arena_print(&l->arena, "%.*s_%s", STRF(l->name), uid);
	l->acquired = wall_text(l, &l->arena);
}

static struct cJSON *lease_tree(struct identity_lease *l, struct arena *a)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT);

	tree_set_str(a, tree, "metadata.name", l->name);
	tree_set_str(a, tree, "metadata.namespace", STR("kube-system"));
	struct cJSON *labels = json_new(a, JSON_OBJECT);
	json_add(a, labels, STR("apiserver.kubernetes.io/identity"),
		json_new_str(a, STR("kube-apiserver")));
	json_add(a, labels, STR("kubernetes.io/hostname"), json_new_str(a, l->host));
	tree_set(a, tree, "metadata.labels", labels);
	tree_set_str(a, tree, "spec.holderIdentity", l->holder);
	tree_set_int(a, tree, "spec.leaseDurationSeconds", DURATION);
	tree_set_str(a, tree, "spec.acquireTime", l->acquired);
	tree_set_str(a, tree, "spec.renewTime", wall_text(l, a));
	return tree;
}

/* ---- those of others ---- */

static const struct resource *leases(void)
{
	return resource_find(STR("coordination.k8s.io"), STR("v1"), STR("leases"));
}

static bool is_of_a_server(const struct cJSON *tree)
{
	return str_eq_text(json_str(json_get(json_path(tree, "metadata.labels"),
				   STR("apiserver.kubernetes.io/identity"))),
		"kube-apiserver");
}

static bool has_expired(const struct cJSON *tree, int64_t now)
{
	int64_t renewed, duration = tree_int(tree, "spec.leaseDurationSeconds", -1);

	return duration < 0 || time_parse(tree_str(tree, "spec.renewTime"), &renewed, NULL) ||
	       renewed + duration * SEC < now;
}

static void pause_lease(struct identity_lease *l);

static void swept(struct op *op, struct err *err)
{
	struct identity_lease *l = CONTAINER_OF(op, struct identity_lease, op);

	if (scope_closing(&l->scope))
		return;
	if (err->code) /* the next round has them, too */
		log_warning(err, "leases of servers that are gone were not removed");
	pause_lease(l);
}

static void sweep(struct identity_lease *l)
{
	struct first_batch *b = first_batch_new(l->server);
	struct store_iter it = store_seek(
		server_bucket(l->server, leases()), STR("kube-system/"), STR("kube-system/"));

	while (store_next(&it)) {
		const struct cJSON *tree = object_lean_tree(first_batch_arena(b), it.object);

		if (is_of_a_server(tree) && has_expired(tree, env_wall(l->server->env)) &&
			!str_eq(tree_str(tree, "metadata.name"), l->name))
			first_batch_remove(b, leases(), it.object);
	}
	op_init(&l->op, &l->scope, swept, OP_NO_DEADLINE);
	first_batch_run(b, &l->op);
}

/* ---- ours ---- */

static void renewed(struct op *op, struct err *err);

static void renew(struct op *op, struct err *err)
{
	struct identity_lease *l = CONTAINER_OF(op, struct identity_lease, op);

	if (err->code)
		return;
	l->write = (struct own_write){.resource = leases(), .commit.lazy = true};
	arena_init(&l->arena_of_tree);
	l->write.object = lease_tree(l, &l->arena_of_tree);
	op_init(&l->op, &l->scope, renewed, OP_NO_DEADLINE);
	server_write(l->server, &l->op, &l->write);
}

static void renewed(struct op *op, struct err *err)
{
	struct identity_lease *l = CONTAINER_OF(op, struct identity_lease, op);

	arena_done(&l->arena_of_tree);
	if (scope_closing(&l->scope))
		return;
	if (err->code)
		log_warning(err, "the server's lease was not renewed", LOG_STR("lease", l->name));
	sweep(l);
}

static void pause_lease(struct identity_lease *l)
{
	op_init(&l->op, &l->scope, renew, OP_NO_DEADLINE);
	timer_wait(&l->op, loop_in(l->server->env->loop, RENEW_EVERY));
}

void identity_lease_start(struct api_server *s, struct scope *parent, struct identity_lease **lease)
{
	struct identity_lease *l = mem_new(sizeof(*l));
	struct err none = {0};

	l->server = s;
	arena_init(&l->arena);
	scope_init(&l->scope, parent, "identity lease", NULL);
	name_it(l);
	*lease = l;
	renew(&l->op, &none);
}

void identity_lease_stop(struct identity_lease *l, struct op *op)
{
	scope_close(&l->scope, op);
}

void identity_lease_free(struct identity_lease *l)
{
	if (!l)
		return;
	arena_done(&l->arena);
	mem_free(l);
}
