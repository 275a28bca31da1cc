/* When a token of old, which never ends, was used last: a label of its Secret, day by day. */
#include "authn_private.h"

#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>

#define LAST_USED "kubernetes.io/legacy-token-last-used"
#define DAY       (24 * HOUR)
#define DATE_LEN  10

struct use {
	struct api_server *server;
	struct own_write write;
	struct op op;
	struct arena arena;
};

static struct str date_of(struct arena *a, int64_t now)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64);

	time_print(&out, now / SEC * SEC);
	return arena_str(a, str_sub(buf_str(&out), 0, DATE_LEN));
}

/* Whatever stands there now gets the label. */
static struct cJSON *label(const struct own_merge *m)
{
	struct cJSON *tree = json_copy(m->arena, m->current);
	struct cJSON *labels = json_path(tree, "metadata.labels");

	if (!json_is(labels, JSON_OBJECT)) {
		labels = json_new(m->arena, JSON_OBJECT);
		tree_set(m->arena, tree, "metadata.labels", labels);
	}
	json_set(m->arena, labels, STR(LAST_USED),
		json_new_str(m->arena, date_of(m->arena, m->now)));
	return tree;
}

static void written(struct op *op, struct err *err)
{
	struct use *u = CONTAINER_OF(op, struct use, op);

	if (u->server->authn)
		u->server->authn->records_use = false;
	/* a change that came first leaves it to the next use */
	if (err->code && err->code != ERR_CANCELLED && err->code != ERR_CONFLICT)
		log_error(err, "the use of a token in a Secret is not recorded");
	arena_done(&u->arena);
	mem_free(u);
}

void legacy_token_used(struct authn *a, const struct cJSON *secret)
{
	const struct cJSON *labels = json_path(secret, "metadata.labels");
	struct str told = json_str(json_get(labels, STR(LAST_USED)));
	int64_t now = env_wall(a->server->env);
	_cleanup_(arena_done) struct arena scratch;
	struct use *u;

	arena_init(&scratch);
	if (a->records_use || str_eq(told, date_of(&scratch, now)) ||
		str_eq(told, date_of(&scratch, now + DAY)))
		return;
	a->records_use = true;
	u = mem_new(sizeof(*u));
	u->server = a->server;
	arena_init(&u->arena);
	u->write = (struct own_write){.resource = resource_find(STR(""), STR("v1"), STR("secrets")),
		.object = json_copy(&u->arena, secret),
		.merge = label};
	op_init(&u->op, &a->server->scope, written, OP_NO_DEADLINE);
	server_write(a->server, &u->op, &u->write);
}
