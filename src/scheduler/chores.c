/* Writes that nobody waits for. */
#include "shell.h"

#include <kube/mem.h>
#include <kube/time.h>

#define TIMEOUT (30 * SEC)

struct chore *chore_new(struct chores *chores, enum client_verb verb,
	const struct resource *resource, struct str namespace, struct str name)
{
	struct chore *c = mem_new(sizeof(*c));

	c->chores = chores;
	arena_init(&c->arena);
	client_request_init(&c->request, verb, resource, arena_str(&c->arena, namespace),
		arena_str(&c->arena, name));
	chores->count++;
	return c;
}

void chore_drop(struct chore *c)
{
	c->chores->count--;
	client_request_done(&c->request);
	arena_done(&c->arena);
	mem_free(c);
}

static void chore_end(struct chore *c, const struct err *err)
{
	if (c->over)
		c->over(c, err);
	chore_drop(c);
}

static void run_more(struct chores *chores);

static void chore_done(struct op *op, struct err *err)
{
	struct chore *c = CONTAINER_OF(op, struct chore, op);
	struct chores *chores = c->chores;

	chores->running--;
	chore_end(c, err);
	run_more(chores);
}

static void run_more(struct chores *chores)
{
	struct link *k;

	while (chores->running < chores->most && (k = list_pop(&chores->waiting))) {
		struct chore *c = LIST_ENTRY(k, struct chore, in_chores);
		struct loop *loop = client_env(chores->client)->loop;

		chores->running++;
		op_init(&c->op, chores->scope, chore_done, loop_in(loop, TIMEOUT));
		client_send(chores->client, &c->op, &c->request);
	}
}

void chore_start(struct chore *c)
{
	list_push(&c->chores->waiting, &c->in_chores);
	run_more(c->chores);
}

void chores_drop(struct chores *chores)
{
	_cleanup_(err_done) struct err err = {0};
	struct link *k;

	err_set(&err, ERR_CANCELLED, "the scheduler ends");
	while ((k = list_pop(&chores->waiting)))
		chore_end(LIST_ENTRY(k, struct chore, in_chores), &err);
}
