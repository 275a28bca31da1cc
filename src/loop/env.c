#include <kube/env.h>
#include <kube/mem.h>
#include <kube/random.h>
#include <kube/time.h>

#include <limits.h>
#include <unistd.h>

#include "transport.h"

static int64_t machine_wall(struct env *env)
{
	(void)env;
	return clock_wall();
}

static void machine_random(struct env *env, void *at, size_t len)
{
	(void)env;
	random_fill(at, len);
}

struct env *env_new(struct loop *loop)
{
	static char name[HOST_NAME_MAX + 1];
	gethostname(name, sizeof(name) - 1);
	struct env *env = mem_new(sizeof(*env));
	*env = (struct env){
		.loop = loop,
		.wall = machine_wall,
		.random = machine_random,
		.transport = &machine_transport,
		.disk = &machine_disk,
		.host = name,
	};
	return env;
}

void env_free(struct env *env)
{
	mem_free(env);
}

/* ---- transport ---- */

void net_connect(struct env *env, struct op *op, struct scope *scope, const struct address *to,
	struct stream **stream)
{
	env->transport->connect(env, op, scope, to, stream);
}

int net_listen(struct env *env, struct scope *scope, const struct address *at, int backlog,
	struct listener **listener, struct err *err)
{
	return env->transport->listen(env, scope, at, backlog, listener, err);
}

void net_resolve(struct env *env, struct op *op, struct str host, struct addresses *found)
{
	env->transport->resolve(env, op, host, found);
}

void net_own_addresses(struct env *env, struct addresses *found)
{
	*found = (struct addresses){0};
	env->transport->own(env, found);
}

static void accept_cancel(struct op *op)
{
	struct listener *l = op->ctx;
	l->ops->cancel(l, op);
}

static void accept_describe(const struct op *op, struct buf *out)
{
	const struct listener *l = op->ctx;
	address_print(out, &l->address);
}

void listener_accept(struct listener *l, struct op *op, struct scope *scope, struct stream **stream)
{
	static const struct op_kind kind = {
		.name = "accept", .cancel = accept_cancel, .describe = accept_describe};
	assert(!l->accepting);
	if (!op_begin(op, &kind, l))
		return;
	l->accepting = op;
	l->ops->accept(l, op, scope, stream);
}

void listener_close(struct listener *l)
{
	if (l)
		l->ops->close(l);
}
